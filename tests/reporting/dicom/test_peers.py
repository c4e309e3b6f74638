"""What Orthanc takes and gives back, and dcmqi reads."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import requests
from dicom_peers import Orthanc, needs, program, running_orthanc
from dicomweb_client import DICOMwebClient
from reporting.dicom.studies import NOW

from tumorscope.io.dicom.writers import encode_capture, encode_segmentation, encode_structured_report
from tumorscope.reporting.panel import draw_panel

DCMQI = Path(sys.executable).with_name("segimage2itkimage")


@pytest.fixture(scope="module")
def orthanc_of_module(tmp_path_factory):
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture
def orthanc(orthanc_of_module: Orthanc) -> Orthanc:
    orthanc_of_module.forget()
    return orthanc_of_module


@pytest.fixture
def objects(analysis) -> dict[str, bytes]:
    """All that is sent back on one analysis, by SOPInstanceUID."""
    found = replace(analysis, probability=np.where(analysis.mask, 200, 3).astype(np.uint8))
    segmentation = encode_segmentation(found, made_at=NOW)
    contents = [
        segmentation,
        encode_segmentation(found, fractional=True, made_at=NOW),
        encode_structured_report(found, segmentation, NOW),
        encode_capture(found, draw_panel(found), NOW),
    ]
    return {str(pydicom.dcmread(io.BytesIO(content)).SOPInstanceUID): content for content in contents}


def store(orthanc: Orthanc, *files) -> None:
    """C-STORE by dcmtk, which offers SEG only where it must (``-R``)."""
    subprocess.run(
        [str(program("storescu")), "-R", "-aec", orthanc.aet, "127.0.0.1", str(orthanc.dicom_port), *map(str, files)],
        check=True,
        capture_output=True,
        timeout=60,
    )


def stow(orthanc: Orthanc, contents) -> None:
    """STOW-RS by dicomweb-client."""
    session = requests.Session()
    session.trust_env = False  # what is on this machine is asked without a proxy
    client = DICOMwebClient(orthanc.dicom_web, session=session)
    prediction = client.store_instances([pydicom.dcmread(io.BytesIO(content)) for content in contents])
    assert not prediction.get("FailedSOPSequence")


def assert_unchanged(stored: dict[str, bytes], sent: dict[str, bytes]) -> None:
    assert set(sent) <= set(stored)
    for uid, content in sent.items():
        ours, theirs = (pydicom.dcmread(io.BytesIO(file)) for file in (content, stored[uid]))
        assert ours == theirs  # every element but the file's own
        assert ours.file_meta.TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID
        if "PixelData" in ours:
            np.testing.assert_array_equal(ours.pixel_array, theirs.pixel_array)


@needs("Orthanc", "storescu")
def test_orthanc_takes_all_by_c_store_and_gives_them_back_unchanged(orthanc, objects, study, tmp_path):
    files = []
    for uid, content in objects.items():
        files.append(tmp_path / f"{uid}.dcm")
        files[-1].write_bytes(content)
    store(orthanc, *study.files, *files)
    stored = orthanc.stored()
    assert len(stored) == len(study.files) + len(objects) == 6 + 4
    assert_unchanged(stored, objects)
    assert len(orthanc.json("/patients")) == len(orthanc.json("/studies")) == 1


@needs("Orthanc")
def test_orthanc_takes_all_by_stow_and_gives_them_back_unchanged(orthanc, objects):
    stow(orthanc, objects.values())
    assert_unchanged(orthanc.stored(), objects)


@pytest.mark.skipif(not DCMQI.exists(), reason="no dcmqi: its wheel is for Linux on x86-64")
@pytest.mark.parametrize("fractional", [False, True])
def test_dcmqi_reads_the_mask_where_we_put_it(analysis, fractional, tmp_path):
    found = replace(analysis, probability=np.where(analysis.mask, 200, 0).astype(np.uint8))
    (tmp_path / "seg.dcm").write_bytes(encode_segmentation(found, fractional=fractional, made_at=NOW))
    command = [DCMQI, "--inputDICOM", tmp_path / "seg.dcm"]
    subprocess.run([*command, "--outputDirectory", tmp_path, "-t", "nii"], check=True, capture_output=True, timeout=180)
    read = [nibabel.nifti1.load(path) for path in sorted(tmp_path.glob("*.nii.gz"))]
    places = np.concatenate([_places_mm(np.asarray(image.dataobj) > 0, image.affine) for image in read])
    expected = _places_mm(analysis.mask.transpose(2, 1, 0), analysis.scan.affine)
    np.testing.assert_allclose(sorted(places.tolist()), sorted(expected.tolist()), atol=0.01)


def _places_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The marked voxels' centers, ``(voxel, 3)``, rounded, so that their order does not depend on the last digit."""
    return np.round(np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3], 2)


@needs("Orthanc", "storescu")
def test_what_is_sent_twice_is_there_once(orthanc, analysis, tmp_path):
    for number in range(2):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(encode_segmentation(analysis))
        store(orthanc, path)
    assert len(orthanc.stored()) == 1


def test_importing_the_writers_is_light():
    code = (
        "import sys, tumorscope.io.dicom.writers, tumorscope.reporting.bids;"
        "print(*{'highdicom', 'pydicom', 'PIL', 'nibabel', 'scipy.signal'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ""
