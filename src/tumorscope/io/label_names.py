"""Names for the labels of other people's masks."""

from __future__ import annotations

from collections.abc import Mapping

from tumorscope.core.errors import TumorscopeError

LABEL_SCHEMES = {
    "brats-2020": {"necrotic core": ("1",), "edema": ("2",), "enhancing tumor": ("4",)},
    "brats-2023": {"necrotic core": ("1",), "edema": ("2",), "enhancing tumor": ("3",)},
}
"""Published schemes: BraTS up to 2020, and BraTS from 2023, whose enhancing tumor is 3 instead of 4."""


def parse_labels(text: str) -> Mapping[str, tuple[str, ...]]:
    """Names of groups of labels, each with the labels that it joins, as numbers or names.

    Args:
        text: a scheme's name, or for example ``1+4=core,2=edema``.

    Raises:
        TumorscopeError: not of this form, or a name or a label twice.

    >>> parse_labels("1+4=core,2=edema")
    {'core': ('1', '4'), 'edema': ('2',)}
    """
    scheme = LABEL_SCHEMES.get(text.strip().lower())
    if scheme is not None:
        return scheme
    groups: dict[str, tuple[str, ...]] = {}
    for item in text.split(","):
        labels, equals, name = (part.strip() for part in item.partition("="))
        members = tuple(label.strip() for label in labels.split("+"))
        if not equals or not name or not all(members):
            schemes = ", ".join(LABEL_SCHEMES)
            raise TumorscopeError(
                f"--labels {text}: write LABEL+LABEL=NAME,… such as 1+4=core,2=edema, or one of {schemes}"
            )
        if name in groups:
            raise TumorscopeError(f"--labels {text}: the name {name} is given twice")
        groups[name] = members
    joined = [label for members in groups.values() for label in members]
    twice = next((label for label in joined if joined.count(label) > 1), None)
    if twice is not None:
        raise TumorscopeError(f"--labels {text}: label {twice} is given twice; name each once")
    return groups
