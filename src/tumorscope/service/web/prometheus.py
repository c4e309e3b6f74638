"""Metrics for Prometheus, in a separate registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tumorscope.service.catalog_records import State

_DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)


class Metrics:
    """The service's metrics. Labels are route templates, methods and states: never a path, an id or a name.

    Args:
        studies: called at every scrape; gives the number of studies in each state.
    """

    def __init__(self, studies: Callable[[], Mapping[State, int]]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "tumorscope_requests", "Completed requests.", ("method", "route", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "tumorscope_request_seconds",
            "Time from the first byte of a request to the last byte of its response.",
            ("method", "route"),
            buckets=_DURATIONS_S,
            registry=self.registry,
        )
        self.under_way = Gauge("tumorscope_requests_under_way", "Requests in progress.", registry=self.registry)
        self.upload_bytes = Counter("tumorscope_upload_bytes", "Bytes of received uploads.", registry=self.registry)
        self.uploads = Counter("tumorscope_uploads", "Uploads by outcome.", ("outcome",), registry=self.registry)
        self._streams = Gauge("tumorscope_event_streams", "Open event streams.", registry=self.registry)
        self.streams = 0
        self.registry.register(_Studies(studies))

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count an event stream as open for the duration of the block."""
        self.streams += 1
        self._streams.set(self.streams)
        try:
            yield
        finally:
            self.streams -= 1
            self._streams.set(self.streams)

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self.registry)


class _Studies(Collector):
    """Studies by state, counted in the database at every scrape."""

    def __init__(self, count: Callable[[], Mapping[State, int]]) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("tumorscope_studies", "Studies by state.", labels=("state",))
        for state, count in self._count().items():
            family.add_metric((state,), count)
        yield family

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("tumorscope_studies", "Studies by state.", labels=("state",))]
