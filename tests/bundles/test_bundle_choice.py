from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making import card

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.bundle_choice import choose_bundles
from tumorscope.inference.bundles import Bundle, Inputs

LGG = Bundle(Path("lgg"), card(name="lgg"))
SINGLE = Inputs(sequences=("t1c",), substitutes={"t1c": ("t1", "flair", "t2", "unknown")})
T1C = Bundle(Path("t1c"), card(name="t1c", inputs=SINGLE))


def scan(*sequences):
    return Scan(np.zeros((1, 32, 32, len(sequences))), sequences, "case", "image")


@pytest.mark.parametrize(
    ("sequences", "expected", "because"),
    [
        (("t1", "flair", "t1c"), "lgg", "the scan has t1, flair, t1c"),
        (("t1", "t1c", "t2", "flair"), "lgg", "the scan has t1, flair, t1c"),
        (("flair",), "lgg", "the scan has flair"),
        (("t1c",), "t1c", "the scan has t1c"),
        (("t1", "t1c"), "t1c", "the scan has t1c"),
        (("t2",), "t1c", "single slices and the scan's sequence is t2"),
        (("unknown",), "t1c", "single slices and the scan's sequence is unknown"),
    ],
)
def test_the_bundle_that_receives_most_of_its_sequences_is_chosen_with_a_reason(sequences, expected, because):
    choice = choose_bundles(scan(*sequences), [LGG, T1C])[0]
    assert choice.bundle.name == expected
    assert because in choice.reason


def test_a_single_image_recognized_by_its_pixels_goes_to_the_bundle_of_single_slices():
    recognized = Note("sequence_recognized", "flair was recognized from the pixels")
    choice = choose_bundles(replace(scan("flair"), notes=(recognized,)), [LGG, T1C])[0]
    assert choice.bundle.name == "t1c"
    assert "single slices and the scan's sequence is flair" in choice.reason
    volume = Scan(np.zeros((9, 32, 32, 1)), ("flair",), "case", "volume", notes=(recognized,))
    assert choose_bundles(volume, [LGG, T1C])[0].bundle.name == "lgg"


def test_a_scan_that_fits_no_bundle_is_refused_in_one_line():
    with pytest.raises(TumorscopeError, match="no bundle takes t2 .*--channels"):
        choose_bundles(scan("t2"), [LGG])


@pytest.mark.parametrize("channels", [2, 3])
def test_unnamed_channels_are_not_sequences_however_many(channels: int):
    with pytest.raises(TumorscopeError, match="no bundle takes unknown, unknown.*name the channels with --channels"):
        choose_bundles(scan(*["unknown"] * channels), [LGG, T1C])


def full_study(*sequences):
    """Each sequence with voxels of its own."""
    voxels = np.random.default_rng(0).normal(100, 20, (1, 32, 32, len(sequences)))
    return Scan(voxels, sequences, "case", "volume")


@pytest.mark.parametrize("sequences", [("t1", "flair", "t1c"), ("t1", "t1c", "t2", "flair"), ("flair", "t1c")])
def test_a_study_with_flair_and_t1c_is_read_by_a_bundle_for_each(sequences):
    first, second = choose_bundles(full_study(*sequences), [LGG, T1C])
    assert (first.bundle.name, second.bundle.name) == ("lgg", "t1c")
    assert second.reason == "bundle t1c was added for the enhancing tumor because the scan has t1c"


@pytest.mark.parametrize("sequences", [("flair",), ("t1", "flair"), ("t1c",), ("t1", "t1c", "t2")])
def test_with_flair_or_t1c_alone_one_bundle_is_enough(sequences):
    assert len(choose_bundles(full_study(*sequences), [LGG, T1C])) == 1


def test_flair_in_the_place_of_a_missing_t1c_does_not_count_as_t1c():
    study = full_study("t1", "flair", "t1c")
    study.voxels[..., 2] = study.voxels[..., 1]
    assert [choice.bundle.name for choice in choose_bundles(study, [LGG, T1C])] == ["lgg"]


def test_a_bundle_that_was_not_trained_on_the_plane_is_not_added():
    axial = Inputs(sequences=("t1c",), planes=("axial",))
    coronal = Inputs(sequences=("flair",), planes=("coronal",))
    bundles = [Bundle(Path(name), card(name=name, inputs=inputs)) for name, inputs in (("a", axial), ("c", coronal))]
    study = full_study("flair", "t1c")
    thick = Scan(
        study.voxels,
        study.sequences,
        "case",
        "volume",
        np.array([[1.0, 0, 0, 0], [0, 0, 6, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
    )
    assert [choice.bundle.name for choice in choose_bundles(thick, bundles)] == ["c"]
