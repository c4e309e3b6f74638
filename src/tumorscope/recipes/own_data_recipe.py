"""A recipe for a user's own data instead of the data sets that it names."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


def trained_on(content: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A recipe's content for a user's own data instead of its data sets.

    Settings of data sets that are not among the names go, and so do its classes: those of the data are trained.

    >>> trained_on({"dataset": "kaggle4", "classes": ["glioma", "notumor"], "preparation": {"size": 64}}, ["folders"])
    {'dataset': 'folders', 'preparation': {'size': 64}}

    Args:
        content: of a recipe.
        names: of the data sets to train on.
    """
    changed = copy.deepcopy(content)
    changed.pop("classes", None)
    changed["dataset"] = names[0] if len(names) == 1 else list(names)
    for section, key in ((changed, "channels_as_images"), (changed.get("optimization"), "dataset_fractions")):
        if isinstance(section, dict) and isinstance(section.get(key), dict):
            section[key] = {name: value for name, value in section[key].items() if name in names}
    return changed
