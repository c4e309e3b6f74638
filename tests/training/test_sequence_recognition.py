"""Limits of the recognition of sequences, on made probabilities, and which slices it is fitted on."""

from pathlib import Path

import numpy as np
import pytest
from making import write_miniature_lgg

from tumorscope.core.scan import SEQUENCES
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.inference.sequence_recognition import SIDE, SequenceCard, network_input
from tumorscope.training.sequence_fit import (
    MOST_WRONG,
    balanced_weights,
    choose_confidence,
    choose_contradiction,
    count_names,
)
from tumorscope.training.sequence_samples import Parts, SequenceSamples, frame_images, known_images, restyled


def test_the_confidence_leaves_few_wrong_names_in_every_sequence():
    """Of T2, three of a hundred are wrong with 0.80 and two with 0.95; of the others none."""
    sequence = np.repeat(np.arange(4), 100)
    probability = np.full((400, 4), 0.01)
    probability[np.arange(400), sequence] = 0.97
    wrong = np.flatnonzero(sequence == 2)[:5]
    probability[wrong] = 0.02
    probability[wrong, 0] = [0.80, 0.80, 0.80, 0.95, 0.95]
    limit = choose_confidence(probability, sequence)
    assert limit == pytest.approx(0.81)
    named = (probability.argmax(axis=1) != sequence) & (probability.max(axis=1) >= limit)
    assert named[sequence == 2].mean() <= MOST_WRONG


def test_the_limit_for_contradictions_doubts_one_right_name_of_two_hundred():
    named = np.concatenate([[0.001, 0.002, 0.003, 0.004], np.full(396, 0.9)])
    limit = choose_contradiction(named, np.full(400, 1 / 400))
    assert (named < limit).sum() <= 2
    assert limit == pytest.approx(0.002, abs=0.001)


def test_names_are_counted_as_right_wrong_or_unsure():
    card = SequenceCard(sha256="0" * 64, temperature=1, confidence=0.9, contradiction=0.05)
    probability = np.array([[0.95, 0.02, 0.02, 0.01], [0.6, 0.3, 0.05, 0.05], [0.01, 0.01, 0.97, 0.01]])
    found = count_names(card, probability, np.array([0, 0, 3]))
    assert (found["right"], found["wrong"], found["unsure"], found["likeliest_right"]) == (1, 1, 1, 2)
    assert found["doubted"] == 1
    assert found["named"] == {"t1": 1, "t1c": 0, "t2": 1, "flair": 0, "unsure": 1}


def test_sequences_count_alike_however_many_images_they_have():
    sequence, source = np.repeat([0, 1, 2, 3], [50, 400, 10, 40]), np.array(["lgg"] * 500)
    blank = np.zeros((500, 1, 1))
    weight = balanced_weights(SequenceSamples(blank, blank, sequence, source, source, source))
    for index in range(4):
        assert weight[sequence == index].sum() == pytest.approx(0.25)


@pytest.fixture
def lgg(tmp_path):
    root = write_miniature_lgg(tmp_path / "lgg", patients=3)
    cases = open_dataset("lgg", root).cases
    names = [f"lgg/{case.patient}" for case in cases]
    parts = {"train": names[:1], "validation": names[1:2], "test": names[2:]}
    split = tmp_path / "split.json"
    split.write_text(Split("lgg+brats", parts).to_json())
    return root, split, cases


def test_each_part_gives_its_own_patients_under_the_publishers_sequences(lgg):
    root, split, cases = lgg
    parts = Parts.load([split])
    seen = {part: [*known_images("lgg", root, part, parts, 40)] for part in ("train", "validation", "test")}
    for part, case in zip(seen, cases, strict=True):
        assert {image.patient for image in seen[part]} == {f"lgg/{case.patient}"}
        assert {image.sequence for image in seen[part]} == {"t1", "flair", "t1c"}


def test_a_case_with_flair_in_the_place_of_t1_is_left_out(lgg):
    root, split, cases = lgg
    from PIL import Image

    for file in Path(cases[0].folder).glob("*.tif"):
        if not file.stem.endswith("_mask"):
            image = np.array(Image.open(file))
            image[..., 0] = image[..., 1]
            Image.fromarray(image).save(file)
    assert not [*known_images("lgg", root, "train", Parts.load([split]), 40)]


def test_slices_are_framed_for_the_network_and_restyled_ones_keep_their_sequence(lgg):
    root, split, _ = lgg
    images = [*known_images("lgg", root, "train", Parts.load([split]), 40)][:6]
    samples = frame_images(restyled(images))
    assert samples.views.shape == (6, SIDE, SIDE)
    assert [SEQUENCES[index] for index in samples.sequence] == [image.sequence for image in images]
    inputs = samples.inputs()
    assert inputs.shape == (6, 2, SIDE, SIDE)
    assert np.isfinite(inputs).all()


def test_the_networks_first_input_is_the_same_after_any_monotone_change_of_contrast():
    view = np.random.default_rng(0).integers(0, 16, (SIDE, SIDE)) / 16
    head = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2)) < 40
    np.testing.assert_allclose(network_input(view, head)[0], network_input(view**0.5, head)[0], atol=1e-6)
    assert abs(network_input(view, head)[1] - network_input(view**0.5, head)[1]).max() > 0.1
