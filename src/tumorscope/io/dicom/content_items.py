"""Content items of structured reports (PS3.3 C.17.3).

A report has hundreds of items for its lesions, and highdicom takes most of its time for theirs: it makes, hashes and
compares a code whenever it adds an item to another. Here items share the codes, which must not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from tumorscope.io.dicom.items import make_item

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.sr.coding import Code

CONTAINS, MODIFIES, CONTEXT, SELECTED = "CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "SELECTED FROM"
"""Relationships of an item to the one that holds it."""


def container(concept: Code, template: str, content: Sequence[Dataset]) -> Dataset:
    """An item that holds others, after a template of DICOM's own (DCMR)."""
    item = _content_item("CONTAINER", concept, CONTAINS, content)
    item.ContinuityOfContent = "CONTINUOUS"
    item.ContentTemplateSequence = [make_item(MappingResource="DCMR", TemplateIdentifier=template)]
    return item


def text(concept: Code, value: str, relationship: str = CONTAINS) -> Dataset:
    item = _content_item("TEXT", concept, relationship)
    item.TextValue = value
    return item


def identifier(concept: Code, uid: str) -> Dataset:
    """A UID by which the holding item is known."""
    item = _content_item("UIDREF", concept, CONTEXT)
    item.UID = uid
    return item


def coded(concept: Code, value: Code, relationship: str = CONTAINS, content: Sequence[Dataset] = ()) -> Dataset:
    item = _content_item("CODE", concept, relationship, content)
    item.add(_code_sequence("ConceptCodeSequence", *value[:3]))
    return item


def measurement(concept: Code, value: float, unit: Code, content: Sequence[Dataset] = ()) -> Dataset:
    from pydicom.valuerep import DS

    measured = make_item(NumericValue=DS(float(value), auto_format=True), FloatingPointValue=float(value))
    measured.add(_code_sequence("MeasurementUnitsCodeSequence", *unit[:3]))
    item = _content_item("NUM", concept, CONTAINS, content)
    item.MeasuredValueSequence = [measured]
    return item


def image(concept: Code, reference: Dataset, relationship: str = CONTAINS) -> Dataset:
    """An image.

    Args:
        concept: what it is.
        reference: the item that refers to it.
        relationship: to the holding item.
    """
    item = _content_item("IMAGE", concept, relationship)
    item.ReferencedSOPSequence = [reference]
    return item


def polyline(concept: Code, points: Sequence[float], selected_from: Dataset) -> Dataset:
    """A line from which the holding item is inferred.

    Args:
        concept: what it is.
        points: column and row of each in turn, from the corner of the first pixel.
        selected_from: the content item of the image.
    """
    item = _content_item("SCOORD", concept, "INFERRED FROM", [selected_from])
    item.GraphicType, item.GraphicData = "POLYLINE", list(points)
    return item


def _content_item(value_type: str, concept: Code, relationship: str, content: Sequence[Dataset] = ()) -> Dataset:
    item = make_item(ValueType=value_type, RelationshipType=relationship)
    item.add(_code_sequence("ConceptNameCodeSequence", *concept[:3]))
    if content:
        item.ContentSequence = list(content)
    return item


@lru_cache(maxsize=256)
def _code_sequence(keyword: str, value: str, scheme: str, meaning: str) -> DataElement:
    from pydicom import DataElement

    return DataElement(keyword, "SQ", [make_item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)])
