"""Looks and snapshots; and the database itself refuses to change a row, or to delete from the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNCHANGED = (
    *("requests", "feedback", "reviews", "style_feedback", "looks"),
    *("snapshots", "settled", "forgotten", "decisions"),
)
UNDELETED = ("forgotten", "decisions", "snapshots")


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("picture", name=op.f("pk_looks")),
    )
    op.create_index(op.f("ix_looks_time"), "looks", ["time"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_time"), "snapshots", ["time"], unique=False)
    if _postgresql():
        op.execute(
            "CREATE FUNCTION pawtrait_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
        )
    for table, event in _guarded():
        op.execute(_guard(table, event))


def downgrade() -> None:
    for table, event in _guarded():
        op.execute(f"DROP TRIGGER {_name(table, event)}" + (f" ON {table}" if _postgresql() else ""))
    if _postgresql():
        op.execute("DROP FUNCTION pawtrait_refuse()")
    op.drop_table("snapshots")
    op.drop_table("looks")


def _guarded() -> list[tuple[str, str]]:
    return [(table, "UPDATE") for table in UNCHANGED] + [(table, "DELETE") for table in UNDELETED]


def _name(table: str, event: str) -> str:
    return f"{table}_no_{event.lower()}"


def _guard(table: str, event: str) -> str:
    trigger = f"CREATE TRIGGER {_name(table, event)} BEFORE {event} ON {table}"
    if _postgresql():
        return f"{trigger} FOR EACH ROW EXECUTE FUNCTION pawtrait_refuse()"
    return f"{trigger} BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"


def _postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
