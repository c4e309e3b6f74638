"""The site's generated pages tell all of what they are made from, and link to headings that exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

import tumorscope
from tumorscope.cli.main import program
from tumorscope.recipes.experiment import AugmentationSettings, Recipe, recipe_folder
from tumorscope.recipes.renamed_keys import RENAMED_KEYS
from tumorscope.reporting.analysis_document import AnalysisDocument

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return documentation_module("reference")


@pytest.fixture(scope="module")
def notebooks() -> ModuleType:
    return documentation_module("notebooks")


def test_every_image_of_the_documents_is_shown_in_one() -> None:
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    shown = {image for page in pages for image in re.findall(r"images/([\w-]+\.\w+)\)", page.read_text("utf-8"))}

    assert shown == {path.name for path in (ROOT / "docs" / "images").iterdir()}


def documentation_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "documentation" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference) -> dict[str, str]:
    return reference.pages()


def rows(page: str) -> set[str]:
    """The first cells of all tables, where they are code."""
    return set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))


def test_every_command_has_its_section_with_every_option(pages):
    page = pages["reference/cli.md"]
    for name, command in get_command(program()).commands.items():  # type: ignore[attr-defined]
        section = re.search(rf"^## tumorscope {name}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert section is not None, name
        for option in command.params:
            if not getattr(option, "hidden", False) and option.param_type_name == "option":
                assert option.opts[0] in section[1], (name, option.opts)
    assert "--processor" not in page  # a hidden option


def test_every_request_has_its_section(pages, reference):
    page = pages["reference/http.md"]
    for path, methods in reference.openapi_document()["paths"].items():
        for method in methods:
            assert f"\n## {method.upper()} {path}\n" in page


def test_every_key_has_its_row(pages):
    assert {name for name in AnalysisDocument.model_fields if name != "schema_"} <= rows(pages["reference/analysis.md"])
    recipes = pages["reference/recipes.md"]
    assert set(Recipe.model_fields) | set(AugmentationSettings.model_fields) <= rows(recipes)
    assert {path.stem for path in recipe_folder().glob("*.yaml")} <= set(
        re.findall(r"^### (\S+)$", recipes, re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["http", "analysis", "recipes"])
def test_every_type_that_a_table_names_is_defined_on_the_page(name, pages):
    page = pages[f"reference/{name}.md"]
    headings = {heading.lower() for heading in re.findall(r"^#+ (\S+)$", page, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links
    assert links <= headings


def test_tables_have_as_many_cells_in_every_row_as_in_the_heading(pages):
    for page in pages.values():
        for table in re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE):
            counts = {len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) for line in table.splitlines()}
            assert len(counts) == 1, table[:300]


def test_every_renamed_key_is_in_the_upgrade_notes(reference):
    table = reference.renamed_keys()
    assert rows(table) == set(RENAMED_KEYS)
    assert "| `zoom` | `scale` |" in table
    assert "<!-- renamed keys of recipes -->" in (ROOT / "docs" / "upgrade.md").read_text()


def test_every_notebook_is_a_page_of_its_text_and_code(notebooks):
    pages = notebooks.notebook_pages()
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert set(pages) == {"notebooks/index.md", *(f"notebooks/{name}.md" for name in names)}
    assert all(f"({name}.md)" in pages["notebooks/index.md"] for name in names)
    page = pages["notebooks/clahe_enhancement.md"]
    assert page.startswith("# Does CLAHE help?\n\nContrast-limited adaptive")
    assert page.count("```python\n") == 3
    assert "# %%" not in page


def test_every_public_name_is_on_the_python_page(reference):
    names = set(re.findall(r"^::: tumorscope\.(\w+)$", reference.public_names(), re.MULTILINE))
    assert names == {name for name in tumorscope.__all__ if not name.startswith("_")}
