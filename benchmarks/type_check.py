"""What the check for tumors of other types costs on known types and finds among others.

    python benchmarks/type_check.py BUNDLE --data figshare=FIGSHARE --data brisc=BRISC [--data lgg=LGG --data brats=BRATS]
        [--metastases FOLDER] [--limit 40] [-o docs/type-check.md]

BUNDLE holds a check (`tumorscope fit-type-check`). Only patients that its split holds out are measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from tumorscope import __version__
from tumorscope.core.files import save_whole
from tumorscope.core.scan import Scan
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.datasets.registry import open_dataset
from tumorscope.inference.bundle import load_bundle
from tumorscope.inference.engine import Engine
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.inference.tumor_type import carries_type
from tumorscope.io import open_scan
from tumorscope.preprocessing.head import head_mask
from tumorscope.training.sequence_samples import Part, Parts, read_labels
from tumorscope.training.type_check_fit import (
    VALIDATION,
    TypedImage,
    TypeSamples,
    distances,
    doubted,
    fit_type_check,
    measure_images,
    measured,
    predicted_types,
    typed_engine,
    typed_images,
)

ROOT = Path(__file__).parents[1]
TYPED = ("figshare", "brisc")
GLIOMA = ("lgg", "brats")
SEED = 3
"""Of the made lesions."""

FITTED = 110
"""Training images of each data set and type, as of the fit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", help="a bundle's folder or name")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--metastases", type=Path, help="T1c volume with metastases")
    parser.add_argument("--limit", type=int, default=40, help="images of each kind")
    parser.add_argument("--keep", type=Path, help="folder for measures of this bundle, that of the fit")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "type-check.md")
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle)
    engine = typed_engine(bundle)
    if engine.type_check is None:
        parser.error(f"{arguments.bundle} holds no check; run `tumorscope fit-type-check`")
    parts = Parts.load([bundle.folder / "split.json"])
    folders = data_folders(arguments.data, (*TYPED, *GLIOMA))
    known = {
        name: _measured(engine, name, path, parts, "test", arguments.limit, arguments.keep)
        for name, path in folders.items()
        if name in TYPED
    }
    print({name: len(one) for name, one in known.items()}, flush=True)
    lines = [*_head(), *_known_table(engine, known), *_displaced(engine, TypeSamples.join([*known.values()]))]
    lines += _left_out(engine, folders, parts, TypeSamples.join([*known.values()]), arguments.keep)
    others: dict[str, TypeSamples] = {}
    for name, images in _others(folders, parts, arguments.metastases, arguments.limit).items():
        others[name] = measured(name, partial(measure_images, engine, images), arguments.keep)
        print(name, len(others[name]), flush=True)
    lines += _other_table(engine, others)
    save_whole(arguments.out, ("\n".join(lines) + "\n").encode())


def _known(name: str, path: Path, parts: Parts, part: Part, classes: Sequence[str], limit: int) -> Iterator[TypedImage]:
    cases = [case for case in open_dataset(name, path).cases if parts.includes(part, name, case)]
    return typed_images(cases, classes, limit, name)


def _measured(
    engine: Engine, name: str, path: Path, parts: Parts, part: Part, limit: int, keep: Path | None
) -> TypeSamples:
    images = _known(name, path, parts, part, engine.bundle.card.classes, limit)
    return measured(f"{part}-{name}", partial(measure_images, engine, images), keep)


def _head() -> list[str]:
    return [
        "# A type outside the known ones",
        "",
        "A network distributes all probability over the types it knows. So a type is not named, `tumor_type.name` is null and",
        "`tumor_type.doubt` tells why, where",
        "",
        "- the likeliest type's probability is below the bundle's `type_confidence` (`low_probability`);",
        "- the tumor is unlike those the type was learned from (`other_or_unsure`): the features that the type is read from, or",
        "  size and position of the mask, are farther from the centers of that type's training tumors than nearly all validation",
        "  tumors of that type (`type_check.json` of the bundle);",
        "- only single slices, none next to another, reach the operating point, and none the middle between it and certainty",
        "  (`isolated_slice`);",
        "- the scan is of another sequence than T1 with contrast, on which types were learned (`other_sequence`).",
        "",
        "**What it cannot do.** It does not find tumors of other types reliably: a metastasis with edema looks like a glioma to",
        "the network, and is doubted only where its place or size is unusual. A named type is never a diagnosis.",
        "",
        f"Made by `python benchmarks/type_check.py` with version {__version__}, on test patients of the bundle's split; the check was",
        "fitted on training patients, its limits chosen on validation patients, by",
        "",
        "    tumorscope fit-type-check BUNDLE --data figshare=FIGSHARE --data brisc=BRISC -o BUNDLE-WITH-CHECK",
        "",
        "which is needed again after every training (about 800 images, two minutes on one idle core).",
        "",
    ]


def _named(engine: Engine, samples: TypeSamples) -> np.ndarray:
    """Whether the type of each image is named without the check."""
    point = engine.bundle.card.operating_point
    carries = np.array([carries_type(np.array([value]), point.presence) for value in samples.presence])
    found = samples.presence >= point.presence
    return found & carries & (samples.types.max(axis=1) >= point.type_confidence)


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / max(whole, 1):.0f} %)"


def _known_table(engine: Engine, known: Mapping[str, TypeSamples]) -> list[str]:
    assert engine.type_check is not None
    classes, point = engine.bundle.card.classes, engine.bundle.card.operating_point
    lines = [
        "## Known types",
        "",
        "Named: likely enough and not near the operating point. Lost: named rightly, and doubted by the check.",
        "",
        "| data set | type | images | found | near the operating point | named | rightly | lost | wrong names doubted |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, samples in known.items():
        named, predicted = _named(engine, samples), predicted_types(samples, classes)
        unlike, found = doubted(engine.type_check, samples, classes), samples.presence >= point.presence
        near = found & (samples.presence < (1 + point.presence) / 2)
        for label in classes:
            own = samples.label == label
            right, wrong = own & named & (predicted == label), own & named & (predicted != label)
            lines.append(
                f"| {name} | {label} | {own.sum()} | {(own & found).sum()} | {(own & near).sum()} | {(own & named).sum()} "
                f"| {right.sum()} | {_share((right & unlike).sum(), right.sum())} | {(wrong & unlike).sum()} of {wrong.sum()} |"
            )
    return [*lines, ""]


def _displaced(engine: Engine, samples: TypeSamples) -> list[str]:
    """Pituitary tumors as they would be found off the midline, where vestibular schwannomas are."""
    assert engine.type_check is not None
    classes = engine.bundle.card.classes
    own = (
        _named(engine, samples) & (predicted_types(samples, classes) == samples.label) & (samples.label == "pituitary")
    )
    if not own.any():
        return []
    lines = [
        "The same pituitary tumors, their masks moved away from the middle, as a lesion of the cerebellopontine angle that is",
        "taken for a pituitary tumor: distance from the middle as a share of the head's width, and share that is doubted.",
        "",
        "| distance | doubted |",
        "|---|---|",
    ]
    for distance in (0.08, 0.12, 0.16, 0.2):
        chosen = samples.take(own)
        chosen.geometry[:, 2] = np.maximum(chosen.geometry[:, 2], distance)
        lines.append(
            f"| {distance:.2f} | {_share(int(doubted(engine.type_check, chosen, classes).sum()), len(chosen))} |"
        )
    return [*lines, ""]


def _left_out(
    engine: Engine, folders: Mapping[str, Path], parts: Parts, test: TypeSamples, keep: Path | None
) -> list[str]:
    """Each type as if the check had not been fitted on it; the network itself has seen it."""
    classes, point = engine.bundle.card.classes, engine.bundle.card.operating_point

    def read(part: Part, limit: int) -> TypeSamples:
        typed = [(name, path) for name, path in folders.items() if name in TYPED]
        return TypeSamples.join([_measured(engine, *pair, parts, part, limit, keep) for pair in typed])

    train, validation = read("train", FITTED), read("validation", round(FITTED * VALIDATION))
    lines = [
        "## Each type left out",
        "",
        "The check fitted on two types, tested on the third, which then has the likelier of the two. The network has learned",
        "to tell the third apart, so these shares are better than those of a type that nobody has seen.",
        "",
        "| left out | test images | doubted |",
        "|---|---|---|",
    ]
    for left_out in classes:
        kept = [name for name in classes if name != left_out]
        columns = [classes.index(name) for name in kept]
        check = fit_type_check(
            _restricted(train.take(train.label != left_out), columns),
            _restricted(validation.take(validation.label != left_out), columns),
            kept,
            point.presence,
        )
        others = _restricted(test.take((test.label == left_out) & (test.presence >= point.presence)), columns)
        lines.append(f"| {left_out} | {len(others)} | {_share(int(doubted(check, others, kept).sum()), len(others))} |")
    return [*lines, ""]


def _restricted(samples: TypeSamples, columns: Sequence[int]) -> TypeSamples:
    types = samples.types[:, columns]
    return TypeSamples(
        samples.features,
        samples.geometry,
        types / types.sum(axis=1, keepdims=True),
        samples.presence,
        samples.label,
        samples.patient,
    )


def _other_table(engine: Engine, others: Mapping[str, TypeSamples]) -> list[str]:
    assert engine.type_check is not None
    classes, point = engine.bundle.card.classes, engine.bundle.card.operating_point
    lines = [
        "## Other lesions",
        "",
        "Slices of scans each by itself, all taken as T1c; of gliomas of other data sets the right name is glioma. Made lesions",
        "are painted into slices without a tumor. The real metastases are one patient's (skull-stripped, low in the image).",
        "On FLAIR and T2 the network calls gliomas meningiomas, and the check alone finds too few of them: an analysis names no",
        "type on a sequence other than T1c, by its name or recognized from its pixels ([sequences.md](sequences.md)).",
        "",
        "| lesion | images | found | named without the check, as | doubted by appearance, place | named with it |",
        "|---|---|---|---|---|---|",
    ]
    for name, samples in others.items():
        named, predicted = _named(engine, samples), predicted_types(samples, classes)
        appearance, place = distances(engine.type_check, samples, classes)
        unlike = (appearance > engine.type_check.appearance.limit, place > engine.type_check.place.limit)
        as_types = ", ".join(f"{label} {(named & (predicted == label)).sum()}" for label in classes)
        left = named & ~unlike[0] & ~unlike[1]
        lines.append(
            f"| {name} | {len(samples)} | {(samples.presence >= point.presence).sum()} | {named.sum()}: {as_types} "
            f"| {(named & unlike[0]).sum()}, {(named & unlike[1]).sum()} | {left.sum()} |"
        )
    return [*lines, ""]


def _others(
    folders: Mapping[str, Path], parts: Parts, metastases: Path | None, limit: int
) -> dict[str, Iterator[TypedImage]]:
    found: dict[str, Iterator[TypedImage]] = {}
    if metastases is not None:
        found["metastases, real"] = _volume(metastases, limit)
    if "brisc" in folders:
        found["metastases, made"] = _made(folders["brisc"], parts, limit, several=True)
        found["one mass, made"] = _made(folders["brisc"], parts, limit, several=False)
    found["phantom, enhancing ring"] = _drawn(limit // 3, ring=True)
    for name in GLIOMA:
        if name in folders:
            for sequence in ("t1c", "flair", "t2"):
                if (name, sequence) != ("lgg", "t2"):
                    found[f"glioma of {name}, {sequence.upper()}"] = _gliomas(
                        name, folders[name], parts, sequence, limit // 2
                    )
    return found


def _single(pixels: np.ndarray, name: str) -> TypedImage:
    return TypedImage(Scan(pixels[None, ..., None], ("t1c",), name, "image"), "other", name)


def _volume(path: Path, limit: int) -> Iterator[TypedImage]:
    scan = open_scan(path)
    for index in np.linspace(0.12, 0.88, limit) * len(scan.voxels):
        yield _single(scan.voxels[int(index), ..., 0], f"metastases {int(index)}")


def _made(folder: Path, parts: Parts, limit: int, *, several: bool) -> Iterator[TypedImage]:
    """Bright rings and discs within slices without a tumor: a few small ones, or one larger."""
    chance, labels = np.random.default_rng(SEED), read_labels()
    cases = [
        case
        for case in open_dataset("brisc", folder).cases
        if getattr(case, "label", "") == NO_TUMOR
        and (parts.includes("test", "brisc", case) or parts.includes("validation", "brisc", case))
        and labels.get(f"brisc/{case.case}") in ("t1", "t1c")
    ]
    for index in chance.permutation(len(cases))[:limit]:
        image = cases[index].scan().voxels[0, ..., 0].astype(float)
        head = head_mask(image[None, ..., None])[0]
        rows, columns = np.nonzero(head)
        radius = np.sqrt(head.sum() / np.pi)
        for _ in range(int(chance.integers(2, 5)) if several else 1):
            angle, away = chance.uniform(0, 2 * np.pi), chance.uniform(0.1, 0.6) * radius
            center = rows.mean() + away * np.sin(angle), columns.mean() + 0.8 * away * np.cos(angle)
            size = radius * (chance.uniform(0.05, 0.13) if several else chance.uniform(0.15, 0.28))
            image = _with_lesion(image, head, center, size, ring=chance.random() < 0.6)
        yield _single(image, f"made {index}")


def _with_lesion(
    image: np.ndarray, head: np.ndarray, center: tuple[float, float], radius: float, *, ring: bool
) -> np.ndarray:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    distance = np.hypot(rows - center[0], columns - center[1]) / radius
    bright, dark = np.percentile(image[head], 98), 0.5 * np.median(image[head])
    inside = np.where((distance > 0.6) | (not ring), bright, dark)
    cover = np.asarray(ndimage.gaussian_filter((distance < 1).astype(float), 1.0))
    return image * (1 - cover) + inside * cover


def _drawn(count: int, *, ring: bool) -> Iterator[TypedImage]:
    for seed in range(count):
        lesion = plausible_lesion(seed, "enhancing" if ring else "meningioma")
        phantom = make_phantom([lesion], seed=seed, shape=(16, 160, 160), sequences=("t1c",))
        shown = int(phantom.mask.sum(axis=(1, 2)).argmax())
        yield _single(phantom.scan.voxels[shown, ..., 0], f"phantom {seed}")


def _gliomas(name: str, folder: Path, parts: Parts, sequence: str, limit: int) -> Iterator[TypedImage]:
    """Slices with much tumor of a few held-out patients."""
    cases = [
        case
        for case in open_dataset(name, folder).cases
        if parts.includes("test", name, case) or parts.includes("validation", name, case)
    ][:6]
    for case in cases:
        scan, truth = case.scan(), case.truth()
        if sequence not in scan.sequences or truth.mask is None or (name == "lgg" and case.missing_sequences(scan)):
            continue
        area = truth.mask.sum(axis=(1, 2))
        large = np.flatnonzero(area >= 0.4 * area.max())
        for index in large[np.unique(np.linspace(0, len(large) - 1, max(1, limit // len(cases))).astype(int))]:
            yield _single(scan.voxels[index, ..., scan.sequences.index(sequence)], f"{case.case} {index}")


if __name__ == "__main__":
    main()
