"""The coded concepts of the DICOM objects: SNOMED CT, LOINC, UCUM, NCI Thesaurus and DICOM's own.

Where pydicom's dictionary has a concept it is taken from there; the others are written out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

PRIVATE_SCHEME = "99TUMORSCOPE"
"""For concepts without a code in a public scheme; 99 marks a private scheme in DICOM."""

_TYPES = {
    "glioma": ("393564001", "SCT", "Glioma"),
    "meningioma": ("302820008", "SCT", "Intracranial meningioma"),
    "pituitary": ("127024001", "SCT", "Neoplasm of pituitary gland"),
}
_OTHERS = {
    "rano": ("C114879", "NCIt", "RANO"),
    "source": ("260753009", "SCT", "Source"),
    "finding_category": ("276214006", "SCT", "Finding category"),
    "not_done": ("373121007", "SCT", "Test not done"),
    "lesions": ("246206008", "SCT", "Number of lesions"),
    "count": ("{lesions}", "UCUM", "lesions"),
    "pixels": ("{pixels}", "UCUM", "pixels"),
    "square_pixels": ("{pixels}2", "UCUM", "square pixels"),
    "product": ("product", PRIVATE_SCHEME, "Product of long and short axis"),
}


def code(name: str) -> Code:
    """A concept that pydicom's dictionary lacks."""
    from pydicom.sr.coding import Code

    return Code(*_OTHERS[name])


def label_code(label: str) -> Code:
    """What a label of a segmentation is, as far as its name tells: a part of a tumor by its name, else a neoplasm.

    >>> label_code("enhancing tumor").meaning, label_code("edema").meaning, label_code("core").meaning
    ('Enhancing Lesion', 'Edema', 'Neoplasm')
    """
    from pydicom.sr.codedict import codes

    name = label.casefold()
    if "enhanc" in name:
        return codes.NCIt.NonEnhancingLesion if "non" in name else codes.NCIt.EnhancingLesion
    if "edema" in name or "oedema" in name:
        return codes.SCT.Edema
    return codes.SCT.Necrosis if "necro" in name else codes.SCT.Neoplasm


def type_code(name: str) -> Code:
    """A type of tumor by the name that bundles give it; of the private scheme where no other has it here.

    >>> type_code("glioma").value, type_code("schwannoma").scheme_designator
    ('393564001', '99TUMORSCOPE')
    """
    from pydicom.sr.coding import Code

    # A code value has at most 16 characters, a meaning 64.
    return Code(*_TYPES.get(name, (name[:16], PRIVATE_SCHEME, name[:64])))
