"""The log of the programs that run as servers."""

from __future__ import annotations

import logging


def log_to_stderr(**levels: int) -> None:
    """Write log messages with their time to standard error.

    Args:
        levels: by name of the logger, with ``_`` for ``.``.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    for name, level in levels.items():
        logger = logging.getLogger(name.replace("_", "."))
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
