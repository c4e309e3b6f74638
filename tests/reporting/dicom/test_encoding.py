"""Sequences are encoded without pydicom; its encoding is the right one."""

from __future__ import annotations

import io
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom import DataElement, Dataset
from reporting.dicom.studies import NOW, study_of

from tumorscope.core.note import Note
from tumorscope.io.dicom.encoding import encode_element, encode_sequence
from tumorscope.io.dicom.writers import encode_segmentation, encode_structure_set, encode_structured_report


def item(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


ITEMS = {
    "texts of even and odd length": item(CodeValue="12", CodeMeaning="odd", TextValue="x", SelectorLTValue="abc"),
    "several texts": item(SelectorLOValue=["Müller", "Ωmega", "", "e"], ImageType=["DERIVED", "PRIMARY"]),
    "a text that is not one": item(TextValue="scan\udc80.dcm"),
    "a text longer than 16 bits": item(TextValue="x" * 70_001),
    "identifiers": item(ReferencedSOPInstanceUID="1.2.3", ReferencedSOPClassUID="1.2.840"),
    "numbers as text": item(NumericValue=["1.50", 2, 0.1], ReferencedFrameNumber=[1, 12], SeriesNumber="7"),
    "numbers": item(DimensionIndexValues=[1, 2, 70_000], Rows=9, GraphicData=[0.1, 2.5], FloatingPointValue=1 / 3),
    "nothing": item(CodeMeaning="", CodeValue=None, NumericValue=None, Rows=None, ContentSequence=[]),
    "in any order": item(TextValue="last", ContentSequence=[item(CodeMeaning="inner")], CodeValue="first"),
    "rare representations": item(
        PatientName="Doe^Jane=Ünä",
        DimensionIndexPointer=0x00209056,
        ContributionDateTime="20240302093000",
        StudyDate="",
    ),
}


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("name", ITEMS)
def test_an_item_is_encoded_as_pydicom_does(name, explicit):
    items = [ITEMS[name], Dataset(), ITEMS[name]]
    with pytest.warns(UserWarning, match="replacement characters") if "not one" in name else nullcontext():
        expected = encode_element(DataElement("ContentSequence", "SQ", items), explicit)
    assert encode_sequence(0x0040A730, items, explicit) == expected


@pytest.mark.parametrize("enhanced", [False, True])
def test_every_sequence_of_our_objects_is_encoded_as_pydicom_does(analyzed, tmp_path, enhanced):
    study = study_of(tmp_path, enhanced=enhanced)
    found = replace(
        analyzed(study.scan, study.mask),
        probability=np.where(study.mask, 200, 0).astype(np.uint8),
        warnings=(Note("assumed_spacing", "größer als 3 µm"),),
    )
    segmentation = encode_segmentation(found, made_at=NOW)
    objects = [
        segmentation,
        encode_segmentation(found, fractional=True, every_frame=True, made_at=NOW),
        encode_structured_report(found, segmentation, NOW),
        encode_structure_set(found, NOW),
    ]
    for content in objects:
        dataset = pydicom.dcmread(io.BytesIO(content))
        explicit = not dataset.file_meta.TransferSyntaxUID.is_implicit_VR
        list(dataset.iterall())  # decodes them
        sequences = [element for element in dataset if element.VR == "SQ"]
        assert len(sequences) > 3
        for element in sequences:
            encoded = encode_sequence(int(element.tag), element.value, explicit)
            assert encoded == encode_element(element, explicit)
            assert encoded in content
