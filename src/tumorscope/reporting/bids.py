"""Findings as a BIDS derivative data set: masks that tools for many patients find by their names.

After the Brain Imaging Data Structure 1.10, "Derived datasets" and "Imaging derivatives: masks":
https://bids-specification.readthedocs.io/en/stable/derivatives/imaging.html
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.analysis import Analysis
from tumorscope.errors import TumorscopeError
from tumorscope.files import save_together
from tumorscope.measuring.lesions import Lesion
from tumorscope.notice import NOTICE
from tumorscope.reporting.nifti import encode_on_stored_grid
from tumorscope.scan import Scan

BIDS_VERSION = "1.10.0"
DESCRIPTION_FILE = "dataset_description.json"
README = f"""# Outlines of brain tumours

Drawn by neural networks (Tumorscope); the JSON file beside each mask says by which, and what was measured.

{NOTICE}
"""


def write_bids(analysis: Analysis, root: Path) -> dict[str, Path]:
    """Add one scan to a derivative data set; the data set is begun where there is none.

    ``sub-<label>/anat/sub-<label>_desc-tumor_mask.nii.gz`` lies on the grid of the file that was read,
    with its measurements beside it in JSON; ``…_desc-tumor_probseg.nii.gz`` holds the probability of
    every voxel, 0 to 1, where the analysis kept it.

    Args:
        analysis: what was found; the case's name gives the label.
        root: of the data set, for any number of scans.

    Returns:
        The paths of ``description``, ``mask``, ``sidecar`` and, where there is one, ``probability``.

    Raises:
        TumorscopeError: a file cannot be written, or ``root`` is a data set of something else.
    """
    description = root / DESCRIPTION_FILE
    if description.exists():
        _require_ours(description)
    else:
        save_together(root, {"README.md": README.encode(), DESCRIPTION_FILE: _json(dataset_description())})
    label = subject_label(analysis.scan.case)
    stem = f"sub-{label}_desc-tumor"
    names = {"mask": f"{stem}_mask.nii.gz", "sidecar": f"{stem}_mask.json"}
    mask = encode_on_stored_grid(analysis.scan, analysis.mask.astype(np.uint8))
    contents = {names["mask"]: mask, names["sidecar"]: _json(sidecar(analysis))}
    outdated = f"{stem}_probseg.nii.gz"
    if analysis.probability is not None:
        names["probability"] = outdated
        probability = analysis.probability.astype(np.float32) / 255
        contents = {outdated: encode_on_stored_grid(analysis.scan, probability), **contents}
    # The sidecar comes last: where it stands, the images beside it are complete and belong to it.
    paths = save_together(
        root / f"sub-{label}" / "anat", contents, () if analysis.probability is not None else (outdated,)
    )
    return {"description": description, **{key: paths[name] for key, name in names.items()}}


def subject_label(case: str) -> str:
    """A BIDS label: ASCII letters and digits only. Six digits of a hash keep cases apart that would share one.

    >>> subject_label("TCGA4941"), subject_label("case 1")
    ('TCGA4941', 'case1xc60f41')
    """
    letters = re.sub(r"[^A-Za-z0-9]", "", case)
    if letters == case and letters:
        return letters
    return f"{letters[:60]}x{hashlib.sha256(case.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def dataset_description() -> dict[str, Any]:
    """What ``dataset_description.json`` says."""
    from tumorscope import __version__

    return {
        "Name": "Tumorscope: outlines of brain tumours",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Tumorscope", "Version": __version__}],
        # The scans were given one by one; which data set they belong to, if any, nobody has said.
        "SourceDatasets": [],
    }


def sidecar(analysis: Analysis) -> dict[str, Any]:
    """What stands beside a mask: which bundle drew it, what was found and measured, in mm, mm² and mm³."""
    scan, bundle = analysis.scan, analysis.bundle
    opinion = analysis.tumor_type
    return {
        "Description": "Outline of a brain tumour, drawn by a neural network",
        "Type": "Lesion",
        "Sources": [],
        "Notice": analysis.notice,
        "Bundle": {"Name": bundle.name, "Version": bundle.card.version, "SHA256": bundle.sha256},
        "Sequences": list(scan.sequences),
        "Judged": analysis.judged,
        "TumorPresent": analysis.tumor_present if analysis.judged else None,
        "TumorProbability": round(analysis.tumor_probability, 6) if analysis.judged else None,
        "TumorType": None if opinion is None else opinion.name,
        "TumorTypeProbability": None if opinion is None else round(opinion.probability, 6),
        "VolumeMm3": analysis.volume_mm3,
        "Lesions": [
            {
                "Voxels": lesion.voxels,
                "VolumeMm3": lesion.volume_mm3,
                "CentreMm": lesion.centre_mm,
                "Hemisphere": lesion.hemisphere,
                **_diameters(lesion, scan),
            }
            for lesion in analysis.lesions
        ],
        "Warnings": list(analysis.warnings),
    }


def _diameters(lesion: Lesion, scan: Scan) -> dict[str, Any]:
    if lesion.diameters is None or scan.affine is None:
        return {}
    return {
        "LongestDiameterMm": round(lesion.diameters.longest.length, 2),
        "PerpendicularDiameterMm": round(lesion.diameters.perpendicular.length, 2),
        "ProductOfDiametersMm2": round(lesion.diameters.product, 2),
        "MeasurableByRANO": lesion.measurable,
    }


def _require_ours(description: Path) -> None:
    try:
        known = json.loads(description.read_bytes())
        ours = known["DatasetType"] == "derivative" and known["GeneratedBy"][0]["Name"] == "Tumorscope"
    except (OSError, ValueError, LookupError, TypeError):
        ours = False
    if not ours:
        raise TumorscopeError(
            f"{description}: the folder holds another data set; choose a folder of its own for the masks"
        )


def _json(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace")
