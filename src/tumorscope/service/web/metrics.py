"""Metrics for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tumorscope.service.records import State

_DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)


class Metrics:
    """What is counted. Labels are route templates, methods and states: never a path, an id or a name.

    Args:
        studies: asked at every scrape for the number of studies in each state.
    """

    def __init__(self, studies: Callable[[], Mapping[State, int]]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "tumorscope_requests", "Requests responded.", ("method", "route", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "tumorscope_request_seconds",
            "From a request's first byte to its response's last.",
            ("method", "route"),
            buckets=_DURATIONS_S,
            registry=self.registry,
        )
        self.under_way = Gauge("tumorscope_requests_under_way", "Requests being responded.", registry=self.registry)
        self.upload_bytes = Counter("tumorscope_upload_bytes", "Bytes of uploads taken in.", registry=self.registry)
        self.uploads = Counter(
            "tumorscope_uploads", "Uploads, by what became of them.", ("outcome",), registry=self.registry
        )
        self._streams = Gauge("tumorscope_event_streams", "Streams of events that are open.", registry=self.registry)
        self.streams = 0
        self.registry.register(_Studies(studies))

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """A stream of events is open for as long as the block lasts; ``streams`` counts them."""
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
    """Studies by state, counted in the database whenever somebody asks."""

    def __init__(self, count: Callable[[], Mapping[State, int]]) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("tumorscope_studies", "Studies by state.", labels=("state",))
        for state, count in self._count().items():
            family.add_metric((state,), count)
        yield family

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("tumorscope_studies", "Studies by state.", labels=("state",))]
