import errno
import os
from pathlib import Path

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import LONGEST_NAME, safe_name, save_together, save_whole

NAMES = [
    "../../x", "", "..", ".", "/", "/etc/passwd", "C:\\x", "Müller^Anna", "a" * 500, " ", ".hidden", "-rf", "CON",
    "nul.txt", "患者", "a\nb\0c", "<script>", "\udcff", "x.", "a" * 79 + ".b",
]  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_any_case_gets_a_name_that_is_safe_on_every_system(case: str):
    name = safe_name(case)
    assert name
    assert len(name) <= LONGEST_NAME
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert name[0] not in ".-"
    assert name[-1] != "."
    assert ".." not in name
    assert name.split(".")[0].lower() not in {"con", "nul"}


@pytest.mark.parametrize("case", NAMES)
def test_a_safe_name_stays_as_it_is(case: str):
    assert safe_name(safe_name(case)) == safe_name(case)


def test_names_that_need_no_change_keep_their_letters():
    assert safe_name("TCGA_CS_4941_19960909") == "TCGA_CS_4941_19960909"
    assert safe_name("scan 3 (b)").startswith("scan_3_")
    assert safe_name("Müller^Anna").startswith("Muller_Anna-")
    assert safe_name("") == "case"


def test_cases_that_lose_different_letters_do_not_share_a_folder():
    assert len({safe_name(case) for case in ("患者", "张", "李", "^", "..")}) == 5


def test_a_file_is_written_with_its_folders(tmp_path: Path):
    path = save_whole(tmp_path / "a" / "b" / "c.txt", b"content")
    assert path.read_bytes() == b"content"
    assert [found.name for found in path.parent.iterdir()] == ["c.txt"]


def test_a_new_file_is_as_readable_as_others(tmp_path: Path):
    (tmp_path / "plain").write_bytes(b"")
    path = save_whole(tmp_path / "c.txt", b"content")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(TumorscopeError, match=r"out/case: a file is in the way") as caught:
        save_whole(tmp_path / "out" / "case" / "c.txt", b"content")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out").read_text() == "mine"


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the disk be full once some files are written."""
    written = []

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_disk_leaves_neither_files_nor_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    full_disk(monkeypatch, after=1)
    with pytest.raises(TumorscopeError, match=r"b\.txt: no space left"):
        save_together(tmp_path / "out" / "case", {"a.txt": b"a", "b.txt": b"b"})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_earlier_results_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_together(tmp_path, {"a.txt": b"old a", "b.txt": b"old b"})
    full_disk(monkeypatch, after=1)
    with pytest.raises(TumorscopeError, match="no space left"):
        save_together(tmp_path, {"a.txt": b"new a", "b.txt": b"new b"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"old a", "b.txt": b"old b"}


def test_without_permission_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TumorscopeError, match=r"a\.txt: no permission"):
        save_together(tmp_path / "out", {"a.txt": b"a"})
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_together(tmp_path / "out", {"a.txt": b"a"})
    assert list(tmp_path.iterdir()) == []


def test_the_seal_never_stands_beside_files_of_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_together(tmp_path, {"a.txt": b"old", "seal.txt": b"old"})
    rename = Path.replace
    seen = []

    def watch(self: Path, target: Path) -> Path:
        seen.append((target.name, (tmp_path / "seal.txt").exists()))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", watch)
    save_together(tmp_path, {"a.txt": b"new", "seal.txt": b"new"})
    assert seen == [("a.txt", False), ("seal.txt", False)]


def test_a_folder_in_a_files_place_is_named_before_anything_changes(tmp_path: Path):
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(TumorscopeError, match=r"b\.txt: a folder is in the way"):
        save_together(tmp_path, {"a.txt": b"a", "b.txt": b"b"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_no_files_at_all_are_not_an_error(tmp_path):
    assert save_together(tmp_path, {}) == {}
    assert list(tmp_path.iterdir()) == []
