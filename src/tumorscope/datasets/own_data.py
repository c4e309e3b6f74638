"""A user's own data: cases with masks or classes, whatever layout they were found in, and their split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import BadDataset, BadSplit, UnreadableScan
from tumorscope.datasets.holdout import part_sizes, require_patients
from tumorscope.datasets.labeled import FoldedDataset
from tumorscope.datasets.own_cases import PART_NAMES, FoundCase, OwnImage, OwnVolume
from tumorscope.datasets.own_options import OwnDataOptions
from tumorscope.datasets.own_patients import CaseNames, known_patients, some
from tumorscope.datasets.registry import DatasetEntry, DatasetReport, OwnLayout, Progress
from tumorscope.datasets.split import Split, fill_empty_parts, stratified_parts
from tumorscope.datasets.stratified import StratifiedDataset
from tumorscope.io.checks import printable
from tumorscope.io.color import classify_channels
from tumorscope.io.raster import read_raster

if TYPE_CHECKING:
    from PIL import Image

_LOOKED_AT = 3
"""Images of a data set that are read when it is opened; those of one data set are stored alike."""

_LICENSE = "images and masks: as their owner states"


@dataclass(frozen=True)
class OwnDataset(StratifiedDataset[OwnImage | OwnVolume]):
    """Single images, or volumes, with what is known of them.

    Attributes:
        sequences, optional_sequences: those that the volumes have.
    """

    sequences: tuple[str, ...] = ()
    license = _LICENSE
    absence: ClassVar[str] = "missing"

    @property
    def optional_sequences(self) -> tuple[str, ...]:
        """Any of the sequences."""
        return self.sequences

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the cases, sorted; empty if they have none."""
        return tuple(sorted({case.tumor_class for case in self.cases if case.tumor_class}))

    @classmethod
    def of_cases(
        cls, path: Path, found: Sequence[FoundCase], options: OwnDataOptions, notes: Iterable[str] = ()
    ) -> Self:
        """The data set of what was found.

        Cases of which neither a mask nor a class is known are left out with a note. They are not cases without tumor.

        Args:
            path: the folder or table.
            found: all cases.
            options: what the owner states.
            notes: what else was noticed.

        Raises:
            BadDataset: no case is left, images and volumes are mixed, or a patient is missing.
        """
        known = [case for case in found if case.is_known]
        unknown = [case.case for case in found if not case.is_known]
        if not known:
            raise BadDataset(
                f"{path}: not one of {len(found)} cases here has a mask or a class; nothing can be learned"
            )
        volumes = [case for case in known if case.is_volume]
        if volumes and len(volumes) < len(known):
            image = next(case for case in known if not case.is_volume)
            raise BadDataset(
                f"{path}: {volumes[0].case} is a volume and {image.case} an image; train on one kind at a time"
            )
        compartments = options.compartments
        names = [CaseNames(case.case, case.name, case.path.name, case.patient) for case in known]
        patients, grouping = known_patients(path, names, options)
        sequences = tuple(dict.fromkeys(sequence for case in known for sequence in case.sequences))
        cases = tuple(
            OwnVolume(case, patients[case.case], compartments, sequences)
            if volumes
            else OwnImage(case, patients[case.case], compartments)
            for case in known
        )
        left_out = [_left_out(unknown)] if unknown else []
        return cls(path, cases, grouping, (*notes, *left_out, *_colored(cases)), sequences)

    @property
    def compartments(self) -> tuple[Compartment, ...]:
        """The whole tumor and the compartments inside it, as the owner states them; empty for one mask."""
        stated = self.cases[0].compartments
        return stated if len(stated) > 1 else ()

    def strata(self) -> dict[str, tuple[str, ...]]:
        """The classes of each patient."""
        classes: dict[str, set[str]] = {}
        for case in self.cases:
            classes.setdefault(case.patient, set()).add(case.tumor_class or "")
        return {patient: tuple(sorted(names)) for patient, names in classes.items()}

    @cached_property
    def _stated_parts(self) -> dict[str, list[str]]:
        """The patients of each part that the data states; empty if it states none.

        Raises:
            BadSplit: a patient is in two parts.
            BadDataset: cases without a part.
        """
        stated = {case.case: case.part for case in self.cases}
        if not any(stated.values()):
            return {}
        without = [name for name, part in stated.items() if not part]
        if without:
            raise BadDataset(f"{self.root}: {some(without)} in no part of the split that the others state")
        first: dict[str, OwnImage | OwnVolume] = {}
        parts: dict[str, list[str]] = {part: [] for part in PART_NAMES}
        for case in self.cases:
            earlier = first.setdefault(case.patient, case)
            if earlier.part != case.part:
                raise BadSplit(
                    f"{self.root}: patient {printable(case.patient)} is in both {earlier.part} ({earlier.case}) and "
                    f"{case.part} ({case.case}); --split 75/25 splits by patient instead"
                )
            if earlier is case:
                parts[case.part].append(case.patient)
        return parts

    def split(self, seed: int = 0, fractions: Mapping[str, float] | None = None) -> Split:
        """As the data states, or by patient; a part that it does not state is drawn from its training part.

        Raises:
            BadSplit: a patient is in two stated parts, or there are fewer than three patients.
        """
        stated = {} if fractions else self._stated_parts
        if stated:
            return self._completed(stated, seed)
        require_patients(self.root, len({case.patient for case in self.cases}), self.grouping)
        parts = fill_empty_parts(super().split(seed, fractions).parts)
        return Split(self.name, parts, f"{self.grouping}; {part_sizes(parts)}")

    def _completed(self, stated: Mapping[str, Sequence[str]], seed: int) -> Split:
        missing = [part for part in PART_NAMES if not stated[part]]
        shares = {"train": 1 - sum(self.fractions[part] for part in missing if part != "train")}
        shares |= {part: self.fractions[part] for part in missing}
        strata = self.strata()
        training = {patient: strata[patient] for patient in stated["train"]}
        drawn = fill_empty_parts(stratified_parts(training, shares, seed))
        parts = {part: tuple(drawn.get(part) or stated[part]) for part in PART_NAMES}
        empty = [part for part, names in parts.items() if not names]
        if empty:
            raise BadSplit(f"{self.root}: the split that the data states has no patients for {' and '.join(empty)}")
        how = f", {' and '.join(missing)} drawn from train" if missing else ""
        return Split(self.name, parts, f"{self.grouping}; as the data states{how}; {part_sizes(parts)}")

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts of all patients."""
        return replace(super().folds(count, seed), method=f"{self.grouping}; {count} folds")


def is_volumes(dataset: OwnDataset) -> bool:
    """Whether the cases are volumes and not single images."""
    return isinstance(dataset.cases[0], OwnVolume)


class _Open(Protocol):
    """Opens a layout with what the owner states, or with nothing stated."""

    def __call__(self, path: Path, options: OwnDataOptions = ...) -> FoldedDataset: ...


def own_entry(
    name: str, title: str, layout: str, *, open_layout: _Open, recognizes: Callable[[Path], bool]
) -> DatasetEntry:
    """The registry's entry of a layout of own data; see :class:`~tumorscope.datasets.registry.DatasetEntry`."""
    return DatasetEntry(
        name=name,
        title=title,
        layout=layout,
        citation="",
        license=_LICENSE,
        caveats="patients come from names, a column or `--patients FILE`; what an image without a mask shows is unknown",
        limits=("trained on data of its user, whose choice and annotation this card does not describe",),
        published_split="as stated by the data, if it states one",
        open=open_layout,
        summarize=_summarize,
        draw_preview=_draw_preview,
        download=_no_download,
        own=OwnLayout(recognizes, open_layout),
    )


def _summarize(dataset: OwnDataset, on_case: Callable[[str], object]) -> DatasetReport:
    """Count images by class, or volumes by patient."""
    from tumorscope.datasets.class_counts import summarize_images
    from tumorscope.datasets.summary import summarize_volumes

    summarize = summarize_volumes if is_volumes(dataset) else summarize_images
    return summarize(dataset, on_case)  # type: ignore[arg-type]  # its cases are of one kind


def _draw_preview(dataset: OwnDataset, count: int, seed: int) -> Image.Image:
    """Draw images by class, or volumes by patient."""
    from tumorscope.datasets.class_preview import draw_class_preview
    from tumorscope.datasets.preview import draw_preview

    draw = draw_preview if is_volumes(dataset) else draw_class_preview
    return draw(dataset, count, seed)  # type: ignore[arg-type]  # its cases are of one kind


def _no_download(destination: Path | None, progress: Progress) -> Path:
    """Own data is not downloaded.

    Raises:
        BadDataset: always.
    """
    raise BadDataset("own data is on its owner's disk and cannot be downloaded; name a published data set")


def _colored(cases: Sequence[OwnImage | OwnVolume]) -> list[str]:
    """A note where images are trained on in gray whose three channels an analysis takes for sequences."""
    few = [case for case in cases if isinstance(case, OwnImage)][:_LOOKED_AT]
    colored = next((case for case in few if any(map(_is_of_sequences, case.found.images.values()))), None)
    if colored is None:
        return []
    return [
        f"{colored.caption}: its three channels differ; it is trained on in gray, but `analyze` takes such an image as "
        "t1, flair and t1c: save each sequence as a gray image of its own"
    ]


def _is_of_sequences(path: Path) -> bool:
    try:
        pixels = read_raster(path)
    except UnreadableScan:  # told where the image is prepared
        return False
    return pixels.shape[-1] == 3 and pixels.ndim == 3 and classify_channels(pixels) == "sequences"


def _left_out(unknown: Sequence[str]) -> str:
    return f"left out without a mask, as what they show is unknown: {some(unknown)}"
