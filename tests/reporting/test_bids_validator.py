"""What the official BIDS validator says of our derivatives; its schema comes with it, so no network is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from reporting.rejected import rejected

from tumorscope.inference.labels import ENHANCING_TUMOR
from tumorscope.io import find_cases, open_scan
from tumorscope.reporting.bids import write_bids

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
pytestmark = pytest.mark.skipif(
    not VALIDATOR.exists(), reason="no bids-validator-deno: pip install bids-validator-deno (48 MB)"
)


@dataclass(frozen=True)
class Report:
    """What the validator found.

    Attributes:
        issues: errors and warnings, as ``code subcode location``.
        errors: codes of the errors.
        subjects, sessions: as it understood the names.
    """

    issues: tuple[str, ...]
    errors: frozenset[str]
    subjects: frozenset[str]
    sessions: frozenset[str]


@pytest.fixture
def validate(tmp_path_factory):
    def run(root: Path) -> Report:
        environment: Mapping[str, str] = {**os.environ, "DENO_DIR": str(tmp_path_factory.mktemp("deno"))}
        ran = subprocess.run(
            [VALIDATOR, root, "--format", "json"], env=environment, capture_output=True, text=True, timeout=120
        )
        found = json.loads(ran.stdout)
        issues, summary = found["issues"]["issues"], found["summary"]
        errors = frozenset(issue["code"] for issue in issues if issue["severity"] == "error")
        assert (ran.returncode != 0) == bool(errors)
        return Report(
            tuple(
                sorted(f"{issue['code']} {issue.get('subCode', '')} {issue.get('location', '')}" for issue in issues)
            ),
            errors,
            frozenset(summary["subjects"]),
            frozenset(summary["sessions"]),
        )

    return run


def test_every_kind_of_case_gives_a_valid_data_set_with_a_warning_where_the_voxel_size_is_unknown(
    analyzed, volume_scan, folder_scan, mask, tmp_path, validate
):
    root = tmp_path / "masks"
    found = analyzed(replace(volume_scan, case="sub-01_ses-pre"), mask)
    enhancing = replace(found, label=ENHANCING_TUMOR, mask=mask & (np.arange(80) < 30))
    write_bids(replace(found, probability=np.where(mask, 200, 3).astype(np.uint8), parts=(enhancing,)), root)
    write_bids(rejected(analyzed(replace(volume_scan, case="sub-02"), np.zeros_like(mask))), root)
    write_bids(analyzed(folder_scan, mask), root)
    single = replace(folder_scan, voxels=folder_scan.voxels[:1], kind="single", slice_names=(), case="Ä 7.png")
    write_bids(analyzed(single, mask[3:4]), root)
    unknown = [next(root.glob(f"sub-{name}x*/anat/*_mask.nii.gz")) for name in ("7png", "case1")]
    assert validate(root).issues == tuple(f"NIFTI_UNIT  /{path.relative_to(root)}" for path in unknown)
    assert len(list(root.rglob("*.nii.gz"))) == 6


def test_the_validator_sees_what_is_wrong(analyzed, volume_scan, mask, tmp_path, validate):
    path = write_bids(analyzed(replace(volume_scan, case="a"), mask), tmp_path / "masks")["mask"]
    path.rename(path.with_name("sub-a_desc-tumor_tumor.nii.gz"))
    assert validate(tmp_path / "masks").errors == {"NOT_INCLUDED", "SIDECAR_WITHOUT_DATAFILE"}


def test_a_raw_data_set_and_its_derivative_have_the_same_subjects_and_sessions(analyzed, tmp_path, validate):
    raw = write_raw(tmp_path / "raw")
    scans = [open_scan(case) for case in find_cases(raw)]
    assert {scan.case: scan.sequences for scan in scans} == {
        "sub-01_ses-post": ("t1", "t1c", "flair"),
        "sub-01_ses-pre": ("t1", "t1c", "flair"),
        "sub-02": ("flair",),
    }
    for scan in scans:
        write_bids(analyzed(scan, scan.channel("flair") > 150), tmp_path / "masks")
    of_raw, of_masks = validate(raw), validate(tmp_path / "masks")
    assert not of_raw.errors
    assert of_masks.issues == ()
    assert (
        (of_masks.subjects, of_masks.sessions) == (of_raw.subjects, of_raw.sessions) == ({"01", "02"}, {"pre", "post"})
    )
    kept = nibabel.Nifti1Image.from_filename(tmp_path / "masks/sub-02/anat/sub-02_desc-tumor_mask.nii.gz")
    assert np.array_equal(kept.dataobj, volume() > 150)


def write_raw(root: Path) -> Path:
    """Two sessions with two runs, acquisitions and a contrast agent, a subject without sessions."""
    for session in ("pre", "post"):
        start = f"sub-01/ses-{session}/anat/sub-01_ses-{session}"
        for ending in ("run-1_T1w", "run-2_T1w", "acq-mprage_ce-gadolinium_T1w", "acq-space_FLAIR"):
            write_raw_volume(root / f"{start}_{ending}.nii.gz")
    write_raw_volume(root / "sub-02/anat/sub-02_acq-ax_FLAIR.nii.gz")
    description = {"Name": "Phantoms", "BIDSVersion": "1.10.0", "DatasetType": "raw", "License": "CC0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    (root / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\n")
    (root / "README").write_text("Volumes made by a test, which show nothing but an ellipse and a box in it.\n" * 3)
    return root


def write_raw_volume(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(volume(), np.diag([-1.0, 1, 5, 1]))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)


def volume() -> np.ndarray:
    """An ellipse with a bright box, ``(column, row, slice)``."""
    column, row = np.mgrid[:40, :48]
    inside = ((column - 20) / 16) ** 2 + ((row - 24) / 20) ** 2 < 1
    head = np.repeat((inside * 100).astype(np.uint8)[..., None], 8, 2)
    head[20:28, 12:20, 3:5] = 200
    return head
