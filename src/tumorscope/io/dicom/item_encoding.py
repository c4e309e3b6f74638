"""Items of DICOM sequences as bytes, for objects that repeat most of what is in their items.

pydicom searches, checks and encodes each element of each item when a file is written. Here a text is encoded once per
object, and so is a sequence that several items share; every value is still encoded by pydicom.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_TAG_AND_LENGTH = struct.Struct("<HHL")
_TAG_VR_AND_LENGTH = struct.Struct("<HH2sHL")


def encode_items(dataset: Dataset, character_set: str) -> None:
    """Replace the sequences of a dataset by their encoded items, which ``dcmwrite`` writes as they are.

    Args:
        dataset: made here and complete but for elements that are not raw, with the transfer syntax of its file, which
            is little endian.
        character_set: of all its text, as in SpecificCharacterSet.
    """
    from pydicom.charset import convert_encodings
    from pydicom.dataelem import RawDataElement
    from pydicom.filewriter import correct_ambiguous_vr

    implicit = dataset.file_meta.TransferSyntaxUID.is_implicit_VR
    encoder = _Encoder(implicit, character_set)
    sequences = [dataset[element.tag] for element in dataset.values() if element.VR == "SQ"]
    for element in sequences:
        del dataset[element.tag]
    correct_ambiguous_vr(dataset, is_little_endian=True)  # which pydicom leaves out where elements are raw
    for element in sequences:
        value = encoder.items(element)
        dataset[element.tag] = RawDataElement(element.tag, "SQ", len(value), value, 0, implicit, True)
    dataset.set_original_encoding(implicit, True, convert_encodings(character_set))


class _Encoder:
    """Encodes elements, each distinct one once."""

    def __init__(self, implicit: bool, character_set: str) -> None:
        self._implicit, self._character_set = implicit, character_set
        self._texts: dict[tuple[int, str, str], bytes] = {}
        self._sequences: dict[int, bytes] = {}

    def items(self, sequence: DataElement) -> bytes:
        """The items of a sequence."""
        known = self._sequences.get(id(sequence))
        if known is None:
            known = b"".join(map(self._item, sequence.value))
            self._sequences[id(sequence)] = known
        return known

    def _item(self, item: Dataset) -> bytes:
        content = b"".join([self._element(item[tag]) for tag in sorted(item.keys(), key=int)])
        return _TAG_AND_LENGTH.pack(0xFFFE, 0xE000, len(content)) + content

    def _element(self, element: DataElement) -> bytes:
        value = element.value
        if element.VR == "SQ":
            return self._sequence(element)
        if not isinstance(value, str):
            return self._encoded(element)
        key = element.tag, element.VR, value
        known = self._texts.get(key)
        if known is None:
            known = self._texts[key] = self._encoded(element)
        return known

    def _sequence(self, element: DataElement) -> bytes:
        items, tag = self.items(element), element.tag
        if self._implicit:
            return _TAG_AND_LENGTH.pack(tag.group, tag.element, len(items)) + items
        return _TAG_VR_AND_LENGTH.pack(tag.group, tag.element, b"SQ", 0, len(items)) + items

    def _encoded(self, element: DataElement) -> bytes:
        from pydicom.filebase import DicomBytesIO
        from pydicom.filewriter import write_data_element

        file = DicomBytesIO()
        file.is_implicit_VR, file.is_little_endian = self._implicit, True
        write_data_element(file, element, self._character_set)
        return file.getvalue()
