"""Names and attempts, shared through a folder."""

from pathlib import Path

from tumorscope.studies.bulk.case_claims import MOST_ATTEMPTS, Attempts, NameRegistry, occurrence_indices
from tumorscope.studies.case import Case


def test_a_name_belongs_to_one_case_for_good(tmp_path):
    one, other = NameRegistry(tmp_path), NameRegistry(tmp_path)  # as two workers
    assert one.claim("scan", "/a/scan", 1) == "scan"
    assert other.claim("Scan", "/b/scan", 1) == "Scan-2"  # some disks do not tell a from A
    assert other.claim("scan", "/a/scan", 1) == "scan"
    assert one.claim("scan-2", "/c/scan-2", 1) == "scan-2-2"


def test_numbers_follow_the_order_of_the_cases_whatever_their_format():
    paths = ["a/scan.nii.gz", "a/other.png", "b/SCAN.mat", "c/scan"]
    assert occurrence_indices([Case(Path(path)) for path in paths]) == [1, 1, 2, 3]


def test_a_case_that_ends_badly_is_begun_only_so_often():
    attempts = Attempts()
    claims = [attempts.begin("x") for _ in range(MOST_ATTEMPTS + 1)]
    assert [claim and claim.attempt for claim in claims] == [1, 2, None]
    assert attempts.begin("x") is None
    other = attempts.begin("y")
    assert other is not None
    attempts.end(other)
    assert attempts.begin("y") is None, "it is done"
    assert Attempts().begin("x"), "after an interruption by the user"
