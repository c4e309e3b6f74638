"""Counting what the figshare data set contains: slices, patients, persons, folds and tumor sizes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from tumorscope.core.errors import UnreadableScan
from tumorscope.datasets.class_counts import ImageFacts, count_images, nonempty_classes, ordered, spreads
from tumorscope.datasets.class_summary import ClassSummary
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.summary import Spread
from tumorscope.io.matlab import read_cjdata


def summarize_figshare(dataset: FigshareDataset, on_case: Callable[[str], object] = lambda case: None) -> ClassSummary:
    """Read every slice once and count.

    Slices that cannot be read are named under ``unreadable`` and not counted.

    Args:
        dataset: the data set.
        on_case: called with the name of each slice after reading it, for a progress bar.

    Raises:
        BadDataset: not one slice can be read.
    """
    unreadable = dict(dataset.unreadable)
    images: list[ImageFacts] = []
    patients: dict[str, Counter[str]] = defaultdict(Counter)
    fold_patients: dict[str, set[tuple[str, str]]] = defaultdict(set)
    areas: dict[str, list[int]] = defaultdict(list)
    persons: dict[str, dict[str, str]] = defaultdict(dict)
    darkest, brightest = [], []
    for case in dataset.cases:
        try:
            data = read_cjdata(case.path)
        except UnreadableScan as error:
            unreadable[case.path.name] = str(error)
            continue
        finally:
            on_case(case.case)
        rows, columns = data.image.shape
        images.append(ImageFacts(case.label, case.part, f"{rows}×{columns}", "gray", 8 * data.image.dtype.itemsize))
        patients[case.label][case.patient] += 1
        fold_patients[case.part].add((case.patient, case.label))
        areas[case.label].append(int(data.mask.sum()))
        darkest.append(int(data.image.min()))
        brightest.append(int(data.image.max()))
        persons[case.person][case.patient] = case.part
    classes = nonempty_classes(dataset.classes, images, dataset.root, unreadable)
    by_fold = {fold: Counter(label for _, label in pairs) for fold, pairs in sorted(fold_patients.items()) if fold}
    return ClassSummary(
        dataset=dataset.name,
        root=dataset.root,
        **count_images(images, classes),
        patients={label: len(patients[label]) for label in classes},
        groups=None,
        group_count=None,
        planes=None,
        masks={label: len(areas[label]) for label in classes},
        patients_in_parts={fold: ordered(counts, classes) for fold, counts in by_fold.items()},
        slices_per_patient=spreads({label: list(slices.values()) for label, slices in patients.items()}, classes),
        darkest=Spread.of(darkest),
        brightest=Spread.of(brightest),
        tumor_px=spreads(areas, classes),
        persons={person: codes for person, codes in sorted(persons.items()) if len(codes) > 1},
        unreadable=unreadable,
        license=dataset.license,
    )
