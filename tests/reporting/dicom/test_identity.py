"""Times and identifiers of objects: the study's time zone, and UIDs that follow from the patient and the images."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

import pydicom
import pytest
from pydicom.dataelem import RawDataElement

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
def test_where_the_study_states_no_zone_objects_state_none_for_its_times(analysis, stated, monkeypatch):
    monkeypatch.setenv("TZ", "XXX-3:30")
    time.tzset()
    try:
        for source in analysis.scan.source_images:
            if stated is not None:
                source.header.TimezoneOffsetFromUTC = stated
        for made_at in (NOON, datetime(2024, 3, 2, 15, 30)):
            for dataset in objects(analysis, made_at):
                assert "TimezoneOffsetFromUTC" not in dataset
                assert (dataset.ContentDate, dataset.ContentTime) == ("20240302", "153000")
                stated_of = [
                    item.get("ContributionDateTime") for item in dataset.get("ContributingEquipmentSequence", [])
                ]
                assert set(stated_of) <= {None, "20240302153000+0330"}  # a DT states its own zone
    finally:
        monkeypatch.undo()
        time.tzset()


def identifiers(analysis) -> list[set[str]]:
    """Of every kind of object: its series, itself, and what it tracks."""
    made = objects(analysis, NOON)
    tracked = {segment.TrackingUID for segment in made[0].SegmentSequence}
    return [{dataset.SeriesInstanceUID, dataset.SOPInstanceUID} for dataset in made] + [tracked]


@pytest.mark.parametrize(
    ("keyword", "corrected"),
    [
        ("PatientID", "OTHER"),
        ("IssuerOfPatientID", "WARD"),
        ("PatientName", "Roe^Jane"),
        ("PatientBirthDate", "19510203"),
    ],
)
def test_objects_for_a_corrected_patient_have_other_uids(analysis, keyword, corrected):
    before = identifiers(analysis)
    assert identifiers(analysis) == before
    for source in analysis.scan.source_images:
        setattr(source.header, keyword, corrected)
    for uids, others in zip(before, identifiers(analysis), strict=True):
        assert not uids & others


def test_an_attribute_of_the_patient_that_cannot_be_decoded_stops_no_object(analysis):
    header = analysis.scan.source_images[0].header
    tag = pydicom.tag.Tag("PatientBirthDate")
    header[tag] = RawDataElement(tag, "FD", 3, b"\x01\x02\x03", 0, False, True)
    assert len(objects(analysis, NOON)) == 3
