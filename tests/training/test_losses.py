import pytest

torch = pytest.importorskip("torch")

from tumorscope.training.losses import MASK_LOSSES, dice_cross_entropy, focal_tversky


def square(on=20.0, off=-20.0):
    truth = torch.zeros(2, 16, 16)
    truth[0, 4:8, 4:8] = 1
    return torch.where(truth > 0, on, off), truth


@pytest.mark.parametrize("loss", MASK_LOSSES.values())
def test_a_perfect_prediction_has_no_loss_and_a_wrong_one_a_large_one(loss):
    logits, truth = square()
    assert loss(logits, truth) < 0.01
    assert loss(-logits, truth) > 0.9


@pytest.mark.parametrize("loss", MASK_LOSSES.values())
def test_losses_are_never_negative(loss):
    torch.manual_seed(0)
    for _ in range(20):
        assert loss(torch.randn(2, 8, 8) * 10, (torch.rand(2, 8, 8) > 0.7).float()) >= 0


@pytest.mark.parametrize("loss", MASK_LOSSES.values())
def test_slices_without_tumor_teach_silence(loss):
    logits = torch.zeros(3, 16, 16, requires_grad=True)
    loss(logits, torch.zeros(3, 16, 16)).backward()
    assert (logits.grad > 0).all()


def test_soft_dice_of_a_half_overlap_is_known():
    truth = torch.zeros(1, 10, 10)
    truth[0, :, :5] = 1
    guess = torch.zeros(1, 10, 10)
    guess[0, :, :] = 1
    logits = (guess * 2 - 1) * 50
    expected = 1 - (2 * 50 + 1) / (100 + 50 + 1) + 50 * 0.5
    assert dice_cross_entropy(logits, truth) == pytest.approx(expected, rel=1e-3)


def test_missed_tumor_costs_more_than_a_false_alarm_of_the_same_size():
    truth = torch.zeros(1, 20, 20)
    truth[0, :10] = 1
    missed, false = truth.clone(), truth.clone()
    missed[0, :2] = 0
    false[0, 10:12] = 1
    assert focal_tversky((missed * 2 - 1) * 50, truth) > focal_tversky((false * 2 - 1) * 50, truth)
