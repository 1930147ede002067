"""Alembic's entry: every migration runs on the connection that ``database`` gives."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from pawtrait.adapters.store.tables import Moment, metadata


def rendered(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """A new migration names plain types, so that it outlives our own."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
    transactional_ddl=True,  # SQLite too: a process that dies in between leaves nothing behind
    render_item=rendered,
)
with context.begin_transaction():
    context.run_migrations()
