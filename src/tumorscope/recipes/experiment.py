"""The recipe of an experiment: all settings of a training, as YAML."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import BadRecipe
from tumorscope.datasets.registry import DATASET_NAMES
from tumorscope.preprocessing import Preparation
from tumorscope.preprocessing.axial import Plane
from tumorscope.recipes.networks import NETWORKS, NetworkSettings, NetworkShape, PretrainedSettings, Section
from tumorscope.recipes.renamed_keys import RENAMED_KEYS


def _known_dataset(name: str) -> str:
    if name not in DATASET_NAMES:
        raise PydanticCustomError("dataset", f"no such data set; there are {', '.join(DATASET_NAMES)}")  # type: ignore[arg-type]
    return name


def _known_datasets(names: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for name in (names,) if isinstance(names, str) else names:
        _known_dataset(name)
    return names


DatasetName = Annotated[str, AfterValidator(_known_dataset)]
DatasetNames = Annotated[str | tuple[str, ...], AfterValidator(_known_datasets)]


class AugmentationSettings(Section):
    """Strengths and probabilities of the augmentation, drawn independently for each image."""

    restyled: int = Field(
        default=0,
        ge=0,
        le=4,
        description="additional versions of every scan with the appearance of other software: contrast, skull "
        "stripping, noise, resolution, burnt-in text; drawn once, before preparation",
    )
    flip: float = Field(default=0.5, ge=0, le=1, description="probability of mirroring left and right")
    vertical_flip: float = Field(default=0.0, ge=0, le=1, description="probability of flipping upside down")
    quarter_turn: float = Field(default=0.0, ge=0, le=1, description="probability of a turn by 90, 180 or 270 degrees")
    reversed_slices: float = Field(
        default=0.0, ge=0, le=1, description="probability that the order of adjacent slices is reversed"
    )
    curve: float = Field(default=0.0, ge=0, le=2, description="strength of a random increasing tone curve")
    local_contrast: float = Field(
        default=0.0, ge=0, le=1, description="probability of normalization by local mean and deviation"
    )
    rotation_deg: float = Field(default=20.0, ge=0, le=180)
    scale: float = Field(
        default=0.2, ge=0, lt=1, description="0.2 scales by 1/1.2 to 1.2, with a small difference between the axes"
    )
    translation: float = Field(default=0.08, ge=0, lt=1, description="fraction of the image's side")
    elastic_deformation: float = Field(
        default=0.0, ge=0, lt=0.2, description="smooth deformation, as a fraction of the image's side"
    )
    coarse_dropout: float = Field(default=0.1, ge=0, le=1, description="probability of blank rectangles")
    intensity: float = Field(default=0.25, ge=0, lt=1, description="contrast, brightness and gamma of each sequence")
    noise: float = Field(default=0.1, ge=0, description="largest standard deviation of Gaussian noise")
    blur: float = Field(default=0.1, ge=0, le=1, description="probability of a lower resolution")
    bias_field: float = Field(default=0.3, ge=0, lt=1, description="largest relative change by a smooth field")
    modality_dropout: float = Field(
        default=0.1, ge=0, le=1, description="probability that FLAIR replaces another sequence"
    )
    context_dropout: float = Field(
        default=0.15, ge=0, le=1, description="probability that a slice replaces its neighbors"
    )


class LossSettings(Section):
    """The terms of the loss; a term applies only to networks with that output."""

    mask: Literal["dice", "dice_ce", "slice_dice_ce", "focal_tversky"] = "dice_ce"
    presence_weight: float = Field(default=0.3, ge=0)
    type_weight: float = Field(default=0.5, ge=0)
    class_weights: bool = Field(
        default=False, description="weights of presence and classes by the inverse of their frequency"
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5, description="for classes")


class ProgressiveResizing(Section):
    """Training at a smaller size first, for speed."""

    size: int = Field(ge=32, description="side of the smaller image")
    fraction: float = Field(default=0.5, ge=0, le=1, description="fraction of the training at that size")


class OptimizationSettings(Section):
    """Optimizer, schedule, sampling and duration of the training."""

    epochs: int = Field(default=60, ge=1)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    warm_up: float = Field(default=0.03, ge=0, lt=1, description="fraction of the training with an increasing rate")
    early_stopping: int = Field(
        default=0, ge=0, description="epochs without improvement before stopping; 0 disables it"
    )
    ema_decay: float = Field(
        default=0.998, ge=0, lt=1, description="decay of the averaged weights; 0 disables averaging"
    )
    validate_every: int = Field(default=1, ge=1, description="epochs between validations")
    progressive_resizing: ProgressiveResizing | None = None
    negative_ratio: float = Field(
        default=1.0, gt=0, description="slices without tumor per slice with tumor in an epoch"
    )
    dataset_fractions: dict[DatasetName, float | tuple[float, float]] = Field(
        default={},
        description="fraction of each data set's slices in an epoch; two numbers for slices with and without tumor; "
        "above one, slices are repeated",
    )
    encoder_lr_multiplier: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="learning rate of pre-trained stages relative to the others; no effect from scratch",
    )
    seed: int = 0


def _as_name(value: Any) -> Any:
    """A class name such as ``2`` or ``true``, which YAML does not read as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def _several_and_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) == 1 or len(set(names)) < len(names):
        raise PydanticCustomError("classes", "name two or more different classes")
    return names


ClassNames = Annotated[tuple[Annotated[str, BeforeValidator(_as_name)], ...], AfterValidator(_several_and_different)]


class Recipe(Section):
    """One experiment, complete."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    dataset: DatasetNames = Field(description="one, or several to train on together")
    sequences: tuple[str, ...] = Field(default=("t1", "flair", "t1c"), min_length=1)
    planes: tuple[Plane, ...] = Field(default=("axial",), description="planes of the training slices")
    channels_as_images: dict[DatasetName, tuple[str, ...]] = Field(
        default={}, description="for a data set of several sequences, those to use as images of their own"
    )
    classes: ClassNames = Field(
        default=(),
        description="the classes to predict; empty for presence and mask, or for all classes of a folder data set",
    )
    labels: str | None = Field(
        default=None,
        description="for own data whose masks have several labels, those that are the tumor, such as 1+2+4=tumor, or its "
        "compartments, such as 1+4=core,2=edema",
    )
    compartments: tuple[Compartment, ...] = Field(
        default=(),
        description="what the mask's channels mean, the whole tumor first; a training fills it from `labels`",
    )
    holdout: float | None = Field(
        default=None, gt=0, lt=1, description="fraction of the patients to test on, instead of the data set's own split"
    )
    leave_out_copies: bool = Field(
        default=False, description="remove near-copies of validation and test images from the training"
    )
    preparation: Preparation = Preparation()
    network: NetworkSettings
    augmentation: AugmentationSettings = AugmentationSettings()
    loss: LossSettings = LossSettings()
    optimization: OptimizationSettings = OptimizationSettings()
    tta_flip: bool = Field(
        default=False, description="average the predictions of each slice and its mirror image in inference"
    )

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets to train on; the folds of the first are tested."""
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset

    @property
    def channels_in(self) -> int:
        """Input channels of the network: sequences times slices."""
        return len(self.sequences) * (2 * self.preparation.adjacent_slices + 1)

    @property
    def network_shape(self) -> NetworkShape:
        """What the network takes and predicts."""
        return NetworkShape(self.channels_in, self.preparation.size, self.classes, max(1, len(self.compartments)))

    def from_scratch(self) -> Recipe:
        """The same recipe without initial weights, for a network whose weights come from elsewhere."""
        if not isinstance(self.network, PretrainedSettings):
            return self
        network = self.network.model_copy(update={"weights": None, "sha256": None})
        return self.model_copy(update={"network": network})


def recipe_folder() -> Path:
    """The folder of the recipes that come with Tumorscope."""
    installed = Path(__file__).parent
    return installed if any(installed.glob("*.yaml")) else Path(__file__).parents[3] / "recipes"


def load_recipe(name_or_path: str) -> Recipe:
    """Read and check a network's recipe.

    Args:
        name_or_path: a shipped recipe's name, or a YAML file.

    Raises:
        BadRecipe: not found, not YAML, or a key or value that is not allowed; an unknown
            key comes with the nearest one that exists.
    """
    content, origin = read_recipe(name_or_path)
    return parse_recipe(content, origin)


def read_recipe(name_or_path: str) -> tuple[dict[str, Any], str]:
    """A recipe's unchecked content, and its origin for messages.

    Raises:
        BadRecipe: not found or not YAML.
    """
    path = Path(name_or_path)
    if not path.suffix:
        path = recipe_folder() / f"{name_or_path}.yaml"
        if not path.exists():
            names = sorted(file.stem for file in recipe_folder().glob("*.yaml"))
            raise BadRecipe(f"no recipe {name_or_path!r}{_nearest(name_or_path, names)}; there are {', '.join(names)}")
    try:
        content = parse_yaml(path.read_text())
    except OSError as error:
        raise BadRecipe(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BadRecipe(f"{path}: not YAML ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(content, dict):
        raise BadRecipe(f"{path}: a recipe is a mapping of keys to values")
    return content, str(path)


def parse_yaml(text: str) -> Any:
    """Parse YAML with ``yes``, ``no``, ``on`` and ``off`` as text, as in YAML 1.2.

    >>> parse_yaml("{classes: [yes, no], preparation: {clahe: true}}")
    {'classes': ['yes', 'no'], 'preparation': {'clahe': True}}

    Raises:
        ValueError: not YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: ClassVar = {
            sign: [(tag, form) for tag, form in resolvers if tag != _YAML_BOOL or sign in "tTfF"]
            for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_YAML_BOOL = "tag:yaml.org,2002:bool"


def with_changes(content: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """A recipe's content with changed keys.

    >>> with_changes({"preparation": {"size": 128}}, ["preparation.clahe=true"])
    {'preparation': {'size': 128, 'clahe': True}}

    Raises:
        BadRecipe: a change is not written as KEY=VALUE.
    """
    changed = copy.deepcopy(content)
    for change in changes:
        path, equals, value = change.partition("=")
        *sections, key = path.split(".")
        section = changed
        for name in sections:
            section = section.setdefault(name, {}) if isinstance(section, dict) else None
        if not equals or not key or not isinstance(section, dict):
            raise BadRecipe(f"--set {change}: write KEY=VALUE, such as preparation.clahe=true")
        try:
            section[key] = parse_yaml(value)
        except ValueError as error:
            raise BadRecipe(f"--set {change}: the value is not YAML") from error
    return changed


def parse_recipe(content: dict[str, Any], origin: str = "recipe") -> Recipe:
    """Check a recipe's content; see :func:`load_recipe`."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise BadRecipe(f"{origin}: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"] if part not in NETWORKS)
    if fault["type"] == "extra_forbidden":
        key = str(fault["loc"][-1])
        if key in RENAMED_KEYS:
            return f"{place!r} is called {RENAMED_KEYS[key]!r} since version 0.2"
        return f"unknown key {place!r}{_nearest(key, _known_keys(fault['loc'][:-1]))}"
    if fault["type"] == "union_tag_invalid":
        kind = str(fault["input"].get("kind"))
        return f"{place}.kind: there is no {kind!r}{_nearest(kind, [*NETWORKS])}; there are {', '.join(NETWORKS)}"
    if fault["type"] in ("missing", "union_tag_not_found"):
        return f"the key {place if fault['type'] == 'missing' else f'{place}.kind'!r} is missing"
    if fault["type"] == "tuple_type":
        return f"{place}: is a list, such as [{fault['input']}], not {fault['input']!r}"
    if fault["type"] == "too_short":
        return f"{place}: is empty; name at least one"
    if fault["type"] in ("model_type", "model_attributes_type"):
        return f"{place}: is a section with keys of its own, not {fault['input']!r}"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}"


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "preparation": Preparation,
        "augmentation": AugmentationSettings,
        "loss": LossSettings,
        "optimization": OptimizationSettings,
        **NETWORKS,
    }
    section = sections.get(str(place[-1])) if place else Recipe
    return sorted(section.model_fields) if section else []


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f" (did you mean {close[0]!r}?)" if close else ""
