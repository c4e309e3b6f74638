"""Studies and their revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "studies",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("bundle", sa.Text, nullable=False),
        sa.Column("fetch", sa.Text),
        sa.Column("upload", sa.String(64)),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(32)),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("created", moment, nullable=False),
        sa.Column("changed", moment, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("summary", sa.JSON),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("lease", moment),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("upload", "place", name="uq_studies_upload_place"),
    )
    op.create_index("ix_studies_created_id", "studies", ["created", "id"])
    op.create_index("ix_studies_state_changed", "studies", ["state", "changed"])
    op.create_table(
        "revisions",
        sa.Column("study", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", moment, nullable=False),
        sa.PrimaryKeyConstraint("study", "number", name="pk_revisions"),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], ondelete="CASCADE", name="fk_revisions_study"),
    )


def downgrade() -> None:
    op.drop_table("revisions")
    op.drop_table("studies")
