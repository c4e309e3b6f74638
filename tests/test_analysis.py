import dataclasses
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from making import bright_flair, card, fake_engine
from pydicom import Dataset

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import texts
from tumorscope.core.scan import Scan, SourceImage
from tumorscope.inference import analysis as analyzing
from tumorscope.inference.bundles import Inputs, OperatingPoint
from tumorscope.inference.channels import arrange_channels, select_channels
from tumorscope.inference.quality_notes import DOUBTFUL_INPUT, REJECTED_BY_APPEARANCE
from tumorscope.preprocessing.input_check import default_input_check
from tumorscope.reporting.wording import finding_sentence, type_sentence


def analyze(scan, engine, **options):
    """These heads are discs, which the input check would reject."""
    return analyzing.analyze(scan, engine, **{"input_check": False, **options})


def scan_with_spot(slices=3, size=96, affine=None, sequences=("t1", "flair", "t1c")):
    """A round head with a bright round spot on FLAIR in the middle slice."""
    rows, columns = np.mgrid[:size, :size]
    head = ((rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size * 0.45) ** 2) * 100.0
    voxels = np.repeat(head[None, ..., None], slices, 0).repeat(len(sequences), 3)
    voxels += np.random.default_rng(0).normal(0, 5, voxels.shape) * (head > 0)[None, ..., None]
    spot = (rows - 40) ** 2 + (columns - 55) ** 2 < 10**2
    for channel, name in enumerate(sequences):
        if name in {"flair", "unknown"}:
            voxels[slices // 2, ..., channel][spot] += 150
    return Scan(voxels, sequences, "case", "volume", affine), spot


def test_the_spot_is_found_where_it_is():
    scan, spot = scan_with_spot()
    analysis = analyze(scan, fake_engine())
    assert analysis.tumor_present
    assert [finding.area_px > 0 for finding in analysis.slices] == [False, True, False]
    found = analysis.mask[1]
    assert 2 * (found & spot).sum() / (found.sum() + spot.sum()) > 0.9
    assert len(analysis.lesions) == 1
    np.testing.assert_allclose(analysis.lesions[0].center, (1, 40, 55), atol=1)


def test_sizes_are_in_millimeters_only_with_a_known_voxel_size():
    scan, _ = scan_with_spot()
    without = analyze(scan, fake_engine())
    assert without.volume_mm3 is None
    assert without.slices[1].area_mm2 is None
    assert any("in pixels" in warning for warning in texts(without.warnings))
    with_affine = analyze(dataclasses.replace(scan, affine=np.diag([0.5, 0.5, 6.0, 1])), fake_engine())
    pixels = with_affine.slices[1].area_px
    assert with_affine.slices[1].area_mm2 == pytest.approx(pixels * 0.25)
    assert with_affine.volume_mm3 == pytest.approx(pixels * 0.25 * 6)


def test_the_same_head_has_the_same_findings_as_short_integers_and_as_floats():
    """Its background of -20,000 makes a range that 16 bits cannot subtract; the input check receives it, too."""
    scan, _ = scan_with_spot()
    full = np.rint(scan.voxels * 100 - 20_000).clip(-20_000, 20_000)
    one, other = (
        analyze(dataclasses.replace(scan, voxels=full.astype(dtype)), fake_engine()) for dtype in (np.int16, np.float32)
    )
    assert one.tumor_present
    assert one.slices == other.slices
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_allclose(one.lesions[0].center, (1, 40, 55), atol=1)


def test_presence_decides_first_and_both_probabilities_are_kept():
    def says_no(images):
        return {**bright_flair(images), "presence": np.full(len(images), -5.0)}

    scan, _ = scan_with_spot()
    analysis = analyze(scan, fake_engine(says_no))
    assert not analysis.tumor_present
    assert not analysis.mask.any()
    assert analysis.slices[1].tumor_probability < 0.01
    assert analysis.slices[1].mask_probability > 0.99


def test_temperature_makes_probabilities_less_certain_but_keeps_their_order():
    scan, _ = scan_with_spot()
    plain = analyze(scan, fake_engine())
    cooled = analyze(scan, fake_engine(operating_point=OperatingPoint(temperature=4)))
    before = [finding.tumor_probability for finding in plain.slices]
    after = [finding.tumor_probability for finding in cooled.slices]
    assert np.argsort(before).tolist() == np.argsort(after).tolist()
    assert max(after) < max(before)


def test_small_components_are_removed_and_reported_but_a_second_tumor_stays():
    scan, _ = scan_with_spot()
    scan.voxels[1, 70:78, 30:38, 1] += 150
    scan.voxels[1, 25:27, 30:32, 1] += 400
    analysis = analyze(scan, fake_engine(operating_point=OperatingPoint(min_component_size_px=12)))
    assert len(analysis.lesions) == 2
    (note,) = [note for note in analysis.warnings if note.code == "small_components"]
    assert note.text.startswith("1 small part of the mask (under 12 pixels")


def test_the_probability_of_every_voxel_is_kept_where_it_is_asked_for():
    (scan, _), engine = scan_with_spot(), fake_engine()
    analysis = analyze(scan, engine, probabilities=True)
    assert analysis.probability.dtype == np.uint8
    assert analysis.probability.shape == scan.shape
    called = analysis.mask.any(axis=(1, 2))
    limit = 255 * engine.bundle.card.operating_point.mask
    assert called.any()
    assert (analysis.probability[called][analysis.mask[called]] >= limit - 1).all()
    assert (analysis.probability[called][~analysis.mask[called]] <= limit + 1).all()
    assert analyze(scan, engine).probability is None


def test_a_network_without_presence_assesses_by_its_mask():
    scan, _ = scan_with_spot()
    mask_only = fake_engine(lambda images: {"mask": bright_flair(images)["mask"]}, outputs=("mask",))
    assert [finding.tumor_probability > 0.5 for finding in analyze(scan, mask_only).slices] == [False, True, False]


def test_a_network_without_a_mask_still_detects_a_tumor():
    scan, _ = scan_with_spot()
    only = fake_engine(lambda images: {"presence": bright_flair(images)["presence"]}, outputs=("presence",))
    analysis = analyze(scan, only)
    assert analysis.tumor_present
    assert not analysis.mask.any()
    assert analysis.slices[0].mask_probability is None


def test_flipped_predictions_are_flipped_back_and_averaged():
    scan, _ = scan_with_spot()
    plain = analyze(scan, fake_engine())
    for averaged in (analyze(scan, fake_engine(), flips=True), analyze(scan, fake_engine(tta_flip=True))):
        np.testing.assert_array_equal(averaged.mask, plain.mask)
        assert averaged.slices == plain.slices
        assert averaged.flips
    assert not plain.flips


def test_with_flips_a_mirrored_head_has_the_mirrored_findings():
    def lopsided(images):
        mask = (images[:, 1] - 4 + np.linspace(-3, 3, images.shape[-1])) * 20
        return {"presence": ((mask > 0).mean(axis=(1, 2)) - 0.01) * 1000, "mask": mask}

    scan, _ = scan_with_spot()
    mirrored = dataclasses.replace(scan, voxels=scan.voxels[:, :, ::-1])

    def masks(flips):
        one, other = (analyze(head, fake_engine(lopsided), flips=flips).mask for head in (scan, mirrored))
        return one, other[..., ::-1]

    mask, mirrored_back = masks(flips=True)
    assert mask.any()
    np.testing.assert_array_equal(mirrored_back, mask)
    mask, mirrored_back = masks(flips=False)
    assert (mirrored_back != mask).any()


@pytest.mark.parametrize(
    ("have", "taken", "said"),
    [
        (("t1", "flair", "t1c"), [0, 1, 2], []),
        (("t1c", "t2", "flair", "t1"), [3, 2, 0], []),
        (("flair",), [0, 0, 0], ["t1 is missing", "t1c is missing"]),
        (("t1c", "flair"), [1, 1, 0], ["t1 is missing"]),
        (("unknown",), [0, 0, 0], ["taken as flair", "t1 is missing", "t1c is missing"]),
    ],
)
def test_channels_are_arranged_and_substitutions_are_noted(have, taken, said):
    voxels = np.zeros((1, 20, 20, len(have))) + np.arange(len(have))
    arranged, warnings = arrange_channels(Scan(voxels, have, "case", "image"), card())
    assert arranged[0, 0, 0].tolist() == taken
    assert len(warnings) == len(said)
    for warning, part in zip(warnings, said, strict=True):
        assert part in warning.text


def test_slices_and_channels_are_selected_and_a_whole_volume_is_not_copied():
    voxels = np.arange(4 * 2 * 3 * 2).reshape(4, 2, 3, 2)
    np.testing.assert_array_equal(
        select_channels(voxels, np.array([0, 3]), [1, 0, 0]), voxels[[0, 3]][..., [1, 0, 0]], strict=True
    )
    np.testing.assert_array_equal(select_channels(voxels, np.arange(4), [1, 0]), voxels[..., ::-1], strict=True)
    assert select_channels(voxels, np.arange(4), [0, 1]) is voxels


def test_while_the_network_runs_no_copy_of_the_scan_is_held():
    held = []

    def measured(images):
        held.append(tracemalloc.get_traced_memory()[0])
        return bright_flair(images)

    scan, _ = scan_with_spot(slices=40, sequences=("t1c", "flair", "t1"))  # not in the network's order
    tracemalloc.start()
    try:
        analyze(scan, fake_engine(measured))
    finally:
        tracemalloc.stop()
    assert max(held) < scan.voxels.nbytes  # the network's images are half of it


@pytest.mark.parametrize("have", [("t1",), ("t2",), ("t1", "t1c"), ("unknown",) * 2, ("unknown",) * 3])
def test_a_missing_sequence_is_named(have):
    scan = Scan(np.zeros((1, 20, 20, len(have))), have, "case", "image")
    with pytest.raises(TumorscopeError, match=r"flair is missing|t1 is missing"):
        arrange_channels(scan, card())


def test_a_missing_sequence_without_a_substitute_is_refused():
    strict = card(inputs=Inputs(sequences=("t1", "flair")))
    with pytest.raises(TumorscopeError, match="t1 is missing"):
        arrange_channels(Scan(np.zeros((1, 20, 20, 1)), ("flair",), "case", "image"), strict)


def test_oblong_pixels_are_seen_in_proportion():
    scan, _ = scan_with_spot()
    squeezed = Scan(scan.voxels[:, ::2], scan.sequences, "case", "volume", np.diag([1.0, 2.0, 5.0, 1]))
    mask = analyze(squeezed, fake_engine()).mask[1]
    rows, columns = (np.ptp(axis) + 1 for axis in np.nonzero(mask))
    assert abs(rows * 2 - columns) <= 3


def test_every_stage_is_timed_and_the_notice_is_there():
    scan, _ = scan_with_spot()
    analysis = analyze(scan, fake_engine())
    assert list(analysis.timing_ms) == ["input_check", "preparing", "inference", "segmenting", "measuring"]
    assert "Research use only" in analysis.notice


def test_a_scan_rejected_by_its_header_is_not_computed():
    scan, _ = scan_with_spot()
    rejected = dataclasses.replace(scan, rejection_reason="BodyPartExamined is BREAST, not a head")
    analysis = analyze(rejected, fake_engine(broken), input_check=True)
    assert not analysis.assessed
    assert not analysis.mask.any()
    (warning,) = texts(analysis.warnings)
    assert warning.startswith("BodyPartExamined is BREAST, not a head; nothing was assessed")
    assert "--no-input-check" in warning
    assert analysis.rejection is not None
    assert analysis.rejection.code == "rejected_by_header"
    assert finding_sentence(analysis) == "Not assessed: BodyPartExamined is BREAST, not a head."


def broken(images):
    raise AssertionError("the network was run")


def test_without_the_input_check_a_header_does_not_stop_the_analysis():
    scan, _ = scan_with_spot()
    rejected = dataclasses.replace(scan, rejection_reason="BodyPartExamined is BREAST, not a head")
    analysis = analyze(rejected, fake_engine(), input_check=False)
    assert analysis.assessed
    assert analysis.tumor_present
    assert "BodyPartExamined is BREAST, not a head" in texts(analysis.warnings)


TYPES = ("glioma", "meningioma", "pituitary")


def says_types(logits, **others):
    """A network of single slices that segments the bright spot and always predicts the same type."""

    def session(images):
        mask = (images[:, 0] - 4) * 20
        count = len(images)
        predictions = {"mask": mask, "presence": ((mask > 0).mean(axis=(1, 2)) - 0.01) * 1000}
        predictions["type"] = np.tile(np.asarray(logits, np.float32), (count, 1))
        predictions["type_map"] = np.arange(count * 3 * 4, dtype=np.float32).reshape(count, 3, 2, 2)
        return {**predictions, **others}

    return session


def typed_engine(logits=(3.0, 0.0, -1.0), point=None, **changes):
    return fake_engine(
        says_types(logits),
        inputs=Inputs(sequences=("t1c",), substitutes={"t1c": ("flair", "unknown")}),
        outputs=("presence", "type", "mask"),
        classes=TYPES,
        operating_point=point or OperatingPoint(),
        **changes,
    )


def test_the_type_of_a_found_tumor_is_named_with_its_probability():
    scan, _ = scan_with_spot(sequences=("unknown",))
    found = analyze(scan, typed_engine())
    expected = np.exp([3, 0, -1]) / np.exp([3, 0, -1]).sum()
    assert found.tumor_type.name == found.tumor_type.likeliest == "glioma"
    np.testing.assert_allclose(list(found.tumor_type.probabilities.values()), expected, rtol=1e-5)
    assert found.slices[1].type_probabilities == pytest.approx(dict(zip(TYPES, expected, strict=True)))


def test_an_unsure_type_stays_open_and_temperature_makes_it_unsure():
    scan, _ = scan_with_spot(sequences=("unknown",))
    sure = OperatingPoint(type_confidence=0.9)
    assert analyze(scan, typed_engine(point=sure)).tumor_type.name == "glioma"
    unsure = OperatingPoint(type_confidence=0.9, type_temperature=3.0)
    finding = analyze(scan, typed_engine(point=unsure)).tumor_type
    assert finding.name is None
    assert finding.likeliest == "glioma"
    assert finding.probability < 0.9


def test_a_type_is_not_named_on_another_sequence_than_it_was_learned_on():
    """The same scan without a name is taken for the one sequence that the network takes, and gets its type."""
    scan, _ = scan_with_spot(sequences=("flair",))
    finding = analyze(scan, typed_engine()).tumor_type
    assert (finding.name, finding.doubt, finding.likeliest) == (None, "other_sequence", "glioma")
    assert "another sequence" in type_sentence(finding)
    unnamed = analyze(dataclasses.replace(scan, sequences=("unknown",)), typed_engine()).tumor_type
    assert (unnamed.name, unnamed.doubt) == ("glioma", None)


def _described(description):
    header = Dataset()
    header.SeriesDescription = description
    return {"source_images": (SourceImage(header),)}


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"source": Path("sub-01_adc.nii.gz")}, True),
        ({"source": Path("sub-01_image.nii.gz")}, False),
        (_described("FSE PD AXIAL OBL"), True),
        (_described("AXIAL OBL"), False),
    ],
)
def test_a_scan_named_as_another_kind_of_image_says_so_and_gets_no_type(changes, other):
    scan, _ = scan_with_spot(sequences=("unknown",))
    found = analyze(dataclasses.replace(scan, **changes), typed_engine())
    assert found.tumor_type.doubt == ("other_sequence" if other else None)
    (note,) = (note for note in found.warnings if note.code == "sequence_assumed")
    assert ("another kind of image" in note.text) == other


@pytest.mark.parametrize(
    ("presence", "named"),
    [([-9, 1.4, -9], False), ([-9, 3.0, -9], True), ([-9, 1.4, 1.4], True), ([1.4, -9, 1.4], False)],
)
def test_single_slices_near_the_operating_point_carry_no_type(presence, named):
    """At 0.75, logits of 1.4 (0.80) are below the middle of 0.75 and 1, 3.0 (0.95) is above."""

    def session(images):
        mask = np.full(images[:, 0].shape, -9, np.float32)
        mask[:, 40:50, 40:50] = 9
        return {**says_types((3.0, 0.0, -1.0))(images), "presence": np.array(presence, np.float32), "mask": mask}

    engine = dataclasses.replace(typed_engine(point=OperatingPoint(presence=0.75)), session=session)
    engine = dataclasses.replace(engine, radiomics_classifier=FixedClassifier())
    scan, _ = scan_with_spot(sequences=("unknown",))
    found = analyze(scan, engine)
    assert found.tumor_present
    assert (found.tumor_type.name == "glioma") == named
    assert found.tumor_type.doubt == (None if named else "isolated_slice")
    assert (found.radiomics_classifier.name == "glioma") == named


class FixedClassifier:
    """Finds every tumor a glioma."""

    def classify(self, image, mask):
        return dict(zip(TYPES, (0.98, 0.01, 0.01), strict=True))


def test_without_a_tumor_there_is_no_type():
    scan, _ = scan_with_spot(sequences=("t1",))  # without a spot
    engine = typed_engine()
    engine.bundle.card.inputs.substitutes["t1c"] = ("t1",)
    found = analyze(scan, engine)
    assert not found.tumor_present
    assert found.tumor_type is None


def test_the_class_without_a_tumor_decides_presence():
    def session(images):
        return {"type": np.tile(np.array([[0.0, 0.0, 2.0, 0.0]], np.float32), (len(images), 1))}

    classes = ("glioma", "meningioma", "notumor", "pituitary")
    changes = {"inputs": Inputs(sequences=("t1c",)), "outputs": ("type",), "classes": classes}
    scan, _ = scan_with_spot(slices=1, sequences=("t1c",))
    found = analyze(scan, fake_engine(session, **changes))
    none = np.exp(2) / (np.exp(2) + 3)
    assert found.tumor_probability == pytest.approx(1 - none)
    assert not found.tumor_present
    eager = analyze(scan, fake_engine(session, operating_point=OperatingPoint(presence=0.1), **changes))
    assert eager.tumor_present
    assert list(eager.tumor_type.probabilities.values()) == pytest.approx([1 / 3] * 3)


def test_the_radiomics_classifier_uses_the_slice_that_shows_most_and_may_differ():
    class Second:
        def classify(self, image, mask):
            assert mask.sum() == found_areas[1]
            return {"glioma": 0.2, "meningioma": 0.7, "pituitary": 0.1}

    scan, _ = scan_with_spot(sequences=("unknown",))
    found_areas = [finding.area_px for finding in analyze(scan, typed_engine()).slices]
    found = analyze(scan, dataclasses.replace(typed_engine(), radiomics_classifier=Second()))
    assert found.radiomics_classifier.likeliest == "meningioma"
    assert found.tumor_type.likeliest == "glioma"


def test_the_activation_map_is_kept_only_where_it_is_asked_for():
    scan, _ = scan_with_spot(sequences=("unknown",))
    assert analyze(scan, typed_engine()).activation is None
    kept = analyze(scan, typed_engine(), explain=True).activation
    assert kept.question == "type"
    assert kept.predictions == ("glioma",) * 3
    np.testing.assert_array_equal(kept.values[0], [[0, 1], [2, 3]])
    assert not any(
        "activation map" in warning for warning in texts(analyze(scan, typed_engine(), explain=True).warnings)
    )


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (("mask",), "no activation map: this network only segments, .*"),
        (("presence", "mask"), "no activation map: this bundle was exported without maps; .*"),
    ],
)
def test_a_missing_activation_map_has_a_reason(outputs, reason):
    scan, engine = scan_with_spot()[0], fake_engine()
    card = engine.bundle.card.model_copy(update={"outputs": outputs})
    engine = dataclasses.replace(engine, bundle=dataclasses.replace(engine.bundle, card=card))
    explained = analyze(scan, engine, explain=True)
    assert explained.activation is None
    assert [one for one in texts(explained.warnings) if re.fullmatch(reason, one)]
    assert not any("activation map" in warning for warning in texts(analyze(scan, engine).warnings))


def test_an_image_that_is_not_a_head_gets_a_warning_and_no_findings():
    noise = np.random.default_rng(0).integers(0, 255, (1, 96, 96, 1), np.uint8)
    found = analyzing.analyze(Scan(noise, ("unknown",), "noise", "image"), typed_engine())
    assert not found.assessed
    assert found.rejection == REJECTED_BY_APPEARANCE
    (warning,) = found.warnings
    assert warning.code == "rejected_by_appearance"
    assert "--no-input-check" in warning.text
    assert found.tumor_present is None
    assert found.tumor_probability is None
    assert [finding.tumor_probability for finding in found.slices] == [None]
    assert not found.mask.any()
    assert found.tumor_type is None
    assert analyze(Scan(noise, ("unknown",), "noise", "image"), typed_engine()).assessed


def test_a_doubtful_input_is_analyzed_with_a_first_warning(monkeypatch):
    scan, input_check = scan_with_spot()[0], default_input_check()
    for score, assessed, warned in [
        (input_check.threshold, True, False),
        (input_check.threshold - 0.01, True, True),
        (input_check.refusal, True, True),
        (input_check.refusal - 0.01, False, False),
    ]:
        monkeypatch.setattr(analyzing, "scan_score", lambda *_, score=score, **__: score)
        found = analyzing.analyze(scan, fake_engine())
        assert found.assessed == assessed
        assert (found.warnings[0] == DOUBTFUL_INPUT) == warned


def test_a_scan_rejected_by_its_values_is_not_computed():
    labels = np.kron(np.arange(8, dtype=np.uint8).reshape(2, 4), np.ones((16, 8), np.uint8))[None, ..., None]
    scan = Scan(labels, ("flair",), "case", "volume")
    analysis = analyze(scan, fake_engine(broken), input_check=True)
    assert not analysis.assessed
    (warning,) = texts(analysis.warnings)
    assert warning.startswith(
        "this looks like a label map (a segmentation or an atlas), not an MRI; nothing was assessed"
    )
    assert analysis.rejection is not None
    assert analysis.rejection.code == "rejected_by_values"
    assert finding_sentence(analysis) == f"Not assessed: {analysis.scan.rejection_reason}."
    without = analyze(scan, fake_engine(), input_check=False)
    assert without.assessed
    assert analysis.scan.rejection_reason in texts(without.warnings)


def test_a_scan_that_lacks_slices_is_analyzed_slice_by_slice():
    scan, _ = scan_with_spot(affine=np.diag([1.0, 1.0, 5.0, 1]))
    gap = dataclasses.replace(scan, slice_positions=np.array([0.0, 1.0, 3.0]))
    found = analyze(gap, fake_engine())
    assert found.sequences == ("t1", "flair", "t1c")
    assert found.mask[1].any()
    assert found.volume_mm3 == pytest.approx(found.mask[1].sum() * 5.0 * 1.5)  # half of the gap is the slice's
