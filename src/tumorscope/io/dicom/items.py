"""Items of DICOM sequences, made from keywords and encoded before their file is written.

pydicom searches, checks and encodes each element of each item when a file is written, and objects repeat most of what is
in their items. Here an item that several sequences share is encoded once per object, and so is a text; every value is
still encoded by pydicom.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

_TAG_AND_LENGTH = struct.Struct("<HHL")
_TAG_VR_AND_LENGTH = struct.Struct("<HH2sHL")


def make_item(**attributes: Any) -> Dataset:
    """An item with attributes by their keywords."""
    from pydicom import Dataset

    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def encode_sequences(dataset: Dataset, character_set: str) -> None:
    """Replace the sequences of a dataset by their encoded items, which ``dcmwrite`` writes as they are.

    Args:
        dataset: made here and complete but for elements that are not raw, with the transfer syntax of its file, which
            is little endian.
        character_set: of all its text, as in SpecificCharacterSet.
    """
    from pydicom.charset import convert_encodings
    from pydicom.filewriter import correct_ambiguous_vr

    implicit = dataset.file_meta.TransferSyntaxUID.is_implicit_VR
    encoder = ItemEncoder(character_set, implicit=implicit)
    sequences = [dataset[element.tag] for element in dataset.values() if element.VR == "SQ"]
    for element in sequences:
        del dataset[element.tag]
    correct_ambiguous_vr(dataset, is_little_endian=True)  # which pydicom leaves out where elements are raw
    for element in sequences:
        dataset[element.tag] = encoded_sequence(element.tag, encoder.items(element.value), implicit=implicit)
    dataset.set_original_encoding(implicit, True, convert_encodings(character_set))


def encoded_sequence(tag: BaseTag | str, value: bytes, *, implicit: bool = False) -> RawDataElement:
    """A sequence as an element of a dataset, by its tag or keyword, from what :meth:`ItemEncoder.items` returns."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    return RawDataElement(Tag(tag), "SQ", len(value), value, 0, implicit, True)


class ItemEncoder:
    """Encodes items, little endian, each distinct one once. They must not change meanwhile."""

    def __init__(self, character_set: str, *, implicit: bool = False) -> None:
        self._character_set, self._implicit = character_set, implicit
        self._texts: dict[tuple[int, str], bytes] = {}
        self._items: dict[int, tuple[Dataset, bytes]] = {}

    def items(self, items: Iterable[Dataset]) -> bytes:
        """The value of a sequence."""
        return b"".join(map(self._item, items))

    def _item(self, item: Dataset) -> bytes:
        known = self._items.get(id(item))
        if known is not None:
            return known[1]
        content = b"".join([self._element(item.get_item(tag)) for tag in sorted(item.keys(), key=int)])
        encoded = _TAG_AND_LENGTH.pack(0xFFFE, 0xE000, len(content)) + content
        self._items[id(item)] = item, encoded  # an item that is kept keeps its id
        return encoded

    def _element(self, element: DataElement | RawDataElement) -> bytes:
        value: Any = element.value
        if isinstance(value, str):
            return self._text(element, value)
        if element.VR == "SQ" and not element.is_raw:
            return self._sequence(element.tag, value)
        return self._encoded(element)

    def _text(self, element: DataElement | RawDataElement, value: str) -> bytes:
        key = element.tag, value
        known = self._texts.get(key)
        if known is None:
            known = self._texts[key] = self._encoded(element)
        return known

    def _sequence(self, tag: BaseTag, items: Iterable[Dataset]) -> bytes:
        value = self.items(items)
        if self._implicit:
            return _TAG_AND_LENGTH.pack(tag.group, tag.element, len(value)) + value
        return _TAG_VR_AND_LENGTH.pack(tag.group, tag.element, b"SQ", 0, len(value)) + value

    def _encoded(self, element: DataElement | RawDataElement) -> bytes:
        from pydicom.filebase import DicomBytesIO
        from pydicom.filewriter import write_data_element

        file = DicomBytesIO()
        file.is_implicit_VR, file.is_little_endian = self._implicit, True
        write_data_element(file, element, self._character_set)
        return file.getvalue()
