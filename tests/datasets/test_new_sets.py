"""Br35H, BRISC and BraTS, as their publishers lay them out."""

import pytest
from datasets.miniature import write_br35h, write_brats, write_brisc, write_image, write_mask

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brats import BratsDataset
from tumorscope.datasets.brisc import BriscDataset
from tumorscope.inference.model_card import NO_TUMOR


@pytest.fixture
def br35h(tmp_path):
    write_br35h(tmp_path, groups=20)
    return tmp_path


def test_br35h_has_presence_of_all_masks_of_some_and_keeps_copies_together(br35h):
    dataset = Br35hDataset.open(br35h)
    truths = {case.case: case.truth() for case in dataset.cases}
    assert len(truths) == 41
    assert truths["yes/y0.jpg"].mask.sum() == 42
    assert truths["yes/y1.jpg"].mask is None
    assert truths["yes/y1.jpg"].present.tolist() == [True]
    assert truths["no/no1.jpg"].mask.sum() == 0
    assert truths["no/no1.jpg"].tumor_class == NO_TUMOR
    for split in (dataset.split(), dataset.fold(2)):
        part_of = {name: part for part, names in split.parts.items() for name in names}
        for first, second in zip(dataset.cases[1::2], dataset.cases[2::2], strict=True):
            if first.patient == second.patient:
                assert part_of[first.patient] == part_of[second.patient]
        assert {case.patient for case in dataset.cases} == set(part_of)


def test_br35h_without_groups_takes_every_image_for_its_own(br35h):
    (br35h / "groups.json").unlink()
    assert len({case.patient for case in Br35hDataset.open(br35h).cases}) == 41
    (br35h / "groups.json").write_text("[1]")
    with pytest.raises(BadDataset, match="file names and group numbers"):
        Br35hDataset.open(br35h)


@pytest.fixture
def brisc(tmp_path):
    write_brisc(tmp_path, per_type=10)
    return tmp_path


def test_brisc_takes_types_and_planes_from_names_and_no_tumor_has_an_empty_mask(brisc):
    dataset = BriscDataset.open(brisc)
    assert len(dataset.cases) == 40
    first = dataset.cases[0]
    assert (first.tumor_class, first.plane, first.scan().sequences) == ("glioma", "axial", ("t1c",))
    assert first.truth().mask.sum() == 42
    last = dataset.cases[-1]
    assert (last.tumor_class, last.plane) == (NO_TUMOR, "coronal")
    assert last.truth().mask.sum() == 0
    assert set(dataset.split().parts) == {"train", "validation", "test"}


def test_brisc_keeps_its_published_test_side(brisc):
    name = "brisc2025_test_00001_gl_ax_t1"
    write_image(brisc / "segmentation_task" / "test" / "images" / f"{name}.jpg")
    write_mask(brisc / "segmentation_task" / "test" / "masks" / f"{name}.png")
    assert BriscDataset.open(brisc).split()["test"] == (f"segmentation_task/test/images/{name}.jpg",)


def test_brisc_refuses_an_image_without_its_mask(brisc):
    next((brisc / "segmentation_task" / "train" / "masks").iterdir()).unlink()
    with pytest.raises(BadDataset, match="has no mask"):
        BriscDataset.open(brisc)


def test_brats_of_both_namings_gives_the_whole_tumor_and_visits_of_one_patient_stay_together(tmp_path):
    write_brats(tmp_path, "Brats18_TCIA01_378_1", "_", ("t1", "t1ce", "t2", "flair", "seg"))
    for visit in ("000", "001"):
        write_brats(tmp_path, f"BraTS-GLI-00483-{visit}", "-", ("t1n", "t1c", "t2w", "t2f", "seg"))
    dataset = BratsDataset.open(tmp_path)
    assert [case.patient for case in dataset.cases] == ["BraTS-GLI-00483", "BraTS-GLI-00483", "Brats18_TCIA01_378"]
    for case in dataset.cases:
        assert set(case.scan().sequences) == {"t1", "t1c", "t2", "flair"}
        truth = case.truth()
        assert truth.mask.sum() == 4 * 4 * 2
        assert truth.present.sum() == 2
        assert truth.tumor_class is None


def test_a_brats_case_without_labels_is_named_when_it_is_asked(tmp_path):
    write_brats(tmp_path, "Brats18_A_1_1", "_", ("t1", "flair", "seg"))
    case = BratsDataset.open(tmp_path).cases[0]
    next(case.folder.glob("*_seg.nii.gz")).unlink()
    with pytest.raises(UnreadableScan, match="no seg file"):
        case.truth()


@pytest.mark.parametrize("opener", [Br35hDataset.open, BriscDataset.open, BratsDataset.open])
def test_an_empty_or_missing_folder_is_refused_with_what_belongs_there(tmp_path, opener):
    with pytest.raises(BadDataset, match="here; unzip"):
        opener(tmp_path)
    with pytest.raises(BadDataset, match="no such folder"):
        opener(tmp_path / "nowhere")
