"""Operators: how the service fares, who is champion, what the months decided, what monitoring found."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pawtrait.app import desk, parts, shown, words
from pawtrait.app.client import Trouble

LEAD = "How the service is doing, which model is champion, what the months decided and monitoring found."
REPORT = "/v1/monitoring"


def page() -> None:
    """The page."""
    st.html(shown.hero("Behind the scenes", LEAD, quiet=True))
    if st.button("Look again", icon=":material/refresh:"):
        st.rerun()
    with desk.friendly(keyed=True):
        st.html(shown.tiles(_health()))
        facts = _models()
        _versions(facts["versions"])
        _months(facts["months"])
        _report()


def _models() -> Mapping[str, Any]:
    """By the app's own key, with which everybody comes; by the visitor's where that is not enough."""
    try:
        return desk.service().facts("/v1/models")
    except Trouble as trouble:
        if trouble.status not in (401, 403):
            raise
        return desk.staff().facts("/v1/models")


def _health() -> list[tuple[str, str, str]]:
    """Tiles; a service that lives and is not ready is told as such."""
    desk.service().facts("/healthz")
    try:
        ready = desk.service().facts("/readyz")
    except Trouble as trouble:
        why = words.UNREADY if trouble.status == 503 else str(trouble)
        return [("service", "alive", "but not ready"), ("why", "no model", why)]
    model = ready["model"]
    waiting = int(ready.get("feedback_waiting", 0))
    return [
        ("service", "ready", "alive, with a model"),
        ("champion", f"version {model['version']}", f"{model['kind']}, as {model['name']}"),
        ("feedback waiting", str(waiting), "safe on disk until the database takes it"),
    ]


def _versions(rows: Sequence[Mapping[str, Any]]) -> None:
    st.header("Versions")
    head = ("version", "macro-F1", "last decision", "when (UTC)", "now")
    told = [
        (
            str(row["version"]),
            _figure(row.get("macro_f1")),
            row.get("action") or "–",
            _day(row.get("time")),
            "champion" if row.get("champion") else "",
        )
        for row in rows
    ]
    st.html(
        shown.table("Versions of the model", head, told) if told else shown.empty("other", "No version yet.")
    )


def _months(rows: Sequence[Mapping[str, Any]] | None) -> None:
    """The ledger's decisions, the newest first; None where the service cannot reach it."""
    st.header("Months")
    if rows is None:
        st.html(shown.empty("other", "The ledger cannot be reached at the moment."))
        return
    head = ("month", "decision", "version", "when (UTC)", "why")
    told = [
        (
            row.get("month") or "–",
            row.get("action") or "–",
            str(row.get("version") or "–"),
            _day(row.get("time")),
            " ".join(row.get("reasons") or ()),
        )
        for row in reversed(rows)
    ]
    nothing = shown.empty("other", "No month has been decided yet: the ledger is empty.")
    st.html(shown.table("What the months decided", head, told) if told else nothing)


def _report() -> None:
    """The monitoring report: one HTML page, shown in a frame of its own."""
    st.header("Monitoring")
    try:
        page = desk.staff().page(REPORT)
    except Trouble as trouble:
        if trouble.status != 404:
            raise
        st.html(shown.empty("other", "No report yet: the command “pawtrait monitor” writes one."))
        return
    parts.sheet("The monitoring report", page)


def _figure(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


def _day(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else "–"
