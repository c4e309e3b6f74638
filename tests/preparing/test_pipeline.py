import numpy as np
import pytest

from tumorscope.preprocessing import Preparation, prepare, stack_adjacent_slices


def test_channels_are_normalized_each_by_itself():
    voxels = np.random.default_rng(0).gamma(4, 20, (3, 80, 80, 2))
    both = prepare(voxels, Preparation(size=64)).images
    voxels[..., 1] *= 50
    np.testing.assert_allclose(both, prepare(voxels, Preparation(size=64)).images, atol=1e-3)


def test_neighbors_are_stacked_from_below_to_above_and_ends_repeat():
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    stacked = stack_adjacent_slices(images, np.array([0, 2, 3]), adjacent_slices=1)
    assert stacked[..., 0, 0].tolist() == [[0, 0, 1], [1, 2, 3], [2, 3, 3]]


def test_sequences_of_one_slice_stay_together():
    images = np.arange(6, dtype=np.float32).reshape(3, 2, 1, 1)
    assert stack_adjacent_slices(images, np.array([1]), adjacent_slices=1)[0, :, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("clahe", [False, True])
def test_training_sees_exactly_what_use_sees(tmp_path, clahe):
    torch = pytest.importorskip("torch")
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder
    from tumorscope.io import open_scan
    from tumorscope.training.slices import load_slices

    settings = Preparation(size=96, adjacent_slices=1, clahe=clahe)
    for number in range(2):
        phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(5, 96, 96))
        write_lgg_folder(phantom, tmp_path, case=f"TCGA_XX_000{number}_20000101")
    dataset = LggDataset.open(tmp_path)
    store = load_slices(dataset.patients, settings)
    trained = store.batch(torch.arange(len(store)), adjacent_slices=1).images
    used = []
    for patient in dataset.patients:
        images = prepare(open_scan(patient.folder).voxels, settings).images
        used.append(stack_adjacent_slices(images, np.arange(len(images)), adjacent_slices=1))
    # Training holds images as float16; nothing else may differ.
    np.testing.assert_array_equal(trained.numpy(), np.concatenate(used).astype(np.float16))
