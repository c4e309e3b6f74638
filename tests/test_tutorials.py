"""Commands and code of the tutorials do what the pages say: all are run in order, in one folder, on the phantom.

A block that needs an archive, a second machine or an hour is marked ``<!-- not run: REASON -->`` in the page; its
commands are still parsed with the program's own options.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from code_blocks import Block, code_blocks
from dicom_making import Grid, write_study
from typer.main import get_command

from tumorscope.cli.main import program

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "get-started.md", *sorted((DOCS / "tutorials").glob("*.md")), *sorted((DOCS / "viewers").glob("*.md"))]
CHAPTERS = {
    "get-started": ["get-started.md"],
    "dicom-study": ["tutorials/dicom-study.md"],
    "own-data": ["tutorials/own-data.md", "tutorials/evaluate.md"],
    "hospital": ["tutorials/hospital.md"],
    "viewers": ["viewers/slicer.md", "viewers/itk-snap.md", "viewers/ohif.md", "viewers/programs.md"],
}
"""Pages of one chapter go on in one folder."""
NEEDS_STUDY = ("dicom-study", "viewers")
TIMEOUT_S = 900


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a user would, with `tumorscope` on the path."""
    program = folder.parent / "bin" / "tumorscope"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tumorscope "$@"\n')
        program.chmod(0o755)
    interpreter = [sys.executable, "-c"] if block.language == "python" else ["bash", "-euo", "pipefail", "-c"]
    return subprocess.run(
        [*interpreter, block.script],
        cwd=folder,
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_commands_and_code_work_in_the_order_of_the_page(chapter, tmp_path):
    if chapter == "own-data":
        pytest.importorskip("torch")
    folder = tmp_path / "here"
    folder.mkdir()
    if chapter in NEEDS_STUDY:
        write_study(folder / "study", ("flair", "t1"), Grid(shape=(16, 96, 96)), apart=True)
    for page in CHAPTERS[chapter]:
        for block in code_blocks(DOCS / page):
            if block.reason is None:
                done = run(block, folder)
                assert done.returncode == 0, f"{page}:{block.line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_line_has_the_program_s_own_options(page):
    blocks = code_blocks(page)
    assert blocks or page.read_text().count("```") == 0
    for block in blocks:
        for words in block.commands:
            parse(words[1:])


def parse(words: list[str]) -> None:
    """Parse a command line, of a subcommand if it names one; nothing is run."""
    command = get_command(program())
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context("tumorscope", words)


def test_every_page_of_the_tutorials_belongs_to_a_chapter():
    assert {DOCS / page for pages in CHAPTERS.values() for page in pages} == set(PAGES)
