"""A key that distinguishes patients without identifying them.

The key is a keyed hash (HMAC-SHA-256) of the PatientID. The salt is a secret of the installation, in a
file of its own: with it, a person who knows a PatientID can compute the key; without it nobody finds
the PatientID by trying all numbers. Studies of one patient have one key as long as the file stays, on
every machine that has the same file.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.note import Note
from tumorscope.core.scan import StudyIdentity

if TYPE_CHECKING:
    from pydicom import Dataset

SALT_VARIABLE = "TUMORSCOPE_PATIENT_SALT"
"""Names the salt's file, where it is not to be in the user's configuration folder."""
_SALT_BYTES, _SALT_ID_DIGITS, _KEY_DIGITS = 32, 8, 16


def salt_file() -> Path:
    """Where this installation keeps its salt: ``$TUMORSCOPE_PATIENT_SALT``, or in the user's configuration folder."""
    import typer

    named = os.environ.get(SALT_VARIABLE)
    return Path(named) if named else Path(typer.get_app_dir("tumorscope")) / "patient-salt"


def study_identity(patient_id: str, header: Dataset) -> tuple[StudyIdentity, list[Note]]:
    """The patient's key and the study's date, and notes for the scan.

    Args:
        patient_id: of any file of the study, empty where none states it.
        header: of an image of the study.
    """
    key, notes = None, []
    if patient_id:
        try:
            key = patient_key(patient_id, _salt(salt_file()))
        except OSError as error:
            why = (error.strerror or "damaged").lower()
            what = f"no patient key: the salt cannot be read or made ({why}); name a file with {SALT_VARIABLE}"
            notes = [Note("patient_key_missing", what)]
    return StudyIdentity(key, _date(header)), notes


def read_identity(path: Path) -> StudyIdentity:
    """The same of any DICOM file, such as a segmentation; nothing where it cannot be read."""
    from pydicom import dcmread

    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["PatientID", "StudyDate"])
        patient_id = str(header.get("PatientID") or "").strip()
    except Exception:  # pydicom raises many kinds
        return StudyIdentity(None, None)
    return study_identity(patient_id, header)[0]


def patient_key(patient_id: str, salt: bytes) -> str:
    """Which salt it was made with, as 8 digits, and the hash of the PatientID, as 16.

    >>> patient_key("PAT-1", b"salt" * 8) == patient_key(" PAT-1 ", b"salt" * 8)
    True
    >>> patient_key("PAT-1", b"salt" * 8) == patient_key("PAT-2", b"salt" * 8)
    False
    """
    salt_id = hashlib.sha256(b"tumorscope patient salt" + salt).hexdigest()[:_SALT_ID_DIGITS]
    digest = hmac.new(salt, patient_id.strip().encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"{salt_id}-{digest[:_KEY_DIGITS]}"


def _salt(path: Path) -> bytes:
    """The salt in a file, which is made, for its owner's eyes only, if it is not there.

    Raises:
        OSError: it cannot be read or made, or holds too little.
    """
    try:
        salt = path.read_bytes().strip()
    except FileNotFoundError:
        salt = _make(path)
    if len(salt) < _SALT_BYTES:
        raise OSError("shorter than a salt of this program")
    return salt


def _make(path: Path) -> bytes:
    """Write a new salt, or read the one that another process wrote in the same moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(_SALT_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)  # unlike renaming, never replaces another salt
    finally:
        aside.unlink(missing_ok=True)
    return path.read_bytes().strip()


def _date(header: Dataset) -> str | None:
    """StudyDate as ISO 8601; None where it is not stated, or not a date."""
    try:
        text = str(header.get("StudyDate") or "").strip().replace(".", "")  # before DICOM 3.0: YYYY.MM.DD
        return datetime.strptime(text, "%Y%m%d").date().isoformat()
    except Exception:  # not a date, or an element that pydicom cannot decode
        return None
