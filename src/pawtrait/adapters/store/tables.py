"""The tables of the store. Rows are added; only ``forget`` deletes, and leaves a word.

The database itself refuses to change a row of any of them.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}
STYLE = 128  # characters of a painting's name that are written down
metadata = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """A time with its zone, kept in UTC; SQLite knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; give it as UTC")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _time() -> Column[datetime]:
    return Column("time", Moment, nullable=False, index=True)


def _picture(nullable: bool = True) -> Column[str]:
    """SHA-256 of the picture's bytes, hex: its name in the folder of pictures."""
    return Column("picture", String(64), nullable=nullable, index=True)


requests = Table(  # one row an answer of the service, written by it and read by monitoring
    "requests",
    metadata,
    _id(),
    _time(),
    Column("kind", String(16), nullable=False),  # predict | stylize
    Column("outcome", String(8), nullable=False),  # ok | error
    Column("error_kind", String(64)),  # the error's class: BadImage …; null when ok
    Column("latency_ms", Float, nullable=False),
    _picture(),
    Column("width", Integer),  # px
    Column("height", Integer),
    Column("bytes", Integer),
    Column("brightness", Float),  # mean grey, 0..255
    Column("sharpness", Float),  # variance of the Laplacian, as in the manifest
    Column("model_name", String(64)),  # of the registered model
    Column("model_version", String(16)),
    Column("label", String(16)),  # predict
    Column("confidence", Float),  # its probability
    Column("method", String(16)),  # stylize: nst | fast | cyclegan | hybrid
    Column("style", String(STYLE)),
    Column("strength", Float),
    CheckConstraint("kind IN ('predict', 'stylize')", name="kind"),
    CheckConstraint("outcome IN ('ok', 'error')", name="outcome"),
)

feedback = Table(  # a mood that somebody gave a picture, or a thumb for the model's
    "feedback",
    metadata,
    _id(),
    _time(),
    Column("request", String(64), index=True),  # null for labels that came in a file
    _picture(nullable=False),
    Column("source", String(16), nullable=False),  # user | in-house
    Column("client", String(64), nullable=False, index=True),  # salted fingerprint, or the annotator's name
    Column("consent", Boolean, nullable=False),  # may the picture be trained on
    Column("label", String(16)),  # the mood it shows; null where only thumbs were given
    Column("thumbs", Integer),  # +1 | -1 for the model's answer
    Column("predicted", String(16)),  # what the model had said
    Column("model_version", String(16)),
    Column("name", String(255), nullable=False),  # of the file, for people; never a path
    CheckConstraint("source IN ('user', 'in-house')", name="source"),
    CheckConstraint("thumbs IN (-1, 1)", name="thumbs"),
    CheckConstraint("label IS NOT NULL OR thumbs IS NOT NULL", name="says_something"),
)

reviews = Table(  # what a reviewer sees in a picture, the model's guess and the user's hidden from them
    "reviews",
    metadata,
    _id(),
    _time(),
    _picture(nullable=False),
    Column("reviewer", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),  # a mood, or `unusable`
    Column("reason", Text),  # of unusable: what is wrong with it
    UniqueConstraint("picture", "reviewer"),
)

style_feedback = Table(
    "style_feedback",
    metadata,
    _id(),
    _time(),
    Column("request", String(64), index=True),
    Column("client", String(64), nullable=False),
    Column("method", String(16), nullable=False),
    Column("style", String(STYLE), nullable=False),
    Column("strength", Float, nullable=False),
    Column("thumbs", Integer, nullable=False),
    Column("seconds", Float, nullable=False),  # that the portrait took
    CheckConstraint("thumbs IN (-1, 1)", name="thumbs"),
)

looks = Table(  # what can be known of a picture in quarantine by looking at it, as in the manifest
    "looks",
    metadata,
    Column("picture", String(64), primary_key=True),
    _time(),
    Column("facts", JSON, nullable=False),  # the fields of dataset.manifest.Record
)

snapshots = Table(  # that are settled: what such a month, or part of a month, holds stays as it is
    "snapshots",
    metadata,
    Column("month", String(8), primary_key=True),
    _time(),
)

settled = Table(  # what became of a picture in a month's snapshot: a picture is settled once
    "settled",
    metadata,
    Column("picture", String(64), primary_key=True),
    Column("month", String(8), nullable=False, index=True),  # YYYY-MM of the snapshot, or YYYY-MMb of a part
    _time(),
    Column("label", String(16)),  # that it enters training with; null where it was rejected
    Column("reason", Text, nullable=False),  # why it was accepted, or why not
)

forgotten = Table(  # that something was deleted on request; nothing of what it was
    "forgotten",
    metadata,
    _id(),
    _time(),
    Column("asked", String(64), nullable=False),  # the id that was to be forgotten
    _picture(),
    Column("months", JSON, nullable=False),  # older snapshots that hold the picture
)

decisions = Table(  # the ledger: who promoted what, when, why
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _time(),
    Column("month", String(7), index=True),  # of the retraining; null for a rollback by hand
    Column("model", String(64), nullable=False),  # registered name: pet-expression …
    Column("action", String(16), nullable=False),  # promoted kept waiting rolled-back skipped failed
    Column("version", String(16)),  # the challenger, or what a rollback goes to
    Column("champion", String(16)),  # the champion after it
    Column("previous", String(16)),  # the champion before it
    Column("actor", String(64), nullable=False),  # a person's name, or `retrain`
    Column("reasons", JSON, nullable=False),  # sentences
    Column("figures", JSON, nullable=False),  # flat numbers behind them
    Column("commit", String(40)),
    Column("sha256", String(64)),  # of the champion's model.onnx, where it moved
    CheckConstraint(
        "action IN ('promoted', 'kept', 'waiting', 'rolled-back', 'skipped', 'failed')", name="action"
    ),
)
