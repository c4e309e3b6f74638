"""Sequences encoded in advance are those that pydicom writes."""

import io

import pytest
from pydicom import DataElement, Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tumorscope.io.dicom.items import ItemEncoder, encode_sequences, encoded_sequence, make_item


def document(syntax: str) -> Dataset:
    """Sequences in sequences, of text, numbers, lists and nothing, some of it repeated or shared."""
    code = make_item(CodeMeaning="Ödem", CodingSchemeDesignator="SCT", CodeValue="1", LongCodeValue="1")
    image = make_item(ReferencedSOPClassUID="1.2.840", ReferencedSOPInstanceUID="1.2.3", ReferencedFrameNumber=7)
    line = make_item(GraphicData=[0.5, 1.25, -3.0, 4.0], GraphicType="POLYLINE", ContentSequence=[image, image])
    number = make_item(
        MeasuredValueSequence=[make_item(NumericValue="1.50"), make_item(NumericValue="1.5")], TextValue=None
    )
    shared = Dataset(dict(line.items()))
    shared.TextValue = "größer\r\nals zuvor"
    contour = make_item(ContourImageSequence=[image], NumberOfContourPoints=1)
    contour.add(DataElement("ContourData", "DS", "1.0000\\2.0000\\-3.0000", already_converted=True))
    made = make_item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33",
        SOPInstanceUID="1.2.3.4",
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Müller^Jörg",
        ContentSequence=[line, number, shared, make_item(ConceptNameCodeSequence=[code], ReferencedFrameNumber=[1, 2])],
        ConceptNameCodeSequence=[code],
        ContourSequence=[contour, contour],
        PerformedProcedureCodeSequence=[],
        BitsAllocated=8,
        PixelRepresentation=0,
        SmallestImagePixelValue=3,
        PixelData=b"\1\2",
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    return made


def written(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_file_is_the_one_that_pydicom_writes(syntax):
    encoded = document(syntax)
    encode_sequences(encoded, "ISO_IR 192")
    encoded.PatientComments = "später"
    plain = document(syntax)
    plain.PatientComments = "später"
    assert written(encoded) == written(plain)


def test_a_sequence_in_an_item_may_have_been_encoded_before():
    encoded, plain = document(ExplicitVRLittleEndian), document(ExplicitVRLittleEndian)
    line = encoded.ContentSequence[0]
    line["ContentSequence"] = encoded_sequence("ContentSequence", ItemEncoder("ISO_IR 192").items(line.ContentSequence))
    encode_sequences(encoded, "ISO_IR 192")
    assert written(encoded) == written(plain)


def test_sequences_are_not_decoded_again_where_the_file_is_written(monkeypatch):
    encoded = document(ExplicitVRLittleEndian)
    encode_sequences(encoded, "ISO_IR 192")
    written(encoded)
    assert encoded.get_item("ContentSequence").is_raw
