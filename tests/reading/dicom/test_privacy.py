from __future__ import annotations

import re

import pytest
from pydicom import Dataset

from tumorscope.io.dicom.privacy import contains_patient_name, name_tokens, series_code


def patient(name: str, **attributes: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = name
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("text", ["DOE", "doe_jane_t2", "2024-jane", "scanjane", "Jane's head"])
def test_any_part_of_the_name_names_the_patient(text: str):
    assert contains_patient_name(text, name_tokens(patient("Doe^Jane")))


@pytest.mark.parametrize("text", ["t2_axial", "does_not", "shoe", "36444280", ""])
def test_other_words_do_not(text: str):
    assert not contains_patient_name(text, name_tokens(patient("Doe^Jane")))


def test_short_names_count_as_whole_words_only():
    words = name_tokens(patient("Li^Bo"))
    assert contains_patient_name("li_t2", words)
    assert not contains_patient_name("clinical", words)


def test_letters_of_other_scripts_count():
    assert contains_patient_name("müller_2", name_tokens(patient("Müller^Anna", SpecificCharacterSet="ISO_IR 192")))


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Müller^Jörg", "MUELLER_J"), ("Müller^Jörg", "scan_muller"), ("MUELLER^JOERG", "Müller"), ("Müller^J", "Mu\u0308ller"),
        ("Groß^A", "Gross"), ("GROSS^A", "groß_1"), ("Sørensen^B", "soerensen"), ("Sørensen^B", "Sorensen-T1"),
        ("Åkesson^C", "Aakesson"), ("AAKESSON^C", "akesson"), ("Lefèvre^D", "lefevre"), ("Łukasz^E", "lukasz"),
        ("Çelik^F", "Celik"), ("Muñoz^G", "munoz"), ("Bäcker^H", "mri-baecker-2"), ("Dvořák^I", "dvorak"),
    ],
)  # fmt: skip
def test_accents_and_transliterations_hide_no_name(name: str, folder: str):
    assert contains_patient_name(folder, name_tokens(patient(name, SpecificCharacterSet="ISO_IR 192")))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎"), ("Yamada^Tarou=山田^太郎", "山田様_MRI"), ("=山田^太郎", "太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "やまだたろう"), ("王^小东", "王小东"), ("王^小东", "MR小东2024"),
        ("王^伟", "王伟_头部"), ("Hong^Gildong=洪^吉洞=홍^길동", "홍길동"), ("김^민", "김민"), ("Li^Na", "LiNa"), ("Li^Na", "NaLi_MR"),
        ("Иванов^Иван", "Ivanov_I"), ("Юсупова^Юлия", "Yusupova"), ("Юсупова^Юлия", "Iusupova"), ("Щербаков^А", "SHCHERBAKOV"),
        ("Євтушенко^Олена", "Yevtushenko"), ("Ivanova^Anna", "Иванова"), ("Иванов^Иван", "иванов 2024"),
    ],
)  # fmt: skip
def test_names_of_every_script_are_found(name: str, text: str):
    assert contains_patient_name(text, name_tokens(patient(name, SpecificCharacterSet="ISO_IR 192")))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("王^伟", "头部平扫"), ("王^伟", "国王医院"), ("Yamada^Tarou=山田^太郎", "頭部MRI_2024"), ("Иванов^Иван", "T2 AX"),
        ("Li^Na", "clinical"), ("Иванов^Иван", "flair"), ("홍^길동", "뇌MRI"),
    ],
)  # fmt: skip
def test_words_of_other_scripts_name_nobody(name: str, text: str):
    assert not contains_patient_name(text, name_tokens(patient(name, SpecificCharacterSet="ISO_IR 192")))


@pytest.mark.parametrize("text", ["Moller", "miller_2", "value", "t1_axial", "mule"])
def test_names_that_only_look_alike_are_other_names(text: str):
    assert not contains_patient_name(text, name_tokens(patient("Müller^Jörg", SpecificCharacterSet="ISO_IR 192")))


def test_a_series_code_depends_on_the_series_only():
    assert series_code("1.2") == series_code("1.2") != series_code("1.3")
    assert re.fullmatch(r"series-[0-9a-f]{8}", series_code("1.2"))
