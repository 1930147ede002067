"""A month may have parts, named YYYY-MM and a letter: room for it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

GUARDS = {"snapshots": ("UPDATE", "DELETE"), "settled": ("UPDATE",)}  # as 0002 has them


def upgrade() -> None:
    _resize(7, 8)


def downgrade() -> None:
    _resize(8, 7)


def _resize(before: int, after: int) -> None:
    for table, events in GUARDS.items():
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "month",
                existing_type=sa.String(length=before),
                type_=sa.String(length=after),
                existing_nullable=False,
            )
        if (
            op.get_bind().dialect.name == "sqlite"
        ):  # which makes the table anew; triggers went with the old one
            for event in events:
                op.execute(
                    f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
                )
