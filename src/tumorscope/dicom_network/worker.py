"""One analysis in a process of its own: ``python -m tumorscope.dicom_network.worker PROCESSOR TASK``, the task as JSON.

What breaks here, to a crash in a C library, ends this process only. It ends itself when its
standard input closes, which is how it learns that the node is gone. Its only line of output
is JSON: ``{"results": [...]}``, paths below the task's folder for results, ``{"failure": "..."}`` or ``{"crash": "..."}``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tumorscope.core.errors import TumorscopeError, where


@dataclass(frozen=True)
class Task:
    """A study to analyze.

    Attributes:
        folder: with its images; the folder's name becomes the case's name.
        out: where the case's own folder goes.
        bundle: a name, a folder, or ``auto``.
        incomplete: why images may be missing; None where the study is whole.
        earlier: folders with results of the same study that the new ones replace.
    """

    folder: Path
    out: Path
    bundle: str = "auto"
    incomplete: str | None = None
    earlier: tuple[Path, ...] = ()

    def to_json(self) -> str:
        """For the command line; :meth:`from_json` is the way back."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Task:
        values = json.loads(text)
        folder, out, *earlier = map(Path, (values.pop("folder"), values.pop("out"), *values.pop("earlier")))
        return cls(folder=folder, out=out, earlier=tuple(earlier), **values)


Processor = Callable[[Task], list[Path]]
"""From a task to the DICOM objects made."""


def load_processor(name: str) -> Processor:
    """The function named ``module:function``.

    >>> load_processor("tumorscope.dicom_network.study_processor:process_study").__name__
    'process_study'

    Raises:
        TumorscopeError: there is none of that name.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise TumorscopeError(f"{name}: no such function; write module:function") from error


def main() -> None:
    """Run the analysis that the arguments name, and response on standard output."""
    processor, task = sys.argv[1], Task.from_json(sys.argv[2])
    response = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no response
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    try:
        results = load_processor(processor)(task)
        said = {"results": [path.relative_to(task.out).as_posix() for path in results]}
    except TumorscopeError as error:
        said = {"failure": " ".join(str(error).split())}
    except MemoryError:
        said = {"failure": "not enough memory"}
    except Exception as error:
        said = {"crash": where(error)}
    response.write(json.dumps(said) + "\n")
    response.close()


def _end_with_the_node() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
