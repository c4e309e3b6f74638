"""The notebooks of ``examples/`` as pages: text as text, cells as code."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n", re.MULTILINE)
_LINK_TO_FILE = re.compile(r"\]\((\w+)\.py\)")


def notebook_pages() -> dict[str, str]:
    """The list of notebooks and a page for each, by path below ``docs/``."""
    listed = _LINK_TO_FILE.sub(r"](\1.md)", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    pages = {f"notebooks/{path.stem}.md": notebook_page(path) for path in sorted(EXAMPLES.glob("*.py"))}
    return {"notebooks/index.md": listed} | pages


def notebook_page(path: Path) -> str:
    """A notebook in the percent format as Markdown."""
    source = f"*This is `examples/{path.name}`: [how to open and run it](index.md).*"
    title, *cells = (_markdown(text) if markdown else _code(text) for markdown, text in cells_of(path))
    heading, _, introduction = title.partition("\n\n")
    return "\n\n".join([heading, introduction, source, *cells]) + "\n"


def cells_of(path: Path) -> list[tuple[bool, str]]:
    """Whether it is text, and the content, of each cell."""
    _, *parts = _CELL.split(path.read_text(encoding="utf-8"))
    return [(kind is not None, text.strip()) for kind, text in zip(parts[::2], parts[1::2], strict=True)]


def _markdown(text: str) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
