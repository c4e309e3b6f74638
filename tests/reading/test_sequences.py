from __future__ import annotations

import pytest

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.sequences import check_channels, check_name, names_other, recognize_sequence


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("BraTS19_CBICA_AAB_1_flair", "flair"),
        ("BraTS19_CBICA_AAB_1_t1ce", "t1c"),
        ("BraTS-GLI-00000-000-t1n", "t1"),
        ("BraTS-GLI-00000-000-t2w", "t2"),
        ("BraTS-GLI-00000-000-t2f", "flair"),
        ("sub-01_T1w", "t1"),
        ("patient_t1_post", "t1c"),
        ("patient_t1gd", "t1c"),
        ("AX T1 +C", "t1c"),
        ("T1 pre contrast", "t1"),
        ("AX T2 FLAIR", "flair"),
        ("AX FSE T2", "t2"),
        ("t1_mprage_sag", "t1"),
        ("SAG T1 FLAIR", "unknown"),
        ("T2* GRE", "unknown"),
        ("t2star", "unknown"),
        ("AX T1 T2", "unknown"),
        ("FSE PD AXIAL OBL", "unknown"),
        ("ADC map of t2 dwi", "unknown"),
        ("test2_scan", "unknown"),
        ("T1 post op", "t1"),
        ("case_c_t1", "t1"),
        ("brisc2025_train_00001_gl_ax_t1", "t1c"),
        ("BRISC2025_test_00001_no_co_t1 (2)", "t1c"),
        ("not_brisc2025_t1", "t1"),
        ("t10", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_sequence_is_named_only_where_the_text_is_plain(text: str, sequence: str):
    assert recognize_sequence(text) == sequence


def test_a_recorded_contrast_agent_turns_t1_into_t1c_but_nothing_else():
    assert recognize_sequence("AX T1", contrast=True) == "t1c"
    assert recognize_sequence("AX T1 pre", contrast=True) == "t1"
    assert recognize_sequence("AX T2", contrast=True) == "t2"


PROTOCOLS = """
AX T2 FLAIR FS                          flair
t2_tirm_tra_dark-fluid_p2               flair
t2_spc_da-fl_irprep_sag_p2_iso          flair
T2 FLAIR ax                             flair
eFLAIR_longTR                           flair
Sag CUBE T2 FLAIR                       flair
FLAIR 3D BrainVIEW post Gd              flair
AXFLAIR                                 flair
12_3DFLAIR_TRA                          flair
case01_fla                              flair
pat7-t2f                                flair
patient_fla_0001                        flair
FLAIR sans injection                    flair
Ax FLAIR +C                             flair
t2_tse_tra_512                          t2
Ax T2 FRFSE                             t2
T2W_TSE                                 t2
sT2W/TSE                                t2
T2 transversal                          t2
T2 ES axial                             t2
AXT2FS                                  t2
T2 axial con contraste                  t2
t1_mprage_sag_p2_iso                    t1
Ax T1 SE                                t1
T1W_3D_TFE                              t1
sT1W_3D_TFE                             t1
SAG 3D BRAVO                            t1
Ax 3D FSPGR                             t1
mp-rage                                 t1
T1 nativ                                t1
t1_se_tra_nativ                         t1
T1 vor KM                               t1
T1 ohne KM                              t1
T1 sans injection                       t1
T1 avant gado                           t1
T1 non injecté                          t1
T1 sin contraste                        t1
T1 S/C                                  t1
T1 simple                               t1
T1 senza mdc                            t1
T1 sem contraste                        t1
T1 zonder contrast                      t1
AX T1 W/O CONTRAST                      t1
AX T1 NON-CONTRAST                      t1
AX T1 NONCONTRAST                       t1
AX T1 PRE GAD                           t1
AXT1PRE                                 t1
AX T1 C-                                t1
T1 nach OP                              t1
T1 preop                                t1
T1 post RT                              t1
MPRAGE+C                                t1c
MPRAGE C+                               t1c
t1_mprage_sag_KM                        t1c
T1 nach KM                              t1c
T1 mit Kontrastmittel                   t1c
T1 KM tra FS                            t1c
T1 +Gd                                  t1c
T1+GD                                   t1c
T1 gado                                 t1c
3D T1 EG GADO                           t1c
T1 injecté                              t1c
T1 après injection                      t1c
T1 post contraste                       t1c
T1 con contraste                        t1c
T1 tras contraste                       t1c
T1 C/C                                  t1c
T1 con CIV                              t1c
T1 con mdc                              t1c
T1 com contraste                        t1c
T1 Gadovist                             t1c
AX T1 POSTGAD                           t1c
AX T1 POST-CONTRAST                     t1c
AX T1 FS POST                           t1c
AX T1 no FS post Gd                     t1c
AXT1POST                                t1c
SAGT1GD                                 t1c
T1postGd                                t1c
Ax T1 +C pre op                         t1c
T1 Gd post OP                           t1c
UPENN-GBM-00001_11_T1GD_unstripped      t1c
UCSF-PDGM-0004_T1c_bias                 t1c
TCGA-02-0003_1997.06.08_t1Gd            t1c
Brats18_TCIA01_378_1_t1ce               t1c
3D_AX_T1_postcontrast                   t1c
cT1w                                    t1c
T1WKS                                   t1c
MEMPRAGE POST                           t1c
MEMPRAGE RMS                            t1
T1prereg                                t1
T1preRegistered                         t1
FLAIRreg                                flair
T1postprocessed                         t1
T1_postprocessed                        t1
T1preprocessed                          t1
t1ce_brain_n4                           t1c
T1 -KM                                  t1
dT1                                     unknown
3D T1                                   t1
2-D T1                                  t1
T1 vor und nach KM                      unknown
T1 SUB                                  unknown
T1 Subtraktion                          unknown
T1 MAP                                  unknown
T1map                                   unknown
T2W_FFE                                 unknown
T2 EG                                   unknown
T2 étoile                               unknown
T2 EPI                                  unknown
ep2d_diff_3scan_trace_ADC               unknown
cartographie ADC T2                     unknown
SWI_Images                              unknown
rCBV                                    unknown
TOF_3D_multi-slab                       unknown
localizer                               unknown
"""


@pytest.mark.parametrize(
    ("text", "sequence"), [tuple(line.rsplit(maxsplit=1)) for line in PROTOCOLS.strip().splitlines()]
)
def test_names_of_protocols_in_several_languages(text: str, sequence: str):
    assert recognize_sequence(text) == sequence


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("sub-01_ses-post_T1w", "t1"),
        ("sub-01_ses-pre_ce-gadolinium_T1w", "t1c"),
        ("sub-01_ses-pre_ce-gadolinium_T1w.nii.gz", "t1c"),
        ("sub-gd_T1w", "t1"),
        ("sub-flair_T2w", "t2"),
        ("sub-01_ce-none_T1w", "t1"),
        ("sub-01_ses-postop_ce-GD_run-2_T1w", "t1c"),
        ("sub-01_acq-ax_FLAIR", "flair"),
        ("sub-01_acq-FLAIR_T2w", "flair"),
        ("sub-01_acq-postGd_T1w", "t1c"),
        ("sub-01_acq-axpost_T1w", "t1c"),
        ("sub-01_acq-preContrast_T1w", "t1"),
        ("sub-01_acq-mprage_desc-post_T1w", "t1"),
        ("sub-01_ce-gadolinium_FLAIR", "flair"),
        ("sub-01_ses-1_t1ce", "t1c"),
        ("sub-01_T1_post_contrast", "t1c"),
        ("sub-01_T1map", "unknown"),
        ("sub-01_T2starw", "unknown"),
        ("sub-01_part-phase_T1w", "unknown"),
        ("sub-01_dir-AP_dwi", "unknown"),
        ("sub-01_mod-T1w_defacemask", "unknown"),
    ],
)
def test_of_a_bids_name_only_suffix_ce_and_acq_speak_of_the_sequence(name: str, sequence: str):
    assert recognize_sequence(name) == sequence


def test_a_recorded_agent_does_not_overrule_what_bids_states():
    assert recognize_sequence("sub-01_ce-none_T1w", contrast=True) == "t1"


@pytest.mark.parametrize(("name", "meant"), [("t1ce", "t1c"), ("flare", "flair"), ("t2w", "t2"), ("T1-Gd", "t1c")])
def test_a_wrong_name_is_answered_with_the_nearest(name: str, meant: str):
    with pytest.raises(UnreadableScan, match=f"t1, t1c, t2, flair; did you mean {meant}"):
        check_name(name)


def test_names_may_be_written_large():
    assert check_name("FLAIR") == "flair"


def test_channels_must_fit_in_number_and_differ():
    assert check_channels(["T1", "unknown"], 2, "a") == ("t1", "unknown")
    assert check_channels(["unknown", "unknown"], 2, "a") == ("unknown", "unknown")
    with pytest.raises(UnreadableScan, match="1 channel names"):
        check_channels(["t1"], 2, "a")
    with pytest.raises(UnreadableScan, match="repeat"):
        check_channels(["t1", "t1"], 2, "a")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ADCreg", True),
        ("nRCBV_reg", True),
        ("case_dT1", True),
        ("T1reg", False),
        ("adcock_t1", False),
        ("image", False),
    ],
)
def test_names_of_other_kinds_of_images(name: str, other: bool):
    assert names_other(name) == other
