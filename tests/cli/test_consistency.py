"""`tumorscope consistency` on a miniature data set with a shipped bundle."""

import json

import pytest
from making import write_miniature_lgg

from tumorscope.cli.consistency import command
from tumorscope.evaluation import consistency

FEW = tuple(change for change in consistency.CHANGES if change.name in {"8 bits", "mirrored"})


@pytest.fixture
def two_changes(monkeypatch):
    monkeypatch.setattr(consistency, "CHANGES", FEW)


def test_a_row_per_change_is_shown_and_saved(in_empty_folder, tmp_path, two_changes):
    write_miniature_lgg(tmp_path / "lgg", patients=3, slices=2, size=96)
    error, output = in_empty_folder(command)("lgg", tmp_path / "lgg", "--part", "all", "--limit", 2, "-o", "found")
    assert error is None, output
    for words in ("change", "8 bits", "mirrored", "still found", "Dice after", "refused", "consistency.json"):
        assert words in output
    content = json.loads((tmp_path / "found" / "consistency.json").read_text())
    assert (content["bundle"], content["dataset"], content["part"], content["cases"]) == ("lgg", "lgg", "all", 2)
    assert [(row["change"], row["cases"]) for row in content["rows"]] == [("8 bits", 2), ("mirrored", 2)]
    table = (tmp_path / "found" / "consistency.md").read_text().splitlines()
    assert len(table) == 4
    assert all(line.count("|") == table[0].count("|") for line in table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lgg", "nowhere", "--part", "all"), "no such folder"),
        (("lgg", "{}/lgg", "--part", "all", "--channel", "t2"), "not one case can be compared"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_leaves_nothing(
    in_empty_folder, tmp_path, two_changes, arguments, message
):
    write_miniature_lgg(tmp_path / "lgg", patients=1, slices=2, size=96)
    error, _ = in_empty_folder(command)(*(argument.format(tmp_path) for argument in arguments), "-o", "found")
    assert message in str(error)
    assert not (tmp_path / "found").exists()
