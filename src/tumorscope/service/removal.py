"""Remove a study with its record and its files, even if the disk is full."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.service.catalog import Catalog
from tumorscope.service.database import is_full
from tumorscope.service.study_folders import Folders, Removal


def remove_study(study_id: str, catalog: Catalog, folders: Folders, unchanged_since: datetime | None = None) -> bool:
    """Remove a study with all its files; whether it existed.

    The files are hidden in the transaction that deletes the record, so that a crash at any moment leaves no
    files without a record. If the disk is too full for that transaction, the files are deleted first.

    Args:
        study_id: the study.
        catalog, folders: of the service.
        unchanged_since: remove it only if it has been done or failed since before this moment.

    Raises:
        SQLAlchemyError: the database cannot be used; the study is unchanged or, if the disk is still full,
            without its files.
    """
    hidden: list[Removal] = []
    try:
        existed = catalog.delete(study_id, unchanged_since, lambda: hidden.append(folders.hide(study_id)))
    except SQLAlchemyError as error:
        if not is_full(error):
            for each in hidden:
                each.restore()
            raise
        if unchanged_since is None:  # requested by a user; the statement may have failed before it hid the files
            hidden = hidden or [folders.hide(study_id)]
        for each in hidden:
            each.discard()
        existed = catalog.delete(study_id, unchanged_since)
    for each in hidden:
        each.discard()
    return existed
