"""Commands and code of Markdown pages, to be run or parsed by tests."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>console|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PROGRAM = "tumorscope"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: ``console``, whose lines of input begin with ``$ ``, or ``python``.
        text: what is between the fences.
        line: where it begins in its page.
        reason: why it is not run, from the comment ``<!-- not run: … -->`` before it; None where it is run.
    """

    language: str
    text: str
    line: int
    reason: str | None

    @property
    def script(self) -> str:
        """What a shell or Python runs."""
        if self.language == "python":
            return self.text
        return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith("$ "))

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command line of `tumorscope`; comments are left out."""
        if self.language != "console":
            return []
        lines = [shlex.split(line, comments=True) for line in self.script.replace("\\\n", " ").splitlines()]
        return [words for words in lines if words[:1] == [_PROGRAM]]


def code_blocks(page: Path) -> list[Block]:
    """The blocks of a page that are marked as console or Python."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["text"], text.count("\n", 0, found.start()) + 1, found["reason"])
        for found in _BLOCK.finditer(text)
    ]
