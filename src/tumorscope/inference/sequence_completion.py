"""Names of sequences that pixels add to those which headers, file names and the user give, and doubts about these."""

from __future__ import annotations

from dataclasses import replace

from tumorscope.core.note import Note
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.channels import is_of_another_kind
from tumorscope.inference.sequence_recognition import SequenceGuess, default_sequence_model, guess_sequence

_TITLES = {"t1": "T1", "t1c": "T1 with contrast", "t2": "T2", "flair": "FLAIR"}


def with_recognized_sequences(scan: Scan) -> Scan:
    """The scan with names for channels that had none, where their pixels leave no doubt, and a note for each.

    A name always wins, but for T1 in the name of an image file, which is also said of T1 with contrast: where the pixels
    leave no doubt of it, the image is taken for that. Pixels that clearly contradict a name only add a warning. Names come from pixels where nothing else
    tells: not in DICOM, whose headers name nothing for a reason, nor for a file that is named after another kind of
    image, such as an ADC map. Several channels without a name get theirs only if each is recognized, and as another
    sequence: three volumes in one file may as well be three points in time.
    """
    if scan.rejection_reason is not None or len(scan.sequences) > len(SEQUENCES):
        return scan
    guesses = [_guess(scan, channel) for channel in range(len(scan.sequences))]
    if _is_t1_with_contrast(scan, guesses[0]):
        return replace(scan, sequences=("t1c",), notes=(*scan.notes, _refined(guesses[0])))
    doubts = [
        _doubt(name, found)
        for name, found in zip(scan.sequences, guesses, strict=True)
        if name != "unknown" and _contradicts(found, name)
    ]
    names = _names(scan, guesses)
    recognized = [
        _recognized(found, None if len(names) == 1 else channel)
        for channel, (found, before, now) in enumerate(zip(guesses, scan.sequences, names, strict=True))
        if before != now
    ]
    return replace(scan, sequences=names, notes=(*scan.notes, *recognized, *doubts))


def _names(scan: Scan, guesses: list[SequenceGuess]) -> tuple[str, ...]:
    """The scan's names, those that are unknown from the guesses if these are usable."""
    if scan.source_images or is_of_another_kind(scan):
        return scan.sequences
    names = tuple(
        found.name if name == "unknown" else name for name, found in zip(scan.sequences, guesses, strict=True)
    )
    usable = "unknown" not in names and len(set(names)) == len(names)
    return names if usable else scan.sequences


def _is_t1_with_contrast(scan: Scan, found: SequenceGuess) -> bool:
    """Whether an image that only its file's name calls T1 shows T1 with contrast."""
    named_by_file = any(note.code == "sequence_source" for note in scan.notes)
    return (
        (scan.kind, scan.sequences) == ("image", ("t1",))
        and named_by_file
        and found.name == "t1c"
        and _contradicts(found, "t1")
    )


def _contradicts(found: SequenceGuess, name: str) -> bool:
    return found.probabilities[name] < default_sequence_model().card.contradiction


def _guess(scan: Scan, channel: int) -> SequenceGuess:
    view = network_view(scan)
    return guess_sequence(view.forward(scan.voxels[..., channel]), view.pixel_aspect)


def _recognized(found: SequenceGuess, channel: int | None) -> Note:
    which = "the sequence" if channel is None else f"the sequence of channel {channel + 1}"
    return Note(
        "sequence_recognized",
        f"{which} is not named; recognized from its pixels as {_TITLES[found.name]} "
        f"(probability {_percent(found.probability)})",
    )


def _refined(found: SequenceGuess) -> Note:
    return Note(
        "sequence_recognized",
        f"its name says T1, its pixels T1 with contrast (probability {_percent(found.probability)}); taken as t1c, "
        "unless --sequence states another",
    )


def _doubt(name: str, found: SequenceGuess) -> Note:
    return Note(
        "sequence_contradicted",
        f"the image named {_TITLES[name]} looks like {_TITLES[found.likeliest]} "
        f"(probability {_percent(found.probability)}); check which sequence it is",
    )


def _percent(probability: float) -> str:
    return f"{min(probability, 0.99):.2f}"
