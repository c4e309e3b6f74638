"""``--sequence FILE=NAME``: what files show, where their names do not tell."""

from __future__ import annotations

from collections.abc import Sequence

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import SEQUENCES
from tumorscope.io.sequences import check_name

_NAMES = (*SEQUENCES, "unknown")


def stated_sequences(options: Sequence[str]) -> dict[str, str]:
    """The sequence by file, or by description, number or UID of a DICOM series.

    >>> stated_sequences(["7.nii.gz=T1C", "flair=a.nii.gz"])
    {'7.nii.gz': 't1c', 'a.nii.gz': 'flair'}

    Raises:
        TumorscopeError: one is not of the form, or names a file twice.
    """
    stated: dict[str, str] = {}
    for option in options:
        file, equals, name = option.rpartition("=")
        if name.lower() not in _NAMES and option.partition("=")[0].lower() in _NAMES:  # the other way round
            name, equals, file = option.partition("=")
        if not equals or not file or not name:
            raise TumorscopeError(f"--sequence {option}: with PATH write FILE=NAME, such as scan.nii.gz=t1c")
        if file in stated:
            raise TumorscopeError(f"--sequence {file} was given twice")
        stated[file] = check_name(name, also=("unknown",))
    return stated
