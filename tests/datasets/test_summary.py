import io
import json

import numpy as np
import pytest
from datasets.miniature import write_brats, write_patient, write_three
from PIL import Image
from rich.console import Console

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.brats import BratsDataset
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.summary import summarize_volumes


def test_everything_is_counted_once(tmp_path):
    seen = []
    summary = summarize_volumes(LggDataset.open(write_three(tmp_path)), seen.append)
    assert len(seen) == 3
    assert (summary.patients, summary.slices) == (3, 9)
    assert (summary.slices_with_tumor, summary.slices_without_tumor) == (3, 6)
    assert summary.patients_without_tumor == ("TCGA_AA_0002",)
    assert summary.institutions == {"AA": 2, "BB": 1}
    assert summary.missing == {"t1": (), "t1c": ("TCGA_BB_0003_20000101",)}
    assert summary.image_sizes == {"32×32": 9}
    assert summary.slices_per_patient is not None
    assert summary.slices_per_patient.median == 3
    assert summary.tumor_px is not None
    assert (summary.tumor_px.least, summary.tumor_px.median, summary.tumor_px.most) == (10, 20, 100)
    assert summary.patient_tumor_px is not None
    assert (summary.patient_tumor_px.least, summary.patient_tumor_px.most) == (30, 100)


def test_a_patient_who_was_examined_twice_is_one_patient(tmp_path):
    for case, areas in (
        ("TCGA_AA_0001_20000101", [0, 10]),
        ("TCGA_AA_0001_20010315", [30]),
        ("TCGA_AA_0002_20000101", [0]),
    ):
        write_patient(tmp_path, case, areas)
    summary = summarize_volumes(LggDataset.open(tmp_path))
    assert (summary.patients, summary.examinations, summary.slices) == (2, 3, 4)
    assert summary.institutions == {"AA": 2}
    assert summary.patients_without_tumor == ("TCGA_AA_0002",)
    assert (summary.patient_tumor_px.least, summary.slices_per_patient.most) == (40, 3)
    assert "| patients | 2 |\n| examinations | 3 |" in summary.markdown()


def test_every_tumor_slice_is_in_one_bin_of_its_share_of_the_image(tmp_path):
    # 32×32 pixels are 1,024: 10 px are 0.98 %, 20 px 1.95 %, 41 px 4.004 %, 1024 px everything.
    write_patient(tmp_path, "TCGA_AA_0001_20000101", [0, 10, 20, 41, 1024])
    summary = summarize_volumes(LggDataset.open(tmp_path))
    filled = {(one.above, one.up_to): one.slices for one in summary.areas if one.slices}
    assert filled == {(0.005, 0.01): 1, (0.01, 0.02): 1, (0.04, 0.08): 1, (0.08, 1.0): 1}
    assert sum(one.slices for one in summary.areas) == summary.slices_with_tumor


def test_a_broken_patient_is_named_and_not_counted(tmp_path):
    write_three(tmp_path)
    broken = tmp_path / "TCGA_AA_0001_20000101"
    (broken / f"{broken.name}_2.tif").write_bytes(b"II*\0 truncated")
    summary = summarize_volumes(LggDataset.open(tmp_path))
    assert summary.patients == 2
    assert list(summary.unreadable) == [broken.name]
    assert "left out" in summary.markdown()


def test_a_data_set_without_a_single_readable_patient_is_an_error(tmp_path):
    write_three(tmp_path)
    for path in tmp_path.rglob("*_mask.tif"):
        path.unlink()
    with pytest.raises(BadDataset, match="not one patient"):
        summarize_volumes(LggDataset.open(tmp_path))


def test_the_summary_is_saved_as_json_and_as_tables(tmp_path):
    summary = summarize_volumes(LggDataset.open(write_three(tmp_path / "data")))
    summary.save(tmp_path / "out")
    content = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert content == json.loads(json.dumps(summary.as_dict()))
    assert content["patients"] == 3
    assert content["tumor_px"]["median"] == 20
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| slices | 9 |" in text
    assert "| t1c | 1: TCGA_BB_0003_20000101 |" in text
    assert "CC BY" in text


def test_the_terminal_shows_the_same_tables(tmp_path):
    summary = summarize_volumes(LggDataset.open(write_three(tmp_path)))
    console = Console(file=io.StringIO(), width=120)
    summary.print(console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("33.3 %", "institution", "TCGA_BB_0003_20000101", "32×32: 9", "CC BY"):
        assert words in text


@pytest.mark.real
def test_the_real_data_set_is_counted_as_its_keepers_count_it(lgg_folder):
    summary = summarize_volumes(LggDataset.open(lgg_folder))
    assert (summary.patients, summary.slices, summary.slices_with_tumor) == (88, 3216, 1120)
    assert summary.slices_without_tumor == 3216 - 1120
    assert summary.patients_without_tumor == ()
    assert summary.image_sizes == {"256×256": 3216}
    assert summary.institutions == {"CS": 13, "DU": 36, "EZ": 1, "FG": 11, "HT": 27}
    assert not summary.unreadable
    # Of the publisher's 6 without T1 and 9 without T1c; the others are not among the 88.
    assert {sequence: len(cases) for sequence, cases in summary.missing.items()} == {"t1": 5, "t1c": 9}
    assert summary.slices_per_patient is not None
    assert (summary.slices_per_patient.least, summary.slices_per_patient.most) == (20, 88)
    # Counted a second time without this package's readers: Pillow reads, NumPy correlates.
    areas, copies = [], {"t1": set(), "t1c": set()}
    for folder in sorted(lgg_folder.glob("TCGA_*")):
        files = [path for path in folder.glob("*.tif") if not path.stem.endswith("_mask")]
        voxels = np.stack([np.asarray(Image.open(path))[::4, ::4] for path in files]).reshape(-1, 3)
        correlations = np.corrcoef(voxels.T)[1]
        for sequence, channel in (("t1", 0), ("t1c", 2)):
            if correlations[channel] > 0.99:  # true pairs stay under 0.98, copies recompressed over 0.998
                copies[sequence].add(folder.name)
        for path in files:
            areas.append(int(np.count_nonzero(Image.open(path.with_name(f"{path.stem}_mask.tif")))))
    with_tumor = [area for area in areas if area]
    assert summary.tumor_px is not None
    assert (len(areas), len(with_tumor)) == (summary.slices, summary.slices_with_tumor)
    assert (summary.tumor_px.least, summary.tumor_px.most) == (min(with_tumor), max(with_tumor)) == (7, 7929)
    assert summary.tumor_px.median == np.median(with_tumor) == 1526
    assert {sequence: set(cases) for sequence, cases in summary.missing.items()} == copies


def test_of_volumes_missing_sequences_and_milliliters_are_known(tmp_path):
    for visit in ("000", "001"):
        write_brats(tmp_path, f"BraTS-GLI-00483-{visit}", "-", ("t1n", "t1c", "t2w", "t2f", "seg"))
    write_brats(tmp_path, "brats_2013_pat0001_1", "_", ("t1ce", "flair", "seg"))
    summary = summarize_volumes(BratsDataset.open(tmp_path))
    assert (summary.patients, summary.examinations, summary.slices, summary.slices_with_tumor) == (2, 3, 18, 6)
    without = ("brats_2013_pat0001_1",)
    assert summary.missing == {"t1": without, "t1c": (), "t2": without, "flair": ()}
    assert summary.institutions == {"BraTS GLI": 1, "brats 2013": 1}
    assert summary.tumor_ml.median == pytest.approx(16 * 2 * 6 / 1000)
