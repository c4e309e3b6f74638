"""A patient is one person however often he was examined."""

import pytest

from tumorscope.datasets.patients import patient_key, published_patient


@pytest.mark.parametrize(
    ("names", "patient"),
    [
        (["TCGA_CS_4941_19960909", "TCGA_CS_4941_20010315", "TCGA_CS_4941"], "TCGA_CS_4941"),
        (["TCGA-02-0003-01Z-00-DX1", "TCGA-02-0003"], "TCGA-02-0003"),
        (["BraTS-GLI-00483-000", "BraTS-GLI-00483-101"], "BraTS-GLI-00483"),
        (["BraTS-MET-00086-000", "BraTS-MET-00086-001-t1c"], "BraTS-MET-00086"),
        (["sub-01_ses-02", "sub-01/ses-post", "sub-01", "sub-01_ses-pre_T1w", "sub-01/anat"], "sub-01"),
        (["UPENN-GBM-00002_11", "UPENN-GBM-00002_21"], "UPENN-GBM-00002"),
        (["Patient-001/week-000-1", "Patient-001/week-044"], "Patient-001"),
        (["PatientID_0003_Timepoint_1", "PatientID_0003_Timepoint_12"], "PatientID_0003"),
        (["100001_time1", "100001_time2"], "100001"),
        (["mueller_2019-03-04", "mueller_20210101", "mueller/2019-03-04/flair"], "mueller"),
        (["p7-visit2", "p7 baseline", "p7_follow-up_3"], "p7"),
    ],
)
def test_date_session_and_number_of_the_visit_are_left_out(names, patient):
    assert {patient_key(name) for name in names} == {patient}
    assert {patient_key(f"set/{name}") for name in names} == {f"set/{patient}"}


@pytest.mark.parametrize(
    "name",
    [
        "BraTS20_Training_001", "BraTS2021_00495", "UCSF-PDGM-0004", "100360", "MR040240B", "20010315", "tr-no_0010",
        "Training/glioma/Tr-gl_0010.jpg", "Training/glioma/gg (10).jpg", "p_12345678", "session-3", "case_1990",
        "Patient-001", "sub", "weekend-2", "Timmes_3",
    ],
)  # fmt: skip
def test_other_names_stay_as_they_are(name):
    assert patient_key(name) == name


def test_only_published_forms_are_known_in_the_names_of_files():
    assert published_patient("glioma_BraTS-GLI-00483-000_t1c_88") == "BraTS-GLI-00483"
    assert published_patient("sub-07_ses-1_slice-80") == "sub-07"
    assert published_patient("image_20010315") is None
    assert published_patient("Tr-gl_0010") is None
