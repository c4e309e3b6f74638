"""One analysis in a process of its own: ``python -m tumorscope.pacs.worker PROCESSOR FOLDER OUT BUNDLE``.

What breaks here, to a crash in a C library, ends this process only. It ends itself when its
standard input closes, which is how it learns that the node is gone. Its only line of output
is JSON: ``{"results": [...]}``, paths below OUT, ``{"failure": "..."}`` or ``{"crash": "..."}``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tumorscope.errors import TumorscopeError, where

Processor = Callable[[Path, Path, str], list[Path]]
"""From a folder of images, a folder for results and a bundle's name to the DICOM objects made."""


def load_processor(name: str) -> Processor:
    """The function named ``module:function``.

    >>> load_processor("tumorscope.pacs.processing:process_study").__name__
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
    """Run the analysis that the arguments name, and answer on standard output."""
    processor, folder, out, bundle = sys.argv[1:]
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    try:
        results = load_processor(processor)(Path(folder), Path(out), bundle)
        said = {"results": [path.relative_to(out).as_posix() for path in results]}
    except TumorscopeError as error:
        said = {"failure": " ".join(str(error).split())}
    except MemoryError:
        said = {"failure": "not enough memory"}
    except Exception as error:
        said = {"crash": where(error)}
    answer.write(json.dumps(said) + "\n")
    answer.close()


def _end_with_the_node() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
