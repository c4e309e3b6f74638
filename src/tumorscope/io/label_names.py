"""Names for the labels of other people's masks."""

from __future__ import annotations

from collections.abc import Mapping

from tumorscope.core.compartments import require_nested_or_exclusive
from tumorscope.core.errors import TumorscopeError

LABEL_SCHEMES = {
    "brats-2020": {"necrotic core": ("1",), "edema": ("2",), "enhancing tumor": ("4",)},
    "brats-2023": {"necrotic core": ("1",), "edema": ("2",), "enhancing tumor": ("3",)},
    "brats-2020-regions": {"whole tumor": ("1", "2", "4"), "tumor core": ("1", "4"), "enhancing tumor": ("4",)},
    "brats-2023-regions": {"whole tumor": ("1", "2", "3"), "tumor core": ("1", "3"), "enhancing tumor": ("3",)},
}
"""Published schemes: BraTS up to 2020, and BraTS from 2023, whose enhancing tumor is 3 instead of 4; by label, and by
the nested regions that BraTS evaluates (Bakas et al., arXiv:1811.02629)."""


def parse_labels(text: str) -> Mapping[str, tuple[str, ...]]:
    """Names of groups of labels, each with the labels that it joins, as numbers or names.

    Args:
        text: a scheme's name, or for example ``1+4=core,2=edema``. A group may be inside another.

    Raises:
        TumorscopeError: not of this form, a name twice, or groups that share labels and are not nested.

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
    try:
        require_nested_or_exclusive(groups)
    except TumorscopeError as error:
        raise TumorscopeError(f"--labels {text}: {error}") from error
    return groups
