from __future__ import annotations

import re

import pytest
from pydicom import Dataset

from tumorscope.reading.dicom.privacy import names_patient, patient_words, series_code


def patient(name: str, **attributes: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = name
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("text", ["DOE", "doe_jane_t2", "2024-jane", "scanjane", "Jane's head"])
def test_any_part_of_the_name_names_the_patient(text: str):
    assert names_patient(text, patient_words(patient("Doe^Jane")))


@pytest.mark.parametrize("text", ["t2_axial", "does_not", "shoe", "36444280", ""])
def test_other_words_do_not(text: str):
    assert not names_patient(text, patient_words(patient("Doe^Jane")))


def test_short_names_count_as_whole_words_only():
    words = patient_words(patient("Li^Bo"))
    assert names_patient("li_t2", words)
    assert not names_patient("clinical", words)


def test_letters_of_other_scripts_count():
    assert names_patient("müller_2", patient_words(patient("Müller^Anna", SpecificCharacterSet="ISO_IR 192")))


def test_a_series_code_depends_on_the_series_only():
    assert series_code("1.2") == series_code("1.2") != series_code("1.3")
    assert re.fullmatch(r"series-[0-9a-f]{8}", series_code("1.2"))
