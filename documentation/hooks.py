"""Pages of the documentation site that are made while it is built: files of the root, and the reference.

MkDocs calls ``on_files`` (``hooks`` in ``mkdocs.yml``). Nothing of the reference is copied by hand: it comes from the
command line's own help, the service's OpenAPI document, and the pydantic models of results and recipes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Files of the repository's root that are pages of the site, in small letters."""
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_ROOT_FILE = re.compile(rf"(?:\.\./)?(?P<up>(?:\.\./)*)(?P<file>{'|'.join(map(re.escape, ROOT_PAGES))})(?P<anchor>#.*)?")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    sys.path.insert(0, str(ROOT / "src"))
    for source in ROOT_PAGES:
        files.append(File.generated(config, source.lower(), content=root_page(ROOT / source)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links that lead out of ``docs/`` in the repository lead to the same file's page here."""
    return _LINK.sub(lambda link: f"]({_on_the_site(link['target'])})", markdown)


def root_page(path: Path) -> str:
    """A file of the repository's root, with links as they are from within ``docs/``."""
    text = path.read_text(encoding="utf-8")
    return _LINK.sub(lambda link: f"]({link['target'].removeprefix('docs/')})", text)


def _on_the_site(target: str) -> str:
    """The same target, or the page of the root's file that it is.

    >>> _on_the_site("../README.md#install"), _on_the_site("../../CONTRIBUTING.md"), _on_the_site("output.md")
    ('readme.md#install', '../contributing.md', 'output.md')
    """
    match = _ROOT_FILE.fullmatch(target)
    return f"{match['up']}{match['file'].lower()}{match['anchor'] or ''}" if match else target
