"""Detection of complete studies with a fake clock."""

import pytest

from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.journal import Journal

QUIET, PATIENCE = 10, 100


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Scene:
    """A journal, and the arrivals of successive processes."""

    def __init__(self, folder):
        self.folder = folder
        self.journal = Journal(folder / "journal.sqlite")
        self.clock = Clock()
        self.restart()

    def restart(self):
        self.arrivals = Arrivals(self.journal, QUIET, PATIENCE, self.clock)

    def image(self, sender, image, study="s"):
        (self.folder / image).touch()
        self.arrivals.begins(sender, study)
        arrival = self.journal.receive(study, study, image, image, True)
        self.arrivals.came(sender, study, arrival)

    def complete_after(self, seconds):
        self.clock.now += seconds
        return self.arrivals.mark_complete()


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_a_study_is_complete_after_the_quiescence(scene):
    scene.image("a", "1")
    scene.arrivals.left("a", well=True)
    assert scene.complete_after(QUIET - 1) == []
    assert scene.complete_after(1) == ["s"]
    assert scene.complete_after(QUIET) == [], "it is ready now"


def test_an_open_association_holds_its_study_and_no_other(scene):
    scene.image("a", "1")
    scene.image("b", "2", study="t")
    scene.arrivals.left("b", well=True)
    assert scene.complete_after(10 * PATIENCE) == ["t"]
    scene.arrivals.left("a", well=True)
    assert scene.complete_after(QUIET) == ["s"]


def test_the_last_of_two_associations_counts(scene):
    scene.image("a", "1")
    scene.image("b", "2")
    scene.arrivals.left("a", well=True)
    assert scene.complete_after(PATIENCE) == []
    scene.arrivals.left("b", well=True)
    assert scene.complete_after(QUIET) == ["s"]


def test_an_aborted_association_gets_the_longer_timeout(scene):
    scene.image("a", "1")
    scene.arrivals.left("a", well=False)
    assert scene.complete_after(PATIENCE - 1) == []
    assert scene.complete_after(1) == ["s"]


def test_a_sender_that_came_back_and_finished_ends_the_longer_timeout(scene):
    scene.image("a", "1")
    scene.arrivals.left("a", well=False)
    scene.image("b", "1")
    scene.image("b", "2")
    assert [(each.new, each.known) for each in scene.arrivals.left("b", well=True)] == [(1, 1)]
    assert scene.complete_after(QUIET) == ["s"]


def test_after_a_restart_interrupted_studies_get_the_longer_timeout(scene):
    scene.image("a", "1", study="cut off")
    scene.image("b", "2", study="whole")
    scene.arrivals.left("b", well=True)
    scene.clock.now += 1000
    scene.restart()
    assert scene.complete_after(QUIET - 1) == []
    assert scene.complete_after(1) == ["whole"]
    assert scene.complete_after(PATIENCE - QUIET) == ["cut off"]


def test_an_image_before_the_analysis_returns_the_study_to_receiving(scene):
    scene.image("a", "1")
    scene.arrivals.left("a", well=True)
    assert scene.complete_after(QUIET) == ["s"]
    scene.image("b", "2")
    assert scene.journal.begin("s") is None
