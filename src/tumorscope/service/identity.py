"""The folder of studies and the database belong together; a random text in both proves it.

A database that is lost, restored from an older backup or named by mistake lists other studies than the
folder holds; a service that trusted it would discard every stored study. Folder and database therefore
carry the same random text. It is written once, for a new pair or a pair with the same studies.
"""

from __future__ import annotations

import secrets

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.study_folders import Folders


def join_identity(catalog: Catalog, folders: Folders) -> None:
    """Check at startup that folder and database belong together; a new pair gets an identity.

    Raises:
        TumorscopeError: the folder has studies and the database is empty or of another service, or vice versa;
            or one of the two cannot be read.
    """
    try:
        reason = catalog.problem()
        if reason is not None:
            raise TumorscopeError(f"{catalog.address}: {reason}; restore it, and {folders.data}, from one backup")
        recorded, marked = catalog.identity(), folders.identity()
        if recorded is not None and recorded == marked:
            _check_not_emptied(catalog, folders)
            return
        _check_different(recorded, marked, catalog, folders)
        _check_studies(catalog, folders)
        # Processes that start together agree on the text of the first.
        agreed = folders.mark(recorded or secrets.token_hex(16))
        catalog.mark(agreed)
    except SQLAlchemyError as error:
        raise TumorscopeError(f"{catalog.address}: cannot be used ({type(error).__name__})") from error
    except OSError as error:
        raise TumorscopeError(f"{folders.data}: cannot be used ({(error.strerror or '').lower()})") from error
    check_identity(catalog, folders)


def check_identity(catalog: Catalog, folders: Folders) -> None:
    """Repeat the check before a study that is missing in the database is moved.

    Raises:
        TumorscopeError: folder and database carry different identities, or none.
    """
    recorded, marked = catalog.identity(), folders.identity()
    if recorded is None or recorded != marked:
        raise TumorscopeError(_mismatch(catalog, folders))


def _check_different(recorded: str | None, marked: str | None, catalog: Catalog, folders: Folders) -> None:
    if recorded is not None and marked is not None:
        raise TumorscopeError(_mismatch(catalog, folders))


def _check_not_emptied(catalog: Catalog, folders: Folders) -> None:
    """Refuse a database that was emptied or restored to an empty state.

    A folder without results does not count: an interrupted upload leaves one.
    """
    if catalog.ids():
        return
    analyzed = sum(folders.has_results(study) for study in folders.studies())
    if analyzed:
        raise TumorscopeError(_empty(analyzed, catalog, folders))


def _check_studies(catalog: Catalog, folders: Folders) -> None:
    """Refuse a pair without a common study of which at most one side has an identity."""
    known, stored = catalog.ids(), folders.studies()
    if stored and not known:
        raise TumorscopeError(_empty(len(stored), catalog, folders))
    if known and not known & stored:
        raise TumorscopeError(_mismatch(catalog, folders))


def _empty(count: int, catalog: Catalog, folders: Folders) -> str:
    what = "a study" if count == 1 else f"{count} studies"
    return (
        f"{folders.data} holds {what}, but the database {catalog.address} is empty; "
        "name the folder's own database, restore it, or name another folder with --data"
    )


def _mismatch(catalog: Catalog, folders: Folders) -> str:
    return (
        f"{folders.data} and the database {catalog.address} belong to different services; "
        "name the pair that belongs together with --data and --database, or restore both from one backup"
    )
