"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=True),
        sa.Column("champion", sa.String(length=16), nullable=True),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "action IN ('promoted', 'kept', 'waiting', 'rolled-back', 'skipped', 'failed')",
            name=op.f("ck_decisions_action"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decisions_month"), ["month"], unique=False)
        batch_op.create_index(batch_op.f("ix_decisions_time"), ["time"], unique=False)

    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=True),
        sa.Column("thumbs", sa.Integer(), nullable=True),
        sa.Column("predicted", sa.String(length=16), nullable=True),
        sa.Column("model_version", sa.String(length=16), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.CheckConstraint("source IN ('user', 'in-house')", name=op.f("ck_feedback_source")),
        sa.CheckConstraint(
            "label IS NOT NULL OR thumbs IS NOT NULL", name=op.f("ck_feedback_says_something")
        ),
        sa.CheckConstraint("thumbs IN (-1, 1)", name=op.f("ck_feedback_thumbs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_client"), ["client"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_picture"), ["picture"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_request"), ["request"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_time"), ["time"], unique=False)

    op.create_table(
        "forgotten",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.String(length=64), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=True),
        sa.Column("months", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten")),
    )
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_forgotten_picture"), ["picture"], unique=False)
        batch_op.create_index(batch_op.f("ix_forgotten_time"), ["time"], unique=False)

    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("error_kind", sa.String(length=64), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=True),
        sa.Column("brightness", sa.Float(), nullable=True),
        sa.Column("sharpness", sa.Float(), nullable=True),
        sa.Column("model_name", sa.String(length=64), nullable=True),
        sa.Column("model_version", sa.String(length=16), nullable=True),
        sa.Column("label", sa.String(length=16), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("method", sa.String(length=16), nullable=True),
        sa.Column("style", sa.String(length=128), nullable=True),
        sa.Column("strength", sa.Float(), nullable=True),
        sa.CheckConstraint("kind IN ('predict', 'stylize')", name=op.f("ck_requests_kind")),
        sa.CheckConstraint("outcome IN ('ok', 'error')", name=op.f("ck_requests_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_requests_picture"), ["picture"], unique=False)
        batch_op.create_index(batch_op.f("ix_requests_time"), ["time"], unique=False)

    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("picture", "reviewer", name=op.f("uq_reviews_picture")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reviews_picture"), ["picture"], unique=False)
        batch_op.create_index(batch_op.f("ix_reviews_time"), ["time"], unique=False)

    op.create_table(
        "settled",
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("picture", name=op.f("pk_settled")),
    )
    with op.batch_alter_table("settled", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settled_month"), ["month"], unique=False)
        batch_op.create_index(batch_op.f("ix_settled_time"), ["time"], unique=False)

    op.create_table(
        "style_feedback",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("style", sa.String(length=128), nullable=False),
        sa.Column("strength", sa.Float(), nullable=False),
        sa.Column("thumbs", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.CheckConstraint("thumbs IN (-1, 1)", name=op.f("ck_style_feedback_thumbs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_style_feedback")),
    )
    with op.batch_alter_table("style_feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_style_feedback_request"), ["request"], unique=False)
        batch_op.create_index(batch_op.f("ix_style_feedback_time"), ["time"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("style_feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_style_feedback_time"))
        batch_op.drop_index(batch_op.f("ix_style_feedback_request"))

    op.drop_table("style_feedback")
    with op.batch_alter_table("settled", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_settled_time"))
        batch_op.drop_index(batch_op.f("ix_settled_month"))

    op.drop_table("settled")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reviews_time"))
        batch_op.drop_index(batch_op.f("ix_reviews_picture"))

    op.drop_table("reviews")
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_requests_time"))
        batch_op.drop_index(batch_op.f("ix_requests_picture"))

    op.drop_table("requests")
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_forgotten_time"))
        batch_op.drop_index(batch_op.f("ix_forgotten_picture"))

    op.drop_table("forgotten")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feedback_time"))
        batch_op.drop_index(batch_op.f("ix_feedback_request"))
        batch_op.drop_index(batch_op.f("ix_feedback_picture"))
        batch_op.drop_index(batch_op.f("ix_feedback_client"))

    op.drop_table("feedback")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decisions_time"))
        batch_op.drop_index(batch_op.f("ix_decisions_month"))

    op.drop_table("decisions")
