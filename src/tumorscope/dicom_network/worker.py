"""One analysis in a separate process: ``python -m tumorscope.dicom_network.worker PROCESSOR TASK``, the task as JSON.

Any crash, even in a C library, ends only this process. It also ends when its standard input closes, that is,
when the node has ended. Its output is one line of JSON: ``{"results": [...]}`` with paths below the task's
output folder, ``{"failure": "..."}`` or ``{"crash": "..."}``.
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
        folder: with its images; its name becomes the case's name.
        out: receives the folder of the case.
        bundle: a name, a folder, or ``auto``.
        incomplete: why images may be missing; None if the study is complete.
        register: whether to co-register the series.
        earlier: folders of results of the same study that the new ones replace.
    """

    folder: Path
    out: Path
    bundle: str = "auto"
    incomplete: str | None = None
    register: bool = False
    earlier: tuple[Path, ...] = ()

    def to_json(self) -> str:
        """Serialize for the command line; see :meth:`from_json`."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Task:
        values = json.loads(text)
        folder, out, *earlier = map(Path, (values.pop("folder"), values.pop("out"), *values.pop("earlier")))
        return cls(folder=folder, out=out, earlier=tuple(earlier), **values)


Processor = Callable[[Task], list[Path]]
"""A function that analyzes a task and returns the created DICOM objects."""


def load_processor(name: str) -> Processor:
    """The function named ``module:function``.

    >>> load_processor("tumorscope.dicom_network.study_processor:process_study").__name__
    'process_study'

    Raises:
        TumorscopeError: there is no such function.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise TumorscopeError(f"{name}: no such function; write module:function") from error


def main() -> None:
    """Run the analysis of the arguments and write the response to standard output."""
    processor, task = sys.argv[1], Task.from_json(sys.argv[2])
    response = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the output of libraries is not part of the response
    threading.Thread(target=_end_with_node, daemon=True).start()
    try:
        results = load_processor(processor)(task)
        outcome = {"results": [path.relative_to(task.out).as_posix() for path in results]}
    except TumorscopeError as error:
        outcome = {"failure": " ".join(str(error).split())}
    except MemoryError:
        outcome = {"failure": "not enough memory"}
    except Exception as error:
        outcome = {"crash": where(error)}
    response.write(json.dumps(outcome) + "\n")
    response.close()


def _end_with_node() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
