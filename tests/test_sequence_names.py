"""Names that pixels add: only where nothing else tells, never against a name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.note import Note
from tumorscope.core.scan import SEQUENCES, Scan, SourceImage
from tumorscope.inference import sequence_completion
from tumorscope.inference.sequence_completion import with_recognized_sequences
from tumorscope.inference.sequence_recognition import SequenceCard, SequenceModel, guess

CARD = SequenceCard(sha256="0" * 64, temperature=1, confidence=0.9, contradiction=0.01)


@pytest.fixture(autouse=True)
def gray_tells_the_sequence(monkeypatch):
    """A model for which the mean gray value is the sequence's number in ten, its hundredths the other probabilities."""

    def from_gray(voxels, pixel_aspect=1.0, model=None):
        number, unsure = divmod(float(voxels.mean()), 10)
        probabilities = np.full(4, unsure / 3 if unsure else 0.001)
        probabilities[int(number)] = 1 - probabilities[0] * 3
        return guess(CARD, probabilities)

    monkeypatch.setattr(sequence_completion, "guess_sequence", from_gray)
    monkeypatch.setattr(sequence_completion, "default_sequence_model", lambda: SequenceModel(CARD, np.asarray))


def scan_of(*sequences, names=None, unsure=0.0, **changes):
    """A scan whose channels show the given sequences, under other names."""
    values = [10 * SEQUENCES.index(name) + unsure for name in sequences]
    voxels = np.broadcast_to(np.array(values, float), (3, 8, 8, len(sequences)))
    return Scan(voxels, names or ("unknown",) * len(sequences), "case", "volume", **changes)


def codes(scan):
    return [note.code for note in scan.notes]


def test_an_unnamed_image_gets_the_name_that_its_pixels_show_and_a_note():
    found = with_recognized_sequences(scan_of("flair"))
    assert found.sequences == ("flair",)
    (note,) = found.notes
    assert note.code == "sequence_recognized"
    assert note.text == "the sequence is not named; recognized from its pixels as FLAIR (probability 0.99)"


def test_unsure_pixels_leave_the_name_open():
    found = with_recognized_sequences(scan_of("flair", unsure=0.3))
    assert found.sequences == ("unknown",)
    assert found.notes == ()


def test_a_name_wins_and_pixels_that_contradict_it_warn():
    found = with_recognized_sequences(scan_of("t2", names=("t1c",)))
    assert found.sequences == ("t1c",)
    (note,) = found.notes
    assert note.code == "sequence_contradicted"
    assert "T1 with contrast looks like T2" in note.text
    assert with_recognized_sequences(scan_of("t1c", names=("t1c",))).notes == ()
    assert with_recognized_sequences(scan_of("t2", names=("t1c",), unsure=0.3)).notes == ()


def test_an_image_file_called_t1_may_show_t1_with_contrast():
    """As the 6,000 of BRISC are called, ``brisc2025_train_00001_gl_ax_t1.jpg``."""
    by_file = (Note("sequence_source", "sequence t1 taken from the name"),)
    image = dataclasses.replace(scan_of("t1c", names=("t1",)), kind="image", notes=by_file)
    found = with_recognized_sequences(image)
    assert found.sequences == ("t1c",)
    assert [note.code for note in found.notes] == ["sequence_source", "sequence_recognized"]
    for other in (
        dataclasses.replace(image, notes=()),  # stated by the user
        dataclasses.replace(image, kind="volume"),
        dataclasses.replace(image, voxels=scan_of("t1c", unsure=0.3).voxels),
        dataclasses.replace(image, voxels=scan_of("t2").voxels),
    ):
        assert with_recognized_sequences(other).sequences == ("t1",)


def test_several_unnamed_channels_are_named_only_if_each_is_another_sequence():
    assert with_recognized_sequences(scan_of("t1", "t2", "flair")).sequences == ("t1", "t2", "flair")
    repeated = with_recognized_sequences(scan_of("t2", "t2", "flair"))
    assert repeated.sequences == ("unknown",) * 3
    assert repeated.notes == ()
    known = with_recognized_sequences(scan_of("t2", "flair", names=("t2", "unknown")))
    assert known.sequences == ("t2", "flair")
    assert "channel 2" in known.notes[0].text


def test_headers_and_names_of_other_images_are_not_overruled():
    header = dataclasses.replace(scan_of("t2"), source_images=(SourceImage(None),))
    assert with_recognized_sequences(header).sequences == ("unknown",)
    map_ = dataclasses.replace(scan_of("t2"), source=Path("sub-01_adc.nii.gz"))
    assert with_recognized_sequences(map_).sequences == ("unknown",)
    plain = dataclasses.replace(scan_of("t2"), source=Path("image.nii.gz"))
    assert with_recognized_sequences(plain).sequences == ("t2",)


def test_what_is_refused_or_has_many_volumes_is_not_looked_at():
    refused = dataclasses.replace(scan_of("t2", names=("t1c",)), rejection_reason="a CT")
    assert with_recognized_sequences(refused) is refused
    series = scan_of(*["t2"] * 5)
    assert with_recognized_sequences(series) is series
