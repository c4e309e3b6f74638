import dataclasses

import numpy as np
import pytest
from making import bright_flair, fake_engine

from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.evaluation.consistency import CHANGES, Change, compare_changes, summarize_changes
from tumorscope.inference.bundles import Inputs
from tumorscope.preprocessing import Preparation

SIZE = 96


@dataclasses.dataclass(frozen=True)
class Head:
    """A round head, with a bright spot off its middle if it shows a tumor."""

    case: str
    shows: bool

    @property
    def patient(self) -> str:
        return self.case

    def _spot(self) -> np.ndarray:
        rows, columns = np.mgrid[:SIZE, :SIZE]
        spot = (rows - 36) ** 2 + (columns - 58) ** 2 < 9**2
        return spot[None] & self.shows

    def scan(self) -> Scan:
        rows, columns = np.mgrid[:SIZE, :SIZE]
        head = ((rows - 48) ** 2 + (columns - 48) ** 2 < 40**2)[None]
        chance = np.random.default_rng(len(self.case))
        voxels = head * (90 + 20 * chance.random((1, SIZE, SIZE))) + self._spot() * 100
        return Scan(voxels[..., None].astype(np.uint8), ("flair",), self.case, "image")

    def truth(self) -> GroundTruth:
        return GroundTruth(present=np.array([self.shows]), mask=self._spot())


HEADS = [Head("with", True), Head("without", False), Head("with too", True)]


def engine():
    inputs = Inputs(sequences=("t1", "flair", "t1c"), substitutes=dict.fromkeys(("t1", "t1c"), ("flair",)))
    return fake_engine(lambda images: bright_flair(images, 3.0), inputs=inputs, preparation=Preparation(size=96))


def rows(*names: str):
    changes = [change for change in CHANGES if change.name in names]
    assert len(changes) == len(names)
    return {row.change: row for row in summarize_changes(compare_changes(HEADS, engine(), changes, input_check=False))}


def test_what_does_not_move_the_spot_leaves_the_findings():
    found = rows("8 bits", "mirrored", "upside down", "turned by 90°")
    for row in found.values():
        assert row.cases == 3
        assert row.still_found == 1.0
        assert row.false_alarms == row.false_alarms_before == 0.0
        assert row.agreement == pytest.approx(1, abs=0.03)
        assert row.dice == pytest.approx(row.dice_before, abs=0.03)
        assert row.dice_before > 0.9


def test_a_network_that_takes_inverted_air_for_a_tumor_is_caught():
    inverted = Change("inverted", lambda voxels: voxels.max() - voxels)
    (row,) = summarize_changes(compare_changes(HEADS, engine(), [inverted], input_check=False))
    assert (row.false_alarms_before, row.false_alarms) == (0.0, 1.0)
    assert row.agreement == 0.0
    assert row.dice == 0.0


def test_an_input_that_the_check_refuses_counts_as_not_found():
    def noise(voxels):
        return np.random.default_rng(0).integers(0, 256, voxels.shape).astype(voxels.dtype)

    (row,) = summarize_changes(compare_changes(HEADS, engine(), [Change("noise", noise)]))
    assert row.refused == 1.0
    assert row.still_found == 0.0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_change_keeps_the_shape_and_some_of_the_image(change):
    voxels = np.random.default_rng(0).integers(0, 200, (3, 40, 40, 2)).astype(np.int16)
    voxels[:, 10:30, 10:30] += 300
    changed = change.voxels(voxels)
    assert changed.shape == voxels.shape
    assert np.isfinite(changed).all()
    assert changed.std() > 0
    if change.mask is not None:
        mask = np.zeros((3, 40, 40), bool)
        mask[1, 12:20, 15:25] = True
        assert change.mask(mask).sum() == pytest.approx(mask.sum(), rel=0.05)
