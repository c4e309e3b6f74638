"""What names the version names the same one."""

import re
import tomllib
from pathlib import Path

import yaml

from tumorscope import __version__

ROOT = Path(__file__).parents[1]


def test_program_citation_and_changes_name_one_version():
    newest = re.search(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_the_sdist_has_what_the_documentation_site_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = {name.removeprefix("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    assert packed >= {"mkdocs.yml", "docs", "documentation", "examples", "recipes"}
    pages = re.search(r"ROOT_PAGES = \(([^)]*)\)", (ROOT / "documentation" / "hooks.py").read_text())
    assert pages is not None
    assert packed >= set(re.findall(r'"([^"]+)"', pages[1]))
