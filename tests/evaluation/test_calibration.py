import numpy as np
import pytest
from making import card

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.evaluation.calibration import (
    LARGEST_CONFIDENCE,
    calibrate_classes,
    calibrate_presence,
    choose_confidence,
    class_report,
    predicted_classes,
)
from tumorscope.evaluation.operating_point import ValidationCase, choose_operating_point
from tumorscope.evaluation.recalibration import recalibrate, write_recalibrated
from tumorscope.inference.bundles import Bundle, Inputs
from tumorscope.inference.engine import Engine
from tumorscope.preprocessing import Preparation


def calibrated_logits(seed, slices=4000, classes=3):
    """Logits whose softmax is the truth, and classes drawn by it."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0, 2, (slices, classes))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (probability.cumsum(axis=1) > chance.random((slices, 1))).argmax(axis=1)
    return logits, truth


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_the_temperature_is_by_how_much_the_logits_exaggerate(overconfidence):
    logits, truth = calibrated_logits(0)
    found = calibrate_classes(overconfidence * logits, truth)
    assert found.temperature == pytest.approx(overconfidence, rel=0.05)
    assert found.nll_after <= found.nll_before
    assert found.ece_after < 0.03


def test_presence_is_calibrated_alike():
    logits, truth = calibrated_logits(1, classes=2)
    found = calibrate_presence(4 * (logits[:, 1] - logits[:, 0]), truth == 1)
    assert found.temperature == pytest.approx(4, rel=0.07)
    assert found.ece_after < found.ece_before


def test_a_temperature_changes_the_confidence_but_not_the_class():
    logits, truth = calibrated_logits(2)
    before, sure = predicted_classes(logits, truth, 1.0)
    after, less_sure = predicted_classes(logits, truth, 2.5)
    np.testing.assert_array_equal(before, after)
    assert (less_sure <= sure + 1e-12).all()


def test_the_confidence_is_the_lowest_at_which_named_classes_are_right_often_enough():
    confidence = np.linspace(0, 1, 1001)
    right = confidence >= 0.6
    limit = choose_confidence(right, confidence, wanted=0.97)
    assert right[confidence >= limit].mean() >= 0.97
    assert right[confidence >= limit - 0.01].mean() < 0.97
    assert choose_confidence(np.ones(10, bool), np.linspace(0, 1, 10)) == 0
    assert choose_confidence(np.zeros(10, bool), np.full(10, 0.99)) == LARGEST_CONFIDENCE


def test_the_report_holds_coverage_against_accuracy():
    logits, truth = calibrated_logits(3)
    _, limit, report = class_report(logits, truth)
    coverages = [one["coverage"] for one in report["curve"]]
    assert coverages == sorted(coverages, reverse=True)
    assert report["confidence"] == limit
    assert report["accuracy_of_named"] >= 0.97
    assert report["coverage"] < 1
    assert report["accuracy_of_all"] == pytest.approx((logits.argmax(axis=1) == truth).mean(), abs=1e-4)


def case(kind, place, present=True):
    logits = np.full((1, 3), -1.0)
    logits[0, place] = 2.0
    return ValidationCase(np.array([3.0 if present else -3.0]), None, None, np.array([present]), kind, logits, place)


def test_the_operating_point_holds_both_temperatures_and_the_confidence():
    cases = [case("a", 0), case("b", 1), case("c", 2), case("d", 0, present=False)]
    choice = choose_operating_point(cases)
    assert choice.point.type_temperature < 1  # never wrong, so it may be surer
    assert choice.point.type_confidence == 0
    assert choice.classes["accuracy_of_all"] == 1
    assert choice.best.balanced_accuracy == 1


def test_where_every_slice_shows_a_tumor_every_slice_counts():
    choice = choose_operating_point([case("a", 0), case("b", 1)])
    assert choice.point.presence == 0
    assert choice.point.temperature == 1
    with pytest.raises(TumorscopeError, match="show a tumor"):
        choose_operating_point([case("a", 0, present=False)])


def test_cases_without_a_mask_do_not_decide_where_the_mask_begins():
    truth = np.zeros((1, 32, 32), bool)
    truth[0, 8:20, 8:20] = True
    prediction = np.where(truth, 0.45, 0.2).astype(np.float32)
    segmented = ValidationCase(np.array([3.0]), prediction, truth)
    bare = ValidationCase(np.array([-3.0]), np.full_like(prediction, 0.4), None, np.array([False]))
    choice = choose_operating_point([segmented, bare])
    assert 0.2 < choice.point.mask <= 0.45
    assert choice.best.patient_dice == 1


class Case:
    """An image of noise whose brightness tells the network what to say."""

    def __init__(self, name, value, kind):
        self.case = self.patient = name
        self.value, self.kind = value, kind

    def scan(self):
        noise = np.random.default_rng(0).normal(100, 10, (1, 64, 64, 1))
        noise[0, :8, :8] += 1000 * self.value
        return Scan(noise.astype(np.float32), ("t1c",), self.case, "image")

    def truth(self):
        return GroundTruth(present=np.array([self.kind != "notumor"]), tumor_class=self.kind)


@pytest.fixture
def engine(tmp_path):
    """Says glioma or meningioma at random with far too much conviction; presence rightly."""
    chance = np.random.default_rng(5)

    def session(images):
        flip = chance.random(len(images)) < 0.3
        sides = np.where(flip, -6.0, 6.0)
        return {"type": np.stack([sides, -sides], axis=1), "presence": np.full(len(images), 2.0)}

    folder = tmp_path / "bundle"
    folder.mkdir()
    made = card(
        inputs=Inputs(sequences=("t1c",)),
        preparation=Preparation(size=64),
        outputs=("presence", "type"),
        classes=("glioma", "meningioma"),
    )
    (folder / "card.json").write_text(made.model_dump_json(by_alias=True))
    return Engine(Bundle(folder, made), "fake", "float", session)


def test_recalibrating_writes_a_copy_whose_probabilities_are_calibrated(engine, tmp_path):
    cases = [Case(str(number), 0, "glioma") for number in range(60)]
    found = recalibrate(engine, cases)
    assert found.classes["ece_after"] < 0.1 < found.classes["ece_before"]
    assert found.presence is None  # there is nothing without tumor to tell from
    assert found.plot.startswith(b"\x89PNG")
    written = write_recalibrated(engine.bundle, found, tmp_path / "new")
    assert written.card.operating_point.type_temperature == found.type_temperature > 3
    assert written.card.operating_point.presence == engine.bundle.card.operating_point.presence
    assert engine.bundle.card.operating_point.type_temperature == 1
    with pytest.raises(TumorscopeError, match="exists"):
        write_recalibrated(engine.bundle, found, tmp_path / "new")


def test_cases_that_hold_nothing_to_calibrate_with_are_one_clear_line(engine):
    with pytest.raises(TumorscopeError, match="nothing to calibrate"):
        recalibrate(engine, [Case("a", 0, "abscess")])
