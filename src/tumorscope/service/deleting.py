"""Removing a study: its entry and its files, also where the disk is full."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.service.catalog import Catalog
from tumorscope.service.database import is_full
from tumorscope.service.folders import Folders, Removed


def remove_study(study_id: str, catalog: Catalog, folders: Folders, unchanged_since: datetime | None = None) -> bool:
    """Remove a study with all its files; whether it was there.

    Files go out of sight in the transaction that strikes the study out, so that no end of this process
    leaves files of a study that nobody knows. A database without room for that transaction gets it from
    the files.

    Args:
        study_id: the study.
        catalog, folders: of the service.
        unchanged_since: only if it has been done or failed since before this moment.

    Raises:
        SQLAlchemyError: the database cannot be used; the study is as it was, or, where the disk is full
            even so, without files.
    """
    taken: list[Removed] = []
    try:
        found = catalog.delete(study_id, unchanged_since, lambda: taken.append(folders.put_aside(study_id)))
    except SQLAlchemyError as error:
        if not is_full(error):
            for each in taken:
                each.requeue()
            raise
        if unchanged_since is None:  # asked for by a person; the statement itself may not have come so far
            taken = taken or [folders.put_aside(study_id)]
        for each in taken:
            each.discard()
        found = catalog.delete(study_id, unchanged_since)
    for each in taken:
        each.discard()
    return found
