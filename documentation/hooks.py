"""Pages of the documentation site that are made while it is built: files of the root, and the reference.

MkDocs calls ``on_files`` (``hooks`` in ``mkdocs.yml``). Nothing of the reference is copied by hand: it comes from the
command line's own help, the service's OpenAPI document, and the pydantic models of results and recipes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from notebooks import notebook_pages
from reference import colors_table, pages, public_names, renamed_keys

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Files of the repository's root that are pages of the site, in small letters."""
GENERATED: dict[str, Callable[[], str]] = {
    "<!-- the table of segments' colors -->": colors_table,
    "<!-- public names of tumorscope -->": public_names,
    "<!-- renamed keys of recipes -->": renamed_keys,
}
"""What is put into pages in place of a comment."""
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_EXAMPLES = re.compile(r"(?:\.\./)?(?P<up>(?:\.\./)*)examples/README\.md")
_ROOT_FILE = re.compile(
    rf"(?:\.\./)?(?P<up>(?:\.\./)*)(?P<file>{'|'.join(map(re.escape, ROOT_PAGES))})(?P<anchor>#.*)?"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    sys.path.insert(0, str(ROOT / "src"))
    made = {source.lower(): root_page(ROOT / source) for source in ROOT_PAGES} | pages() | notebook_pages()
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put in generated tables; lead links out of ``docs/`` in the repository to the same file's page here."""
    for mark, make in GENERATED.items():
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return _LINK.sub(lambda link: f"]({_on_the_site(link['target'])})", markdown)


def root_page(path: Path) -> str:
    """A file of the repository's root, with links as they are from within ``docs/``."""
    text = path.read_text(encoding="utf-8")
    return _LINK.sub(lambda link: f"]({link['target'].removeprefix('docs/')})", text)


def _on_the_site(target: str) -> str:
    """The same target, or the page of the root's file that it is.

    >>> _on_the_site("../README.md#install"), _on_the_site("../../CONTRIBUTING.md"), _on_the_site("output.md")
    ('readme.md#install', '../contributing.md', 'output.md')
    >>> _on_the_site("examples/README.md")
    'notebooks/index.md'
    """
    examples = _EXAMPLES.fullmatch(target)
    if examples:
        return f"{examples['up']}notebooks/index.md"
    match = _ROOT_FILE.fullmatch(target)
    return f"{match['up']}{match['file'].lower()}{match['anchor'] or ''}" if match else target
