"""Two processes that share every batch compute what one computes from the whole of it."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler

from tumorscope.core.errors import TumorscopeError
from tumorscope.training.distributed import SyncBatchNorm, all_gather, check_world_size
from tumorscope.training.losses import dice_cross_entropy
from tumorscope.training.module import whole_part
from tumorscope.training.slices import BalancedSliceSampler


def network():
    """The narrowest width that recipes allow: the backward pass of narrower ones hangs oneDNN on some CPUs."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1), nn.Flatten(0, 1)
    )


def batch():
    """Images whose halves differ in mean and spread, so that statistics of a half are wrong."""
    torch.manual_seed(1)
    images = torch.randn(6, 2, 8, 8) * torch.arange(1, 7).view(-1, 1, 1, 1) + torch.arange(6).view(-1, 1, 1, 1)
    return images, (torch.rand(6, 8, 8) < torch.linspace(0, 0.6, 6).view(-1, 1, 1)).float()


def learn(process):
    """A step of one of two processes on every other image."""
    model = DistributedDataParallel(SyncBatchNorm().apply(network()))
    images, truth = batch()
    prediction, whole = all_gather(model(images[process::2])), all_gather(truth[process::2])
    loss = dice_cross_entropy(prediction, whole)
    loss.backward()
    found = {"whole": whole, "loss": loss.detach(), "bool": all_gather(truth[process::2].flatten(1).any(1))}
    found |= {f"gradient of {name}": weight.grad for name, weight in model.module.named_parameters()}
    found |= dict(model.module.named_buffers())
    slices = torch.tensor(list(DistributedSampler(range(5), 2, process, shuffle=False)))
    return found | {"validation": whole_part({"slice": slices, "prediction": slices * 10})["prediction"]}


def learn_together(process, folder):
    distributed.init_process_group("gloo", f"file://{folder / 'meeting'}", rank=process, world_size=2)
    # The model is gone before the group: the group's threads would wait for the interpreter that waits for them.
    torch.save(learn(process), folder / f"{process}.pt")
    distributed.destroy_process_group()


def test_loss_gradients_and_statistics_of_two_processes_are_those_of_one(tmp_path):
    commands = [[sys.executable, __file__, str(process), str(tmp_path)] for process in range(2)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    deadline = time.monotonic() + 300
    # One that died would leave the other waiting for it.
    while (
        (codes := {process.poll() for process in started}) != {0} and codes <= {None, 0} and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    for process in started:
        process.kill()
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    model = network()
    images, truth = batch()
    loss = dice_cross_entropy(model(images), truth)
    loss.backward()
    expected = {"whole": truth, "loss": loss.detach(), "bool": truth.flatten(1).any(1)}
    expected |= {f"gradient of {name}": weight.grad for name, weight in model.named_parameters()}
    expected |= dict(model.named_buffers())
    expected |= {"validation": torch.arange(5) * 10}  # six were shares, one of them twice
    for process in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{process}.pt"), expected, rtol=1e-4, atol=1e-6)


def test_the_shares_of_an_epoch_make_its_batches(store):
    alone = BalancedSliceSampler(store, 0.5, seed=3)
    shares = [BalancedSliceSampler(store, 0.5, seed=3, rank=rank, world_size=3) for rank in range(3)]
    for sampler in (alone, *shares):
        sampler.set_epoch(2)
    order, shares = list(alone), [list(share) for share in shares]
    assert len(order) % 3  # the last slices cannot be shares evenly
    assert [len(share) for share in shares] == [len(sampler) for sampler in shares] == [len(order) // 3] * 3
    for number in range(len(order) // 6):
        together = {index for share in shares for index in share[2 * number : 2 * number + 2]}
        assert together == set(order[6 * number : 6 * number + 6])


@pytest.fixture
def store():
    """Twenty slices of one data set, of which seven show a tumor."""
    return SimpleNamespace(
        present=torch.arange(20) % 3 == 1,
        sources=torch.zeros(20, dtype=torch.long),
        source_names=("",),
        versions=1,
    )


def test_what_cannot_be_shares_evenly_is_refused_with_the_size_that_can():
    check_world_size(2, 2, 16)
    with pytest.raises(TumorscopeError, match="16 cannot be split evenly over 3 processes; add --set .*batch_size=18"):
        check_world_size(3, 1, 16)


def test_another_number_of_processes_than_was_started_is_refused(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    check_world_size(2, 2, 16)
    with pytest.raises(TumorscopeError, match="4 processes were started, but --devices 2 --nodes 1 is 2"):
        check_world_size(2, 1, 16)


if __name__ == "__main__":
    learn_together(int(sys.argv[1]), Path(sys.argv[2]))
