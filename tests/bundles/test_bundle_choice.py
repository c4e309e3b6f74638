from pathlib import Path

import numpy as np
import pytest
from making import card

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.inference.bundle_choice import choose_bundle
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
    choice = choose_bundle(scan(*sequences), [LGG, T1C])
    assert choice.bundle.name == expected
    assert because in choice.reason


def test_a_scan_that_fits_no_bundle_is_refused_in_one_line():
    with pytest.raises(TumorscopeError, match="no bundle takes t2 .*--channels"):
        choose_bundle(scan("t2"), [LGG])


@pytest.mark.parametrize("channels", [2, 3])
def test_unnamed_channels_are_not_sequences_however_many(channels: int):
    with pytest.raises(TumorscopeError, match="no bundle takes unknown, unknown.*name the channels with --channels"):
        choose_bundle(scan(*["unknown"] * channels), [LGG, T1C])
