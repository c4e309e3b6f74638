import pytest

torch = pytest.importorskip("torch")

from tumorscope.recipes.experiment import AugmentationSettings
from tumorscope.training.augmentation import Motion, augment, draw_motion, move

NOTHING = AugmentationSettings(
    flip=0, rotation_deg=0, scale=0, translation=0, coarse_dropout=0, intensity=0, noise=0, blur=0, bias_field=0,
    modality_dropout=0, context_dropout=0,
)  # fmt: skip


def batch(count=4, size=48):
    torch.manual_seed(0)
    images = torch.randn(count, 9, size, size)
    masks = torch.zeros(count, size, size)
    masks[:, 10:20, 25:40] = 1
    return images, masks


def changed(**settings):
    images, masks = batch()
    return augment(images, masks, NOTHING.model_copy(update=settings), sequences=3, fallback=1, size=48)


def test_switched_off_it_changes_nothing():
    images, masks = batch()
    after, masks_after = changed()
    torch.testing.assert_close(after, images.clamp(-4, 6), atol=1e-4, rtol=0)
    torch.testing.assert_close(masks_after, masks, atol=1e-4, rtol=0)


def test_a_flip_mirrors_image_and_mask_alike():
    images, masks = batch()
    after, masks_after = changed(flip=1.0)
    torch.testing.assert_close(after, images.flip(-1).clamp(-4, 6), atol=1e-4, rtol=0)
    torch.testing.assert_close(masks_after, masks.flip(-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "settings", [{"rotation_deg": 90.0}, {"scale": 0.5}, {"translation": 0.2}, {"elastic_deformation": 0.1}]
)
def test_a_motion_moves_image_and_mask_together(settings):
    _, masks = batch()
    shown = masks[:, None].repeat(1, 9, 1, 1)
    torch.manual_seed(1)
    motion = draw_motion(4, NOTHING.model_copy(update=settings), torch.device("cpu"))
    moved, moved_masks = move(shown, masks, motion, 48)
    torch.testing.assert_close(moved[:, 4], moved_masks)
    assert (moved_masks - masks).abs().max() > 0.5


def test_a_drawn_motion_can_be_replayed():
    images, masks = batch()
    motion = draw_motion(4, AugmentationSettings(elastic_deformation=0.02), torch.device("cpu"))
    torch.testing.assert_close(move(images, masks, motion, 48), move(images, masks, motion, 48))


def test_a_quarter_turn_is_a_quarter_turn():
    images, masks = batch()
    turn = Motion(torch.tensor([[0.0, -1, 0], [1, 0, 0]]).repeat(4, 1, 1), None)
    moved, _ = move(images, masks, turn, 48)
    torch.testing.assert_close(moved, images.rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_a_smaller_size_keeps_the_whole_image():
    _, masks = batch()
    motion = Motion(torch.tensor([[1.0, 0, 0], [0, 1, 0]]).repeat(4, 1, 1), None)
    _, small = move(torch.zeros(4, 9, 48, 48), masks, motion, 24)
    assert small.shape == (4, 24, 24)
    assert small.sum() * 4 == pytest.approx(masks.sum().item(), rel=0.05)


def test_a_missing_sequence_is_replaced_by_flair_in_every_slice():
    images, _ = batch()
    after, _ = changed(modality_dropout=1.0)
    stack = after.view(4, 3, 3, 48, 48)
    torch.testing.assert_close(stack[:, :, 0], stack[:, :, 1])
    torch.testing.assert_close(stack[:, :, 1], images.clamp(-4, 6).view(4, 3, 3, 48, 48)[:, :, 1], atol=1e-4, rtol=0)


def test_without_context_the_slice_stands_for_its_neighbors():
    after, _ = changed(context_dropout=1.0)
    stack = after.view(4, 3, 3, 48, 48)
    torch.testing.assert_close(stack[:, 0], stack[:, 1])
    torch.testing.assert_close(stack[:, 2], stack[:, 1])


@pytest.mark.parametrize(
    "settings", [{"intensity": 0.3}, {"noise": 0.5}, {"blur": 1.0}, {"bias_field": 0.5}, {"coarse_dropout": 1.0}]
)
def test_changes_of_intensity_leave_masks_alone_and_images_in_range(settings):
    images, masks = batch()
    after, masks_after = changed(**settings)
    torch.testing.assert_close(masks_after, masks, atol=1e-4, rtol=0)
    assert (after - images).abs().max() > 0.05
    assert after.min() >= -4
    assert after.max() <= 6


def test_images_of_one_batch_are_changed_differently():
    images = torch.randn(1, 9, 48, 48).repeat(4, 1, 1, 1)
    after, _ = augment(images, torch.zeros(4, 48, 48), AugmentationSettings(), sequences=3, fallback=1, size=48)
    assert len({round(float(image.sum()), 2) for image in after}) == 4


def test_upside_down_and_quarter_turns_move_image_and_mask_alike():
    images, masks = batch()
    after, masks_after = changed(vertical_flip=1.0)
    torch.testing.assert_close(after, images.flip(-2).clamp(-4, 6), atol=1e-4, rtol=0)
    torch.testing.assert_close(masks_after, masks.flip(-2), atol=1e-4, rtol=0)
    after, masks_after = changed(quarter_turn=1.0)
    for image, mask, one, before in zip(after, masks_after, images.clamp(-4, 6), masks, strict=True):
        turns = [k for k in (1, 2, 3) if torch.allclose(image, torch.rot90(one, k, (-2, -1)), atol=1e-3)]
        assert len(turns) == 1
        torch.testing.assert_close(mask, torch.rot90(before, turns[0], (-2, -1)), atol=1e-3, rtol=0)


def test_reversed_slices_change_sides_and_the_middle_one_stays():
    images, _ = batch()
    after, _ = changed(reversed_slices=1.0)
    expected = images.view(4, 3, 3, 48, 48).flip(1).reshape(4, 9, 48, 48).clamp(-4, 6)
    torch.testing.assert_close(after, expected, atol=1e-4, rtol=0)


def test_a_tone_curve_keeps_the_order_of_gray_levels_and_is_one_curve_for_all_slices_of_a_sequence():
    ramp = torch.linspace(-3.5, 5, 48).view(1, 1, 1, 48).expand(2, 9, 48, 48).contiguous()
    masks = torch.zeros(2, 48, 48)
    torch.manual_seed(3)
    settings = NOTHING.model_copy(update={"curve": 0.6})
    after, _ = augment(ramp, masks, settings, sequences=3, fallback=1, size=48)
    steps = after[..., 1:] - after[..., :-1]
    assert (steps >= -1e-4).all()
    assert (after - ramp).abs().mean() > 0.05
    by_slice = after.view(2, 3, 3, 48, 48)
    torch.testing.assert_close(by_slice[:, 0], by_slice[:, 2])
    assert (by_slice[:, 0, 0] - by_slice[:, 0, 1]).abs().mean() > 0.01


def test_local_contrast_takes_away_slow_changes_and_keeps_edges():
    torch.manual_seed(0)
    slow = torch.linspace(-2, 2, 48).view(1, 1, 48, 1).expand(16, 9, 48, 48).clone()
    slow[..., 20:24] += 1
    settings = NOTHING.model_copy(update={"local_contrast": 1.0})
    after, _ = augment(slow, torch.zeros(16, 48, 48), settings, sequences=3, fallback=1, size=48)
    rise = (after[:, :, 40, 5] - after[:, :, 8, 5]).abs()
    assert rise.min() < 0.5 * (slow[0, 0, 40, 5] - slow[0, 0, 8, 5])
    assert (after[:, :, 24, 22] - after[:, :, 24, 30]).min() > 0.3
