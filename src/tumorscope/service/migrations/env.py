"""Alembic's environment: runs in the service's transaction, or on the database of ``sqlalchemy.url``."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from tumorscope.service.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def _migrate() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "").connect() as own:
        _run(own)
        own.commit()


if hasattr(context, "config"):  # not while doctests import this file
    _migrate()
