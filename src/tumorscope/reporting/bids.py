"""Findings as a BIDS derivative data set, for tools that work on many patients.

After the Brain Imaging Data Structure 1.10, "Derived datasets" and "Imaging derivatives: masks":
https://bids-specification.readthedocs.io/en/stable/derivatives/imaging.html
A case that is named by BIDS, as those of a raw data set are, keeps its subject and session.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_together
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import ENHANCING_TUMOR, TUMOR
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.checks import printable
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.nifti_files import encode_on_stored_grid

BIDS_VERSION = "1.10.0"
DESCRIPTION_FILE = "dataset_description.json"
README = f"""# Segmentations of brain tumors

Predicted by neural networks (Tumorscope); the JSON file beside each mask names the network and has the measurements.

{NOTICE}
"""


def write_bids(analysis: Analysis, root: Path) -> dict[str, Path]:
    """Add one scan to a derivative data set, which is created where needed.

    ``sub-<label>/anat/sub-<label>_desc-tumor_mask.nii.gz`` (``sub-<label>/ses-<label>/anat/sub-<label>_ses-<label>…``
    where the case states a session) is on the grid of the file that was read,
    with its measurements beside it in JSON; ``…_desc-tumor_probseg.nii.gz`` holds the probability of
    every voxel, 0 to 1, where the analysis kept it, described in JSON. The enhancing tumor of a study with FLAIR and
    T1c is a mask of its own, ``…_label-enhancing_desc-tumor_mask.nii.gz``, and so is each compartment of a bundle of
    several.

    Args:
        analysis: the findings; the case's name gives the label.
        root: of the data set, for any number of scans.

    Returns:
        The paths of ``description``, ``mask``, ``sidecar`` and, where there is one, of ``probability`` and
        ``enhancing`` or the label of each other part, with ``…_sidecar``.

    Raises:
        TumorscopeError: a file cannot be written, ``root`` is a data set of something else, or its masks of this subject
            are those of a case of another name.
    """
    description = root / DESCRIPTION_FILE
    if description.exists():
        _require_ours(description)
    else:
        save_together(root, {"README.md": README.encode(), DESCRIPTION_FILE: _json(dataset_description())})
    folders = case_folders(analysis.scan.case)
    subject = "_".join(folders)
    stem = f"{subject}_desc-tumor"
    names = {
        "mask": f"{stem}_mask.nii.gz",
        "sidecar": f"{stem}_mask.json",
        "probability": f"{stem}_probseg.nii.gz",
        "probability_sidecar": f"{stem}_probseg.json",
    }
    parts = {part_label(part): part for part in analysis.parts}
    for key in parts:
        names[key] = f"{subject}_label-{key}_desc-tumor_mask.nii.gz"
        names[f"{key}_sidecar"] = f"{subject}_label-{key}_desc-tumor_mask.json"
    made = {}
    if analysis.probability is not None:
        probability = analysis.probability.astype(np.float32) / 255
        made["probability"] = encode_on_stored_grid(analysis.scan, probability)
        made["probability_sidecar"] = _json(_probability_sidecar(analysis))
    for key, part in parts.items():
        made[key] = encode_on_stored_grid(part.scan, part.mask.astype(np.uint8))
        made[f"{key}_sidecar"] = _json(sidecar(part))
    made["mask"] = encode_on_stored_grid(analysis.scan, analysis.mask.astype(np.uint8))
    # The mask's sidecar comes last: where it exists, the files beside it are complete and belong to it.
    made["sidecar"] = _json(sidecar(analysis))
    anat = root.joinpath(*folders, "anat")
    _require_same_case(anat / names["sidecar"], analysis.scan.case)
    earlier = {file.name for file in anat.glob(f"{subject}_label-*_desc-tumor_mask.*")}
    outdated = (*(name for key, name in names.items() if key not in made), *sorted(earlier - set(names.values())))
    contents = {names[key]: content for key, content in made.items()}
    paths = save_together(anat, contents, outdated)
    return {"description": description, **{key: paths[names[key]] for key in made}}


def case_folders(case: str) -> tuple[str, ...]:
    """The folders of a case's subject and, where its name states one, session; joined by ``_`` they begin its files.

    >>> case_folders("sub-01_ses-pre"), case_folders("ses-2"), case_folders("case 1")
    (('sub-01', 'ses-pre'), ('sub-ses2x9faf10',), ('sub-case1xc60f41',))
    """
    name = parse_bids_name(case)
    if name is None or name.case != case or "sub" not in name.entities:
        return (f"sub-{bids_label(case)}",)
    return tuple(f"{key}-{bids_label(name.entities[key])}" for key in ("sub", "ses") if key in name.entities)


def bids_label(case: str) -> str:
    """A BIDS label: ASCII letters and digits only. Six digits of a hash distinguish cases that would share one.

    >>> bids_label("TCGA4941"), bids_label("case 1")
    ('TCGA4941', 'case1xc60f41')
    """
    letters = re.sub(r"[^A-Za-z0-9]", "", case)
    if letters == case and letters:
        return letters
    return f"{letters[:60]}x{hashlib.sha256(case.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def part_label(part: Analysis) -> str:
    """The BIDS label of a part of the tumor: ``enhancing``, or a compartment's name as a label."""
    return "enhancing" if part.label == ENHANCING_TUMOR else bids_label(part.label)


def dataset_description() -> dict[str, Any]:
    """The content of ``dataset_description.json``."""
    from tumorscope import __version__

    return {
        "Name": "Tumorscope: segmentations of brain tumors",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Tumorscope", "Version": __version__}],
        # No person is known here; BIDS recommends more than one author.
        "Authors": ["The Tumorscope developers", "The user who ran Tumorscope"],
        # Scans are given one by one; the data set that they belong to, if any, is not known.
        "SourceDatasets": [],
    }


def sidecar(analysis: Analysis) -> dict[str, Any]:
    """The JSON beside a mask: bundle, findings and measurements in mm, mm² and mm³."""
    scan, tumor_type = analysis.scan, analysis.tumor_type
    return {
        "Description": f"Segmentation of a brain tumor by a neural network ({analysis.label})"
        if analysis.label != TUMOR
        else "Segmentation of a brain tumor by a neural network",
        "Type": "Lesion",
        "Case": scan.case,
        **_origin(analysis),
        "InputRejected": None if analysis.rejection is None else asdict(analysis.rejection),
        "TumorPresent": analysis.tumor_present,
        "TumorProbability": None if analysis.tumor_probability is None else round(analysis.tumor_probability, 6),
        "TumorType": None if tumor_type is None else tumor_type.name,
        "TumorTypeProbability": None if tumor_type is None else round(tumor_type.probability, 6),
        "VolumeMm3": analysis.volume_mm3,
        "Lesions": [
            {
                "Voxels": lesion.voxels,
                "VolumeMm3": lesion.volume_mm3,
                "CenterMm": lesion.center_mm,
                "Laterality": lesion.laterality,
                **_diameters(lesion, scan),
            }
            for lesion in analysis.lesions
        ],
        "Warnings": [asdict(warning) for warning in analysis.warnings],
    }


def _probability_sidecar(analysis: Analysis) -> dict[str, Any]:
    return {
        "Description": "Probability of each voxel to be brain tumor, 0 to 1, by a neural network",
        **_origin(analysis),
    }


def _origin(analysis: Analysis) -> dict[str, Any]:
    """The origin of an image: grid, bundle and sequences."""
    bundle = analysis.bundle
    return {
        "Sources": [],
        # BIDS's name for the grid of the scan itself.
        "SpatialReference": "orig",
        "Notice": analysis.notice,
        "Bundle": {"Name": bundle.name, "Version": bundle.card.version, "SHA256": bundle.sha256},
        "Sequences": list(analysis.scan.sequences),
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


def _require_same_case(sidecar: Path, case: str) -> None:
    """Files of another case are not overwritten, such as those of ``sub-01`` by a case ``01``."""
    try:
        earlier = json.loads(sidecar.read_bytes())["Case"]
    except (OSError, ValueError, LookupError, TypeError):  # none, or of a version that did not state it
        return
    if earlier != case:
        raise TumorscopeError(
            f"{sidecar.parent}: holds the masks of another case ({printable(earlier)}); choose another folder for this one"
        )


def _json(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace")
