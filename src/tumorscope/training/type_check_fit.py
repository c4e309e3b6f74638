"""Fitting the check for tumors of other types to a bundle, and measuring how often it errs."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from tumorscope.core.errors import BadBundle, BadDataset, TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.registry import open_dataset
from tumorscope.inference.bundle import TYPE_CHECK_FILE, Bundle, load_bundle, save_card
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.inference.postprocessing import presence_probability, slice_types
from tumorscope.inference.type_check import Resemblance, TypeCheck, mask_geometry, nearest_center
from tumorscope.preprocessing import prepare
from tumorscope.training.sequence_samples import Part, Parts
from tumorscope.training.type_features import add_type_features

_SPLIT_FILE = "split.json"
AXES = 24
CENTERS = 3
"""Of each type: tumors in axial, coronal and sagittal slices are in different places."""

EACH_DOUBTED = 0.03
"""Share of the rightly typed validation tumors, every type counting alike, that each of appearance and place may doubt:
together about 5 %."""

VALIDATION = 0.55
"""Validation images for each training image."""

_SHRINKAGE = 0.5
_PLACE_SHRINKAGE = 0.1
_STARTS = 20

NOTES = (
    "centers of training tumors by appearance and by place; each limit is passed by "
    f"{EACH_DOUBTED:.0%} of the rightly typed validation tumors, every type counting alike: docs/type-check.md",
)


class TypedImage(NamedTuple):
    """A scan of a tumor: of one of the bundle's types, or of ``other``."""

    scan: Scan
    label: str
    patient: str


@dataclass(frozen=True, eq=False)
class TypeSamples:
    """What a network finds in images of tumors.

    Attributes:
        features: ``(image, feature)``.
        geometry: ``(image, len(GEOMETRY))``.
        types: probabilities ``(image, type)``, calibrated.
        presence: probability of a tumor, calibrated.
        label, patient: of each image.
    """

    features: np.ndarray
    geometry: np.ndarray
    types: np.ndarray
    presence: np.ndarray
    label: np.ndarray
    patient: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def take(self, chosen: np.ndarray) -> TypeSamples:
        """Some of the images, by mask or index."""
        columns = (self.features, self.geometry, self.types, self.presence, self.label, self.patient)
        return TypeSamples(*(values[chosen] for values in columns))

    @classmethod
    def join(cls, parts: Sequence[TypeSamples]) -> TypeSamples:
        """All images of several."""
        names = ("features", "geometry", "types", "presence", "label", "patient")
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))


def bundle_with_features(bundle: Bundle, folder: Path) -> Bundle:
    """A copy of a bundle in an empty folder whose networks also output what the type is read from.

    Raises:
        BadBundle: the network does not predict types by a linear head.
        TumorscopeError: the folder exists.
    """
    if "type" not in bundle.card.outputs or "mask" not in bundle.card.outputs or NO_TUMOR in bundle.card.classes:
        raise BadBundle(f"bundle {bundle.name}: needs outputs type and mask, and no class {NO_TUMOR}")
    if folder.exists():
        raise TumorscopeError(f"{folder}: exists; name another folder with -o")
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(TYPE_CHECK_FILE))
    models = []
    for model in bundle.card.models:
        content = add_type_features(onnx.load_from_string(bundle.read_model(model))).SerializeToString()
        save_whole(folder / model.file, content)
        models.append(model.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()}))
    save_card(bundle.card.model_copy(update={"models": tuple(models)}), folder)
    return load_bundle(folder)


def typed_images(
    cases: Sequence[LabeledCase], classes: Sequence[str], each: int, dataset: str, seed: int = 0
) -> Iterator[TypedImage]:
    """Single images of each type, about ``each`` of a type and at most six of a patient, drawn at random."""
    found, of_patient = dict.fromkeys(classes, 0), dict[str, int]()
    for index in np.random.default_rng(seed).permutation(len(cases)):
        case = cases[index]
        label = str(getattr(case, "label", ""))
        if found.get(label, each) >= each or of_patient.get(case.patient, 0) >= 6:
            continue
        found[label] += 1
        of_patient[case.patient] = of_patient.get(case.patient, 0) + 1
        yield TypedImage(case.scan(), label, f"{dataset}/{case.patient}")


def measure_images(
    engine: Engine, images: Iterator[TypedImage], on_image: Callable[[], None] = lambda: None
) -> TypeSamples:
    """What the network finds in each image, taken as it would be in an analysis.

    Raises:
        BadBundle: the network does not output its features; see :func:`bundle_with_features`.
    """
    card, rows = engine.bundle.card, []
    for image in images:
        voxels, _ = arrange_channels(image.scan, card)
        predictions = engine.run(prepare(voxels, card.preparation, image.scan.pixel_aspect).images)
        types, mask = slice_types(predictions, card), predictions.mask
        if predictions.type_features is None or types is None or mask is None or predictions.presence is None:
            raise BadBundle(f"bundle {engine.bundle.name}: the network does not output what its type is read from")
        presence = presence_probability(predictions.presence, card.operating_point.temperature)
        shown = int(presence.argmax())
        geometry = mask_geometry(mask[shown], card.operating_point.mask)
        rows.append(
            (predictions.type_features[shown], geometry, types[shown], presence[shown], image.label, image.patient)
        )
        on_image()
    if not rows:
        raise BadDataset("no images of tumors of known type")
    return TypeSamples(*map(np.array, zip(*rows, strict=True)))


def measured(name: str, images: Callable[[], TypeSamples], keep: Path | None) -> TypeSamples:
    """The images' measures, from the folder ``keep`` where an earlier run on the same bundle left them."""
    path = None if keep is None else keep / f"{name}.npz"
    if path is not None and path.exists():
        with np.load(path) as stored:
            return TypeSamples(*(stored[column.name] for column in fields(TypeSamples)))
    samples = images()
    if path is not None:
        content = io.BytesIO()
        np.savez_compressed(content, **{column.name: getattr(samples, column.name) for column in fields(TypeSamples)})
        path.parent.mkdir(parents=True, exist_ok=True)
        save_whole(path, content.getvalue())
    return samples


def fit_type_check(
    train: TypeSamples, validation: TypeSamples, classes: Sequence[str], presence: float, seed: int = 0
) -> TypeCheck:
    """Centers on training tumors, limits on validation tumors.

    Args:
        train, validation: of different patients, labeled with the classes.
        classes: the bundle's types.
        presence: its operating point; images below it have no type and do not count.
        seed: of the first centers.

    Raises:
        BadDataset: a type has too few tumors.
    """
    train = train.take(train.presence >= presence)
    counts = {name: int((train.label == name).sum()) for name in classes}
    for name, count in counts.items():
        if count < 2 * CENTERS:
            raise BadDataset(f"{count} training images show a {name}; at least {2 * CENTERS} are needed")
    weight = _weights(train.label)
    mean = weight @ train.features
    away = train.features - mean
    _, vectors = np.linalg.eigh((away * weight[:, None]).T @ away)
    axes = vectors[:, ::-1][:, :AXES].T
    check = TypeCheck(
        feature_mean=_row(mean),
        axes=tuple(map(_row, axes)),
        appearance=_resemblance(away @ axes.T, train.label, _SHRINKAGE, seed, pooled=True),
        place=_resemblance(train.geometry, train.label, _PLACE_SHRINKAGE, seed, pooled=False),
        notes=NOTES,
    )
    return with_limits(check, validation, classes, presence)


def with_limits(check: TypeCheck, samples: TypeSamples, classes: Sequence[str], presence: float) -> TypeCheck:
    """The check with the distances within which most tumors are whose type is predicted rightly.

    Raises:
        BadDataset: there are none.
    """
    right = (predicted_types(samples, classes) == samples.label) & (samples.presence >= presence)
    if not right.any():
        raise BadDataset("no validation image whose type is predicted rightly")
    chosen = samples.take(right)
    weight = _weights(chosen.label)
    found = distances(check, chosen, classes)
    limits = [round(_weighted_quantile(own, weight, 1 - EACH_DOUBTED), 3) for own in found]
    parts = (check.appearance, check.place)
    appearance, place = (part.model_copy(update={"limit": limit}) for part, limit in zip(parts, limits, strict=True))
    return check.model_copy(update={"appearance": appearance, "place": place})


def predicted_types(samples: TypeSamples, classes: Sequence[str]) -> np.ndarray:
    """The likeliest type of each tumor."""
    return np.array(classes)[samples.types.argmax(axis=1)]


def distances(check: TypeCheck, samples: TypeSamples, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """How far each tumor is from those of its predicted type by appearance and by place, each ``(image,)``."""
    predicted = predicted_types(samples, classes)
    appearance, place = np.zeros(len(samples)), np.zeros(len(samples))
    for name in classes:
        own = predicted == name
        appearance[own] = check.appearance.distance(name, check.coordinates(samples.features[own]))
        place[own] = check.place.distance(name, samples.geometry[own])
    return appearance, place


def doubted(check: TypeCheck, samples: TypeSamples, classes: Sequence[str]) -> np.ndarray:
    """Whether the check takes the name of each tumor's type, boolean ``(image,)``."""
    appearance, place = distances(check, samples, classes)
    return (appearance > check.appearance.limit) | (place > check.place.limit)


def _weights(label: np.ndarray) -> np.ndarray:
    """Every type counts alike; they add up to one."""
    _, slot, count = np.unique(label, return_inverse=True, return_counts=True)
    return 1 / count[slot] / len(count)


def _weighted_quantile(values: np.ndarray, weight: np.ndarray, share: float) -> float:
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weight[order]), share)
    return float(values[order][min(int(place), len(values) - 1)])


def _resemblance(measures: np.ndarray, label: np.ndarray, shrinkage: float, seed: int, *, pooled: bool) -> Resemblance:
    """Centers of each type, and covariances about them, shrunk towards a diagonal; no limit yet."""
    from sklearn.cluster import KMeans

    weight = _weights(label)
    mean = weight @ measures
    spread = np.sqrt(weight @ (measures - mean) ** 2) + 1e-6
    scaled = (measures - mean) / spread
    centers, covariances = {}, {}
    for name in np.unique(label).tolist():
        own = scaled[label == name]
        # The annotation in scikit-learn knows only "auto".
        clusters = KMeans(CENTERS, n_init=_STARTS, random_state=seed)  # pyright: ignore[reportArgumentType]
        centers[name] = clusters.fit(own).cluster_centers_
        _, nearest = nearest_center(own, centers[name], np.eye(own.shape[1]))
        away = own - centers[name][nearest]
        covariances[name] = away.T @ away / len(own)
    if pooled:
        covariances = dict.fromkeys(covariances, np.mean([*covariances.values()], axis=0))
    return Resemblance(
        mean=_row(mean),
        spread=_row(spread),
        centers={name: tuple(map(_row, own)) for name, own in centers.items()},
        precision={name: tuple(map(_row, _precision(own, shrinkage))) for name, own in covariances.items()},
        limit=0,
    )


def _precision(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    shrunk = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    return np.linalg.inv(shrunk + 1e-3 * np.eye(len(shrunk)))


def _row(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.5g}") for value in values)


def rates(check: TypeCheck, samples: TypeSamples, bundle: Bundle) -> dict[str, Any]:
    """By label: images, with a tumor found, named before and after the check, and named rightly."""
    classes, point = bundle.card.classes, bundle.card.operating_point
    predicted = predicted_types(samples, classes)
    found = samples.presence >= point.presence
    before = found & (samples.types.max(axis=1) >= point.type_confidence)
    after = before & ~doubted(check, samples, classes)
    result = {}
    for label in dict.fromkeys(samples.label.tolist()):
        own = samples.label == label
        right = own & (predicted == label)
        result[str(label)] = {
            "images": int(own.sum()),
            "found": int((found & own).sum()),
            "named_before": int((before & own).sum()),
            "named": int((after & own).sum()),
            "named_before_rightly": int((before & right).sum()),
            "named_rightly": int((after & right).sum()),
        }
    return result


def typed_engine(bundle: Bundle) -> Engine:
    """The bundle's float model in ONNX Runtime, the same on every machine."""
    return load_engine(bundle, "onnxruntime", "float")


TYPED_DATA = ("figshare", "brisc", "kaggle4")
"""The data sets of single images whose types are known."""


def fit_bundle(
    bundle: Bundle,
    data: Mapping[str, Path],
    folder: Path,
    *,
    split: Path | None = None,
    each: int = 110,
    seed: int = 0,
    on_image: Callable[[], None] = lambda: None,
    keep: Path | None = None,
) -> TypeCheck:
    """Write a copy of a bundle with a check fitted to it; see :func:`fit_type_check`.

    Args:
        bundle: with a network of types and masks.
        data: folder of each data set, by the names of :data:`TYPED_DATA`.
        folder: of the copy; appears whole.
        split: a split's file; the bundle's own if None.
        each: training images of each data set and type; about half as many for validation.
        seed: of the draws and first centers.
        on_image: called after each image.
        keep: folder for the measures, see :func:`measured`.

    Raises:
        TumorscopeError: the folder exists, the network does not suit, or a type has too few images.
    """
    parts = Parts.load([split or bundle.folder / _SPLIT_FILE])
    if folder.exists():
        raise TumorscopeError(f"{folder}: exists; name another folder with -o")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as staging:
        copy = bundle_with_features(bundle, Path(staging) / "bundle")
        engine, card = typed_engine(copy), copy.card

        def measure(part: Part, most: int) -> TypeSamples:
            found = []
            for name, path in data.items():
                cases = [case for case in open_dataset(name, path).cases if parts.includes(part, name, case)]
                images = typed_images(cases, card.classes, most, name, seed)
                found.append(measured(f"{part}-{name}", partial(measure_images, engine, images, on_image), keep))
            return TypeSamples.join(found)

        train, validation = measure("train", each), measure("validation", round(each * VALIDATION))
        check = fit_type_check(train, validation, card.classes, card.operating_point.presence, seed)
        check = check.model_copy(update={"metrics": {"validation": rates(check, validation, copy)}})
        save_whole(copy.folder / TYPE_CHECK_FILE, check.model_dump_json().encode() + b"\n")
        copy.folder.rename(folder)
    return check
