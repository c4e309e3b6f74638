"""Times of an object are in one zone: the study's where it states one, else this machine's."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

import pydicom
import pytest

from tumorscope.io.dicom.writers import encode_capture, encode_segmentation, encode_structured_report
from tumorscope.reporting.panel import draw_panel

NOON = datetime(2024, 3, 2, 12, 0, tzinfo=UTC)


def objects(analysis, made_at):
    segmentation = encode_segmentation(analysis, made_at=made_at)
    report = encode_structured_report(analysis, segmentation, made_at=made_at)
    capture = encode_capture(analysis, draw_panel(analysis), made_at=made_at)
    return [pydicom.dcmread(io.BytesIO(content)) for content in (segmentation, report, capture)]


@pytest.mark.parametrize(
    ("stated", "date", "clock"),
    [("+0530", "20240302", "173000"), ("-0800", "20240302", "040000"), ("+1345", "20240303", "014500")],
)
def test_times_are_in_the_zone_that_the_study_states(analysis, stated, date, clock):
    for source in analysis.scan.source_images:
        source.header.TimezoneOffsetFromUTC = stated
    for dataset in objects(analysis, NOON):
        assert dataset.TimezoneOffsetFromUTC == stated
        assert (dataset.ContentDate, dataset.ContentTime) == (date, clock)
        assert dataset.StudyTime == analysis.scan.source_images[0].header.StudyTime
        assert dataset.get("TimeOfSecondaryCapture", clock) == clock


@pytest.mark.parametrize("stated", [None, "", "UTC", "+9900", "+05:30"])
def test_without_a_time_zone_times_are_this_machines_and_state_its_offset(analysis, stated, monkeypatch):
    monkeypatch.setenv("TZ", "XXX-3:30")
    time.tzset()
    try:
        for source in analysis.scan.source_images:
            if stated is not None:
                source.header.TimezoneOffsetFromUTC = stated
        for made_at in (NOON, datetime(2024, 3, 2, 15, 30)):
            for dataset in objects(analysis, made_at):
                assert dataset.TimezoneOffsetFromUTC == "+0330"
                assert (dataset.ContentDate, dataset.ContentTime) == ("20240302", "153000")
    finally:
        monkeypatch.undo()
        time.tzset()
