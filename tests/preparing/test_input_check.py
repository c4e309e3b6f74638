import numpy as np
import pytest
from pydantic import ValidationError

from tumorscope.datasets.negatives import draw_family
from tumorscope.datasets.phantom import demo_phantom, make_phantom
from tumorscope.preprocessing.input_check import (
    InputCheck,
    default_input_check,
    input_check_score,
    is_brain_mri,
    model,
    scan_score,
)
from tumorscope.preprocessing.input_check.views import head_views

GATE = default_input_check()


@pytest.fixture(scope="module")
def head():
    return make_phantom(seed=21, shape=(12, 128, 128), sequences=("t1", "flair", "t1c", "t2")).scan.voxels


@pytest.mark.parametrize("sequence", range(4))
def test_a_head_passes_in_every_sequence(head, sequence):
    assert is_brain_mri(head[..., sequence : sequence + 1], GATE)


def test_a_single_slice_of_a_head_passes():
    voxels = demo_phantom(seed=22).scan.voxels
    assert is_brain_mri(voxels[12:13, :, :, 1:2], GATE)
    assert is_brain_mri(voxels[12:13], GATE)


@pytest.mark.parametrize(
    "family",
    ["photographs", "faces", "textures", "noise", "text", "plots", "CT head", "CT body", "MRI knee", "chest X-ray"],
)
def test_other_images_do_not_pass(family):
    passed = [is_brain_mri(image[None, :, :, None], GATE) for image in draw_family(family, 20, seed=99)]
    assert sum(passed) <= 1


def test_scale_and_offset_of_the_gray_values_do_not_matter(head):
    slices = head[3:8, ..., 1].astype(np.float64)
    np.testing.assert_allclose(
        input_check_score(slices, GATE), input_check_score(slices * 0.37 - 1024, GATE), atol=0.05
    )
    np.testing.assert_allclose(
        input_check_score(slices, GATE), input_check_score(slices.astype(np.uint16), GATE), atol=0.05
    )


def test_an_inverted_display_and_a_white_frame_change_nothing_much(head):
    slices = np.round(255.0 * head[3:8, ..., 1] / head.max()).astype(np.uint8)
    scores = input_check_score(slices, GATE)
    np.testing.assert_allclose(input_check_score(255 - slices, GATE), scores, atol=2)
    framed = np.pad(slices, ((0, 0), (6, 6), (4, 9)), constant_values=255)
    np.testing.assert_allclose(input_check_score(framed, GATE), scores, atol=2)


def test_short_integers_of_their_full_range_are_assessed_as_floats_are(head):
    """A background of -20,000 under a head of up to 20,000 is a range that 16 bits cannot subtract."""
    slices = head[3:8, ..., 1].astype(np.float64)
    full = np.rint((slices - slices.min()) / np.ptp(slices) * 40_000 - 20_000)
    assert full.min() == -20_000
    scores = input_check_score(full.astype(np.int16), GATE)
    np.testing.assert_array_equal(scores, input_check_score(full.astype(np.float32), GATE))
    np.testing.assert_array_equal(scores, input_check_score(full.astype(np.int32), GATE))
    np.testing.assert_allclose(scores, input_check_score(slices, GATE), atol=0.1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("spike", [1e10, -1e10, 1e30, float(np.finfo(np.float32).min)])
def test_a_few_pixels_out_of_all_proportion_change_nothing_much(head, spike):
    slices = head[3:8, ..., 1].astype(np.float32)
    spiked = slices.copy()
    spiked[:, 60, 70] = spike
    np.testing.assert_allclose(input_check_score(spiked, GATE), input_check_score(slices, GATE), atol=1.5)
    assert is_brain_mri(spiked[..., None], GATE)


def test_a_slice_is_assessed_whatever_lies_beside_it(head):
    slices = head[..., 0]
    np.testing.assert_allclose(input_check_score(slices, GATE)[4:5], input_check_score(slices[4:5], GATE), atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 300), (3, 3), (64, 64)])
@pytest.mark.parametrize("value", [0, 255, -1000.5])
def test_images_without_content_get_a_finite_score_and_do_not_pass(shape, value):
    scores = input_check_score(np.full((2, *shape), value), GATE)
    assert np.isfinite(scores).all()
    assert (scores < GATE.threshold).all()


def test_a_single_bright_pixel_gets_a_finite_score():
    dot = np.zeros((1, 90, 90), np.uint8)
    dot[0, 40, 40] = 255
    assert np.isfinite(input_check_score(dot, GATE)).all()


def test_odd_slices_at_the_ends_do_not_turn_a_scan_away(head):
    noise = np.random.default_rng(0).integers(0, 20, (3, *head.shape[1:]), np.uint16)
    assert is_brain_mri(np.concatenate([noise, head, noise]), GATE)


def test_a_scan_of_something_else_is_turned_away():
    noise = np.stack([np.resize(image, (200, 200)) for image in draw_family("noise", 9, seed=5)])
    assert not is_brain_mri(noise[..., None], GATE)


def test_the_gate_that_ships_is_small_and_states_its_error_rates():
    assert len(GATE.model_dump_json()) < 60_000
    for rates in (GATE.rejected_mri, GATE.accepted, GATE.accepted_known):
        assert rates
        assert all(rate.of > 0 for rate in rates.values())
    for data_set in ("lgg", "figshare", "kaggle4"):
        assert GATE.rejected_mri[data_set].share <= 0.005
    assert {"br35h", "brisc axial", "brisc coronal", "brisc sagittal"} <= set(GATE.refused_mri)
    for rate in GATE.refused_mri.values():
        assert rate.share <= 0.01


def test_a_gate_survives_its_card():
    assert InputCheck.model_validate_json(GATE.model_dump_json()) == GATE


def test_numbers_of_another_version_are_refused():
    with pytest.raises(ValidationError, match="do not fit this version"):
        InputCheck.model_validate({**GATE.model_dump(), "center": GATE.center[:-1]})


@pytest.mark.real
def test_scans_of_real_patients_pass(lgg_folder):
    from tumorscope.datasets.lgg import LggDataset

    patients = LggDataset.open(lgg_folder).patients[::6]
    turned_away = [patient.case for patient in patients if not is_brain_mri(patient.scan().voxels, GATE)]
    assert turned_away == []


@pytest.mark.real
def test_single_real_slices_pass(figshare_folder):
    from tumorscope.io import open_scan

    files = sorted(figshare_folder.glob("[0-9]*.mat"))
    assert len(files) == 20
    assert sum(is_brain_mri(open_scan(file).voxels, GATE) for file in files) >= 19


@pytest.mark.real
@pytest.mark.parametrize(
    "volume",
    ["nifti/t1.nii.gz", "nifti/t1c.nii.gz", "nifti/t2.nii.gz", "nifti/flair.nii.gz", "nifti/healthy_t1_icbm152.nii.gz", "dicom/t2_axial", "dicom/pd_axial"],
)  # fmt: skip
def test_whole_volumes_pass(volumes_folder, volume):
    from tumorscope.io import open_scan

    (path,) = volumes_folder.rglob(volume)
    assert is_brain_mri(open_scan(path).voxels, GATE)


def test_a_scan_that_passes_is_assessed_only_as_far_as_needed(head: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    whole = scan_score(head, GATE)
    assert whole >= GATE.threshold
    assessed = []
    monkeypatch.setattr(
        model, "head_views", lambda images, *rest: assessed.append(len(images)) or head_views(images, *rest)
    )
    assert GATE.threshold <= scan_score(head, GATE, enough=GATE.threshold) <= whole
    assert sum(assessed) <= 9
    assert scan_score(head, GATE, enough=whole + 1) == whole
