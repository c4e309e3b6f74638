"""What the user states about files that do not tell it themselves, for HTTP forms, JSON requests and JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.sequences import check_stated
from tumorscope.io.spacing import Spacing, check_spacing, parse_spacing

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}
_REGISTER = "register is true or false"


@dataclass(frozen=True)
class ReadingChoices:
    """How the files of a case are read.

    Attributes:
        register: rigidly co-register series or volumes.
        spacing_mm: distance of columns, rows and slices, where the files do not state it.
        sequences: the sequence of files by name, or of DICOM series by description, number or UID; ``unknown``
            leaves one out.
    """

    register: bool = False
    spacing_mm: Spacing | None = None
    sequences: Mapping[str, str] = field(default_factory=dict)

    def to_fields(self) -> dict[str, str]:
        """As fields of a form; see :meth:`from_fields`."""
        fields = {"register": "true"} if self.register else {}
        if self.spacing_mm is not None:
            fields["spacing"] = ",".join(f"{length:g}" for length in self.spacing_mm)
        if self.sequences:
            fields["sequences"] = json.dumps(dict(self.sequences))
        return fields

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> ReadingChoices:
        """From ``register``, ``spacing`` and ``sequences``; other fields are ignored.

        >>> ReadingChoices.from_fields({"spacing": "0.5,0.5,6", "sequences": '{"a.nii": "T1C"}'})
        ReadingChoices(register=False, spacing_mm=(0.5, 0.5, 6.0), sequences={'a.nii': 't1c'})

        Raises:
            UnreadableScan: one of them is invalid.
        """
        register = _BOOLEANS.get(fields.get("register", "").strip().lower())
        if register is None:
            raise UnreadableScan(_REGISTER)
        spacing = fields.get("spacing", "").strip()
        return cls(register, parse_spacing(spacing) if spacing else None, _parse_sequences(fields.get("sequences", "")))

    def to_values(self) -> dict[str, Any]:
        """As values of a JSON request; see :meth:`from_values`."""
        spacing = None if self.spacing_mm is None else list(self.spacing_mm)
        return {"register": self.register, "spacing": spacing, "sequences": dict(self.sequences)}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ReadingChoices:
        """From ``register``, ``spacing`` and ``sequences`` of a JSON request, any of which may be missing.

        >>> ReadingChoices.from_values({"spacing": [0.5, 0.5, 6], "sequences": {"a.nii": "T1C"}})
        ReadingChoices(register=False, spacing_mm=(0.5, 0.5, 6.0), sequences={'a.nii': 't1c'})

        Raises:
            UnreadableScan: one of them is invalid, in the same words as for a form.
        """
        register, spacing = values.get("register", False), values.get("spacing")
        if not isinstance(register, bool):
            raise UnreadableScan(_REGISTER)
        spacing_mm = None if spacing is None else check_spacing(spacing)
        return cls(register, spacing_mm, _check_sequences(values.get("sequences", {})))

    def to_json(self) -> str:
        """Serialize; see :meth:`from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ReadingChoices:
        values: dict[str, Any] = json.loads(text)
        spacing = values["spacing_mm"]
        return cls(values["register"], None if spacing is None else tuple(spacing), values["sequences"])  # type: ignore[arg-type]


def _parse_sequences(text: str) -> dict[str, str]:
    try:
        return _check_sequences(json.loads(text) if text.strip() else {})
    except ValueError:
        return _check_sequences(None)


def _check_sequences(stated: Any) -> dict[str, str]:
    if not isinstance(stated, dict) or not all(isinstance(sequence, str) for sequence in stated.values()):
        raise UnreadableScan('sequences is a JSON object of names by file, such as {"scan.nii.gz": "t1c"}')
    return check_stated(stated)
