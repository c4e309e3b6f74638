"""What a network's mask delineates, by the sequence on which it was drawn: BraTS's regions.

The names are those of BraTS's evaluation regions (Bakas et al., arXiv:1811.02629): the *whole tumor* is everything
that is abnormal on FLAIR, edema included; the *enhancing tumor* is the part of it that takes up contrast.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from tumorscope.core.compartments import WHOLE
from tumorscope.core.scan import Scan
from tumorscope.inference.model_card import Card
from tumorscope.io.lgg_patient import copies_flair

TUMOR = "tumor"
"""The label of an analysis by a bundle of one mask."""
WHOLE_TUMOR = WHOLE
ENHANCING_TUMOR = "enhancing tumor"
Color = tuple[int, int, int]
COLORS: dict[str, Color] = {TUMOR: (30, 222, 92), WHOLE_TUMOR: (30, 222, 92), ENHANCING_TUMOR: (255, 96, 208)}
"""The color of each label wherever it is drawn: green and magenta differ with any color vision, and from a true mask's
red."""
_FURTHER: dict[Color, str] = {
    (255, 176, 0): "orange",
    (60, 160, 255): "blue",
    (150, 230, 230): "cyan",
    (200, 150, 255): "violet",
    (240, 120, 90): "coral",
}
"""Of labels that users name, in turn."""
_BY_SEQUENCE = {"flair": WHOLE_TUMOR, "t1c": ENHANCING_TUMOR}


def label_colors(names: Sequence[str]) -> dict[str, Color]:
    """The color of each label of an analysis.

    >>> label_colors(["whole tumor", "enhancing tumor"])["enhancing tumor"]
    (255, 96, 208)

    Args:
        names: in their order, the whole first.
    """
    known = {name: COLORS[name] for name in names if name in COLORS}
    further = [name for name in names if name not in COLORS]
    if further and further[0] == names[0]:
        known[further.pop(0)] = COLORS[TUMOR]
    return known | dict(zip(further, cycle(_FURTHER), strict=False))


def color_name(color: Color) -> str:
    """A label's color in a word, for captions.

    >>> color_name(label_colors(["whole tumor", "core"])["core"])
    'orange'
    """
    return _FURTHER.get(color) or ("magenta" if color == COLORS[ENHANCING_TUMOR] else "green")


def label_name(card: Card, scan: Scan) -> str:
    """What a bundle segments on a scan: a region by its leading sequence, or just the tumor.

    Args:
        card: of the bundle. Its leading sequence is the only one that nothing substitutes, or the only one.
        scan: must have that sequence itself, not FLAIR saved in its place.
    """
    if "mask" not in card.outputs:
        return TUMOR
    inputs = card.inputs
    leading = [name for name in inputs.sequences if not inputs.substitutes.get(name) or len(inputs.sequences) == 1]
    if len(leading) != 1 or leading[0] not in scan.sequences:
        return TUMOR
    own = leading[0] == "flair" or not _copies_flair(scan, leading[0])
    return _BY_SEQUENCE.get(leading[0], TUMOR) if own else TUMOR


def _copies_flair(scan: Scan, sequence: str) -> bool:
    return "flair" in scan.sequences and copies_flair(scan.channel(sequence), scan.channel("flair"))
