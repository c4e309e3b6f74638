"""How well sequences are recognized from pixels, on test patients and on volumes from elsewhere, by data set and change.

    python benchmarks/sequences.py --data lgg=LGG --data brats=BRATS … [--volumes FOLDER] [--limit 60] [--keep FOLDER]
        [--model FOLDER] [-o docs/sequences.md]

Single slices are the hardest case. Scans are recognized as an analysis does it, by the mean logit of their slices.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from tumorscope import __version__
from tumorscope.core.files import save_whole
from tumorscope.core.scan import SEQUENCES
from tumorscope.datasets import styles
from tumorscope.datasets.data_folders import data_folders
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.sequence_recognition import (
    SequenceModel,
    default_sequence_model,
    guess_sequence,
    load_sequence_model,
)
from tumorscope.io import find_cases, open_scan
from tumorscope.training.sequence_fit import count_names, logits_of
from tumorscope.training.sequence_samples import (
    DATA,
    Parts,
    SequenceImage,
    SequenceSamples,
    changed,
    framed,
    known_images,
    shipped_splits,
)

ROOT = Path(__file__).parents[1]
AS_IS = "as they are"
CHANGES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    AS_IS: lambda images: images,
    "skull stripped": lambda images: styles.strip_skull(images, 0.1),
    "gamma 0.5": lambda images: styles.gamma(images, 0.5),
    "gamma 2": lambda images: styles.gamma(images, 2),
    "CLAHE, clip 0.02": lambda images: styles.clahe(images, 0.02),
    "percentiles 20 to 95": lambda images: styles.window(images, 20, 95),
    "inverted": styles.invert,
}
_TITLES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
_EACH_CHANGE = 8
"""Changes are made to every n-th image."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--volumes", type=Path, help="folder of NIfTI files and DICOM series, named by sequence")
    parser.add_argument("--split", action="append", type=Path, help="split.json; by default the shipped bundles'")
    parser.add_argument("--limit", type=int, default=60, help="slices of each data set and sequence")
    parser.add_argument("--model", type=Path, help="folder of another model than the one that ships")
    parser.add_argument("--keep", type=Path, help="folder for framed slices, which another model can then be given")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "sequences.md")
    arguments = parser.parse_args()
    model = load_sequence_model(arguments.model) if arguments.model else default_sequence_model()
    parts = Parts.load(arguments.split or shipped_splits())
    found: dict[str, list[SequenceSamples]] = {change: [] for change in CHANGES}
    for name, path in data_folders(arguments.data, DATA).items():
        images = cache(partial(_listed, name, path, parts, arguments.limit))
        for change, function in CHANGES.items():
            key = f"test-{name}-{change}".replace(" ", "_").replace(",", "")
            some = images if change == AS_IS else partial(_every, images, _EACH_CHANGE)
            found[change].append(framed(key, partial(_changed, some, function), arguments.keep))
        print(name, len(found[AS_IS][-1]), flush=True)
    samples = {change: SequenceSamples.join(parts) for change, parts in found.items()}
    logits = {change: logits_of(model, one) for change, one in samples.items()}
    lines = [
        *_head(model),
        *_single(model, samples[AS_IS], logits[AS_IS]),
        *_confusion(model, samples[AS_IS], logits[AS_IS]),
    ]
    lines += [*_by_change(model, samples, logits), *_scans(model, samples[AS_IS], logits[AS_IS])]
    lines += _contradictions(model, samples, logits)
    if arguments.volumes:
        lines += _outside(model, arguments.volumes)
    save_whole(arguments.out, ("\n".join(lines) + "\n").encode())


def _listed(name: str, path: Path, parts: Parts, limit: int) -> list[SequenceImage]:
    return list(known_images(name, path, "test", parts, limit))


def _every(images: Callable[[], list[SequenceImage]], step: int) -> list[SequenceImage]:
    return images()[::step]


def _changed(images: Callable[[], list[SequenceImage]], change: Callable[[np.ndarray], np.ndarray]):
    return changed(images(), change)


def _counted(model: SequenceModel, logits: np.ndarray, sequence: np.ndarray) -> dict[str, Any]:
    return count_names(model.card, softmax(logits, axis=1), sequence)


def _cells(found: Mapping[str, Any]) -> str:
    count = found["images"]
    return " | ".join(f"{found[key]} ({_percent(found[key], count)})" for key in ("right", "wrong", "unsure"))


def _percent(number: int, count: int) -> str:
    return f"{100 * number / max(count, 1):.1f} %"


def _head(model: SequenceModel) -> list[str]:
    return [
        "# Recognizing the sequence from pixels",
        "",
        "Where no header, name or word of the user tells a sequence, it is recognized from the pixels: T1, T1 with contrast",
        f"(T1c), T2 or FLAIR, from a probability of {model.card.confidence:.2f} on, else it stays unknown. The analysis says so in a",
        "warning (`sequence_recognized`). A name always wins; where the pixels give its sequence a probability below",
        f"{model.card.contradiction:.4f}, the warning `sequence_contradicted` asks to check it.",
        "T1 in the name of an image file is also said of T1 with contrast: where its pixels show that as clearly, it is taken for",
        "T1c, with the warning `sequence_recognized`; `--sequence FILE=t1` states that it is not. Images of BRISC 2025, all named",
        "`…_t1`, are T1c by their publication.",
        "",
        f"Made by `python benchmarks/sequences.py` with version {__version__}, on the test patients of the shipped bundles' splits,",
        "which neither the fit (training patients) nor the choice of the limits (validation patients) has seen. Sequences are the",
        "publishers' (LGG, BraTS, figshare, BRISC's tumors; LGG's cases with FLAIR in the place of T1 or T1c are left out); those",
        "of kaggle4, Br35H and BRISC's slices without a tumor were read from the images by the developers, clear ones only",
        "(`training/sequence_labels.csv`). T2 with a skull is in these alone, T1 with a skull in these and LGG. Fitted by",
        "",
        "    tumorscope fit-sequences --data lgg=LGG --data brats=BRATS --data figshare=FIGSHARE --data brisc=BRISC \\",
        "        --data kaggle4=KAGGLE4 --data br35h=BR35H -o src/tumorscope/inference/sequence_model",
        "",
    ]


def _groups(samples: SequenceSamples) -> dict[tuple[str, int], np.ndarray]:
    keys = sorted(set(zip(samples.source.tolist(), samples.sequence.tolist(), strict=True)))
    return {
        (source, sequence): (samples.source == source) & (samples.sequence == sequence) for source, sequence in keys
    }


def _single(model: SequenceModel, samples: SequenceSamples, logits: np.ndarray) -> list[str]:
    lines = [
        "## Single slices",
        "",
        "| data set | sequence | slices | right | wrong | unsure |",
        "|---|---|---|---|---|---|",
    ]
    for (source, sequence), group in _groups(samples).items():
        found = _counted(model, logits[group], samples.sequence[group])
        lines.append(f"| {source} | {_TITLES[SEQUENCES[sequence]]} | {found['images']} | {_cells(found)} |")
    whole = _counted(model, logits, samples.sequence)
    return [*lines, f"| **all** | | {whole['images']} | {_cells(whole)} |", ""]


def _confusion(model: SequenceModel, samples: SequenceSamples, logits: np.ndarray) -> list[str]:
    titles = [_TITLES[name] for name in SEQUENCES]
    lines = ["Named as (rows: truth):", "", f"| | {' | '.join(titles)} | unsure |", f"|---|{'---|' * 5}"]
    for index, title in enumerate(titles):
        own = samples.sequence == index
        names = _counted(model, logits[own], samples.sequence[own])["named"]
        lines.append(f"| {title} | {' | '.join(map(str, names.values()))} |")
    return [*lines, ""]


def _by_change(
    model: SequenceModel, samples: Mapping[str, SequenceSamples], logits: Mapping[str, np.ndarray]
) -> list[str]:
    lines = [
        "T2 is told from the others nearly always. T1 with and without contrast, and FLAIR, often stay open: enhancement is a few",
        "pixels of a slice, and training saw few scanners.",
        "",
        "## Changes by other software",
        "",
        f"Percent right / wrong / unsure; of the changed slices, every {_EACH_CHANGE}th of those above.",
        "",
        f"| change | {' | '.join(_TITLES[name] for name in SEQUENCES)} | all |",
        f"|---|{'---|' * 5}",
    ]
    for change, one in samples.items():
        cells = [one.sequence == index for index in range(len(SEQUENCES))] + [np.ones(len(one), bool)]
        counts = (_counted(model, logits[change][own], one.sequence[own]) for own in cells)
        texts = [
            " / ".join(f"{100 * found[key] / max(found['images'], 1):.0f}" for key in ("right", "wrong", "unsure"))
            for found in counts
        ]
        lines.append(f"| {change} | {' | '.join(texts)} |")
    return [*lines, ""]


def _scans(model: SequenceModel, samples: SequenceSamples, logits: np.ndarray) -> list[str]:
    lines = [
        "## Whole scans",
        "",
        "| data set | sequence | scans | right | wrong | unsure |",
        "|---|---|---|---|---|---|",
    ]
    for (source, sequence), group in _groups(samples).items():
        if source not in ("lgg", "brats"):
            continue
        cases = np.unique(samples.case[group])
        mean = np.stack([logits[group & (samples.case == case)].mean(axis=0) for case in cases])
        found = _counted(model, mean, np.full(len(cases), sequence))
        lines.append(f"| {source} | {_TITLES[SEQUENCES[sequence]]} | {len(cases)} | {_cells(found)} |")
    return [*lines, ""]


def _contradictions(
    model: SequenceModel, samples: Mapping[str, SequenceSamples], logits: Mapping[str, np.ndarray]
) -> list[str]:
    """How often right and wrong names are doubted."""
    doubted = {change: _counted(model, logits[change], one.sequence)["doubted"] for change, one in samples.items()}
    count = len(samples[AS_IS])
    changes = [f"{name} {_percent(doubted[name], len(one))}" for name, one in samples.items() if name != AS_IS]
    lines = [
        "## Names that pixels contradict",
        "",
        f"Of {count} rightly named test slices, {doubted[AS_IS]} ({_percent(doubted[AS_IS], count)}) get the warning. After the",
        f"changes: {', '.join(changes)}. Of test slices under a name (columns), percent that get the warning:",
        "",
        f"| truth | named {' | named '.join(_TITLES[name] for name in SEQUENCES)} |",
        f"|---|{'---|' * 4}",
    ]
    probability, sequence = softmax(logits[AS_IS], axis=1), samples[AS_IS].sequence
    for truth, title in enumerate(SEQUENCES):
        shares = 100 * (probability[sequence == truth] < model.card.contradiction).mean(axis=0)
        lines.append(f"| {_TITLES[title]} | {' | '.join(f'{share:.1f}' for share in shares)} |")
    return [*lines, ""]


def _outside(model: SequenceModel, folder: Path) -> list[str]:
    """Volumes from elsewhere; near-isotropic ones in every plane."""
    lines = [
        "## Volumes from elsewhere",
        "",
        "Of no data set above: a skull-stripped case with metastases (1 mm, four sequences), the ICBM 152 average head (T1), and",
        "two DICOM series, one T2, one proton density, which is none of the four.",
        "",
        "| volume | plane | recognized as | probability of T1 / T1c / T2 / FLAIR |",
        "|---|---|---|---|",
    ]
    niftis = sorted([*folder.rglob("*.nii"), *folder.rglob("*.nii.gz")])
    others = [case for case in find_cases(folder) if not any(case in (file, *file.parents) for file in niftis)]
    for case in [*niftis, *others]:
        scan = open_scan(case)
        view = network_view(scan)
        axial = view.forward(scan.voxels[..., 0])
        depth, row, column = view.spacing_mm or (1.0, 1.0, 1.0)
        planes = {"axial": (axial, row / column)}
        if max(depth, row, column) < 1.5 * min(depth, row, column):
            planes["coronal"] = (axial[::-1].transpose(1, 0, 2), depth / column)
            planes["sagittal"] = (axial[::-1].transpose(2, 0, 1), depth / row)
        for plane, (voxels, aspect) in planes.items():
            found = guess_sequence(voxels, aspect, model)
            values = " / ".join(f"{value:.2f}" for value in found.probabilities.values())
            name = _TITLES.get(found.name, "unsure")
            lines.append(f"| {scan.case} | {plane} | {name} | {values} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
