import pytest

torch = pytest.importorskip("torch")

from tumorscope.training.ema import ema_with_warmup


def follow(decay, steps, start=100.0, target=1.0):
    """Where an average that began at ``start`` stands after it has seen ``target`` so often."""
    average, value = ema_with_warmup(decay), torch.tensor(start)
    for step in range(1, steps + 1):
        value = average(value, torch.tensor(target), step)
    return value.item()


def test_a_random_start_is_forgotten_within_a_hundred_steps():
    assert follow(0.998, 100) == pytest.approx(1.0, abs=0.01)
    assert 100 * 0.998**100 > 80  # a constant decay would still remember most of it


def test_in_the_long_run_the_decay_is_the_one_asked_for():
    average = ema_with_warmup(0.9)
    assert average(torch.tensor(1.0), torch.tensor(0.0), 10_000).item() == pytest.approx(0.9)


def test_counters_are_taken_over():
    assert ema_with_warmup(0.9)(torch.tensor(3), torch.tensor(8), 5).item() == 8
