"""What the input check costs: heads that it refuses or doubts, by data set, plane and change, and what else it passes.

    python benchmarks/input_check.py --data br35h=BR35H --data brisc=BRISC … [--limit 100] [--keep FOLDER]
        [--input-check input_check.json] [-o docs/input-check.md]

Single slices are the hardest case (a volume has the median of its slices), so that slices of volumes are given one by
one, each sequence by itself. Only parts that the splits keep for validation and testing are measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np

from tumorscope import __version__
from tumorscope.core.files import save_whole
from tumorscope.datasets import styles
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.negatives import FAMILIES
from tumorscope.evaluation import consistency
from tumorscope.evaluation.consistency import Change
from tumorscope.inference.bundles import load_bundle
from tumorscope.preprocessing.axial import axial_view
from tumorscope.preprocessing.input_check import InputCheck, default_input_check, scan_score
from tumorscope.training.input_check import score_samples
from tumorscope.training.input_check_samples import REAL_CT, Samples, measured
from tumorscope.training.input_check_sources import (
    LABELED,
    Parts,
    SampleImage,
    family_images,
    labeled_cases,
    labeled_images,
)

ROOT = Path(__file__).parents[1]
AS_IS = "as they are"
SEED = 1
"""Of the drawn families; the fit drew them with another."""


_ELSEWHERE = ("8 bits", "slices reversed", "turned by 15°", "CLAHE, clip 0.02")
"""Changes that do nothing to a single slice, or lie between two others."""


def _letters(images: np.ndarray) -> np.ndarray:
    return styles.add_letters(images, np.random.default_rng(0))


CHANGES = (
    Change(AS_IS, lambda voxels: voxels),
    *(change for change in consistency.CHANGES if change.name not in _ELSEWHERE),
    consistency.gray("gamma 0.4", lambda images: styles.gamma(images, 0.4)),
    consistency.gray("gamma 2.5", lambda images: styles.gamma(images, 2.5)),
    consistency.gray("percentiles 20 to 95", lambda images: styles.window(images, 20, 95)),
    consistency.gray("inverted", styles.invert),
    consistency.gray("sharpened", lambda images: styles.sharpen(images, 1.5)),
    consistency.gray("JPEG, quality 20", lambda images: styles.compress(images, 20)),
    consistency.gray("letters", _letters),
    consistency.gray("white border of 4 %", lambda images: styles.add_border(images, 0.04, 1.0)),
)
"""What is done to each image: most of what the evaluation of consistency does, and more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--split", action="append", type=Path, help="split.json; by default the shipped bundles'")
    parser.add_argument("--limit", type=int, default=100, help="images of each data set and plane, and of each family")
    parser.add_argument("--input-check", type=Path, help="another input_check.json than the one that ships")
    parser.add_argument(
        "--keep", type=Path, help="folder for measures, which another input_check.json can then be given"
    )
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "input-check.md")
    arguments = parser.parse_args()
    input_check = (
        InputCheck.model_validate_json(arguments.input_check.read_bytes())
        if arguments.input_check
        else default_input_check()
    )
    splits = arguments.split or [load_bundle(name).folder / "split.json" for name in ("t1c", "lgg")]
    parts = Parts.load(splits)
    folders = data_folders(arguments.data, LABELED)
    heads: dict[str, dict[str, np.ndarray]] = {}
    volumes: dict[str, np.ndarray] = {}
    for name, path in folders.items():
        for source, cases in labeled_cases(name, path, parts.is_held_out).items():
            changed = _changed(source, name, cases, arguments.limit, arguments.keep)
            heads[source] = {change: score_samples(input_check, samples) for change, samples in changed}
            print(source, {change: _cell(scores, input_check) for change, scores in heads[source].items()}, flush=True)
            if source in ("lgg", "brats"):
                volumes[source] = _volume_scores(cases, input_check)
    others = {
        source: score_samples(input_check, samples)
        for source, samples in _other_things(folders, parts, arguments.limit, arguments.keep)
    }
    save_whole(arguments.out, _page(input_check, heads, volumes, others).encode())


def _other_things(
    folders: Mapping[str, Path], parts: Parts, limit: int, keep: Path | None
) -> Iterator[tuple[str, Samples]]:
    """The measures of real CT, where the set that holds some is given, and of every family."""
    if "kaggle4" in folders:
        found = labeled_cases("kaggle4", folders["kaggle4"], parts.is_held_out, ct=True)
        real = [case for listed in found.values() for case in listed]
        images = partial(labeled_images, "kaggle4", real, len(real))
        yield REAL_CT, measured(f"{REAL_CT} held out", images, mri=False, keep=keep)
    for name in FAMILIES:
        drawn = partial(family_images, name, limit, SEED)
        yield name, measured(f"{name} of seed {SEED}", drawn, mri=False, keep=keep)


def _changed(
    source: str, dataset: str, cases: list[LabeledCase], limit: int, keep: Path | None
) -> Iterator[tuple[str, Samples]]:
    """The measures of a source's images after each change."""
    images = cache(lambda: list(labeled_images(dataset, cases, limit, SEED, much_head=True)))
    for change in CHANGES:
        name = f"{source} held out {change.name}".replace("/", " ")
        yield change.name, measured(name, partial(_apply, change, images), mri=True, keep=keep)


def _apply(change: Change, images: Callable[[], Iterable[SampleImage]]) -> Iterator[SampleImage]:
    for image in images():
        pixels = change.voxels(image.pixels[None, :, :, None])[0, ..., 0]
        turned = pixels.shape != image.pixels.shape
        yield image._replace(pixels=pixels, pixel_aspect=1 / image.pixel_aspect if turned else image.pixel_aspect)


def _volume_scores(cases: list[LabeledCase], input_check: InputCheck) -> np.ndarray:
    """Scores of whole scans with all sequences, as an analysis assesses them."""
    scores = []
    for case in cases:
        scan = case.scan()
        view = axial_view(scan.shape, scan.affine)
        scores.append(scan_score(view.forward(scan.voxels), input_check, view.pixel_aspect))
    return np.array(scores)


def _shares(scores: np.ndarray, input_check: InputCheck) -> tuple[float, float]:
    """Percent refused, and percent analyzed with a warning."""
    refused = scores < input_check.refusal
    return 100 * float(refused.mean()), 100 * float(((scores < input_check.threshold) & ~refused).mean())


def _cell(scores: np.ndarray, input_check: InputCheck) -> str:
    refused, warned = _shares(scores, input_check)
    return f"{refused:.1f} / {warned:.1f}"


def _page(
    input_check: InputCheck,
    heads: Mapping[str, Mapping[str, np.ndarray]],
    volumes: Mapping[str, np.ndarray],
    others: Mapping[str, np.ndarray],
) -> str:
    lines = [
        "# What the input check costs",
        "",
        f"Made by `python benchmarks/input_check.py` with version {__version__}, on the validation and test parts of the bundles'",
        f"splits. A scan is refused where the check scores it below {input_check.refusal:.3f}, and analyzed with a warning below",
        f"{input_check.threshold:.3f}. The hardest case is measured: single slices, each sequence by itself; a volume has the median",
        "score of its slices. Whether the check itself was fitted on other slices of a data set is in the bundle's card (key",
        "`input_check`, `rejected_mri`): one that is named there was, and the rates there, by fits that left the patient out, are the",
        "stricter ones. BRISC's slices with a tumor are the four-class Kaggle set's.",
        "",
        "## Heads: percent refused / percent warned about",
        "",
        f"| change | {' | '.join(heads)} |",
        f"|---|{'---|' * len(heads)}",
        f"| *slices* | {' | '.join(str(len(found[AS_IS])) for found in heads.values())} |",
    ]
    for change in CHANGES:
        cells = (_cell(found[change.name], input_check) for found in heads.values())
        lines.append(f"| {change.name} | {' | '.join(cells)} |")
    pooled = (_cell(np.concatenate([found[c.name] for c in CHANGES[1:]]), input_check) for found in heads.values())
    lines += [f"| **all changes** | {' | '.join(pooled)} |", ""]
    for name, scores in volumes.items():
        lines.append(f"Whole scans of {name} as they are: {_cell(scores, input_check)} of {len(scores)}.")
    lines += [
        "",
        "## Images of other things",
        "",
        "Drawn with another seed than for the fit; real CT from the test part. A family that no fit saw passes far more",
        "often: the bundle's card tells by how much (key `input_check`).",
        "",
        "| images | number | refused, % | warned, % | passed, % |",
        "|---|---|---|---|---|",
    ]
    for name, scores in others.items():
        refused, warned = _shares(scores, input_check)
        lines.append(f"| {name} | {len(scores)} | {refused:.1f} | {warned:.1f} | {100 - refused - warned:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
