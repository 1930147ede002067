"""What a month owes when its run died after the decision: told once, of that decision, by the next run."""

import re
from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact

from pawtrait import clock
from pawtrait.adapters.store import database, ledger
from pipelines import month, owed, pages, retrain, workspace
from pipelines.processes import CommandError
from tests.pipelines.months import decisions, told, turned


class Died(BaseException):
    """As if the process were gone: nothing catches it."""


def _dies(*_: Any, **__: Any) -> None:
    raise Died


def _crowned(ws: workspace.Workspace, version: str, *_: Any) -> None:
    """As `pawtrait promote` does, whose stand-in knows no ledger."""
    if not any(one.action == "promoted" for one in decisions(ws.month)):
        month.write(ws.month, "promoted", ["better"], {"challenger": version, "figures": {}})
        _move("promoted", version)


def _move(action: str, version: str) -> None:
    with database.opened() as engine:
        now = clock.now()
        about = {"champion": version, "previous": "1", "version": version}
        ledger.add(engine, ledger.Decision(time=now, action=action, actor="rosa", **about))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """What goes to the webhook."""
    news: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(month, "announce", lambda event, facts, keep: news.append((event, facts)))
    monkeypatch.setattr(month, "_promote", _crowned)
    return news


@pytest.mark.parametrize(
    ("store", "browsed", "shown"),
    [
        ("https://ann:secret@mlflow/", "", "https://ann@mlflow/#/models"),
        ("postgresql://ann:secret@host/db", "", "http://127.0.0.1:5000/#/models"),
        ("http://mlflow:5000", "https://ann:secret@mlflow.example/", "https://ann@mlflow.example/#/models"),
    ],
)
def test_a_page_leads_to_the_registry_and_names_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, browsed: str, shown: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PAWTRAIT_MLFLOW_UI", browsed)
    link = pages._registry(workspace.Workspace(tmp_path, tmp_path / "clone", "2026-11"), "2")
    assert link.startswith(shown)


def test_the_last_words_of_a_build_that_failed_stay_in_their_cell_of_a_months_page() -> None:
    said = pages._table({"stages": "6 ran", "image": "none: docker failed (exit 1): no room | the end"})
    assert said.splitlines()[2:] == [
        "| stages | 6 ran |",
        r"| image | none: docker failed (exit 1): no room \| the end |",
    ]


def test_a_person_is_asked_beside_all_that_was_found_for_the_challenger_and_against_it() -> None:
    """The findings speak for neither: here is one of each kind."""
    found = ("the macro-F1 is 0.50 → 0.60", "a fall of over 0.15 cannot be ruled out for happy")
    verdict = {"challenger": "2", "objections": ["the test split has changed"], "sentences": found}
    assert pages.question("2026-11", verdict).splitlines() == [
        "**2026-11: should version 2 become champion?**",
        "",
        "**Objections**",
        "",
        "- the test split has changed",
        "",
        "**What was found**",
        "",
        "- the macro-F1 is 0.50 → 0.60",
        "- a fall of over 0.15 cannot be ruled out for happy",
    ]


KEPT = "the champion stays: too little evidence"
PROMOTED = "version 2 is champion: macro-F1 is 0.50"


@pytest.mark.parametrize(
    ("verdict", "action", "why"),
    [("keep", "kept", KEPT), pytest.param("promote", "promoted", PROMOTED, marks=pytest.mark.slow)],
)
def test_what_a_run_decided_and_did_not_live_to_tell_is_told_by_the_next(
    project: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    sent: Any,
    verdict: str,
    action: str,
    why: str,
) -> None:
    monkeypatch.setenv("TOY_VERDICT", verdict)
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "month", _dies)
        turned(reason="drift: it is darker")
    assert sent == []
    kept = project / ".cache/retrain/data/models/cnn.txt"
    kept.unlink()  # as if another month had been turned there
    state = turned()
    assert kept.exists()
    assert (state.name, state.message) == (action.capitalize(), f"2026-11: {why}")
    page = Artifact.get("retrain-2026-11")
    assert page is not None
    assert why in str(page.data) and "**cnn**" in str(page.data)
    facts = {"month": "2026-11", "outcome": why, "reason": "drift: it is darker"}
    assert sent == [(f"retrain.{action}", facts)]
    assert [one.action for one in decisions()] == [action]
    assert "is done already" in (turned().message or "")
    assert told(project).count("gate --version 2") == len(sent) == 1


def test_what_a_month_did_not_live_to_tell_is_told_before_the_next_is_turned(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "month", _dies)
        turned()
    monkeypatch.setattr(retrain, "catch_up", lambda: sent.append(("what was kept", {"month": "earlier"})))
    assert turned("2026-12").name == "Skipped"
    assert [(event, facts["month"]) for event, facts in sent] == [
        ("what was kept", "earlier"),
        ("retrain.kept", "2026-11"),
        ("retrain.skipped", "2026-12"),
    ]
    page = Artifact.get("retrain-2026-11")
    assert page is not None and KEPT in str(page.data)
    assert owed.months(project / ".cache/retrain") == []


@pytest.mark.slow
def test_what_cannot_be_told_keeps_no_other_month_back_and_is_told_later(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    def away(*_: Any) -> None:
        raise CommandError("MLflow is away")

    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "month", _dies)
        turned()
    with monkeypatch.context() as patch:
        patch.setattr(month, "finish", away)
        assert turned("2026-12").name == "Skipped"
    assert owed.months(project / ".cache/retrain") == ["2026-11"]
    assert "is done already" in (turned("2026-12").message or "")
    assert [event for event, _ in sent] == ["retrain.skipped", "retrain.kept"]


@pytest.mark.slow
def test_a_skipped_month_that_was_not_told_is_told_by_the_next(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    turned()
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "skipped", _dies)
        turned("2026-12")
    state = turned("2026-12")
    assert state.name == "Skipped" and "up to date at commit" in (state.message or "")
    assert [event for event, _ in sent] == ["retrain.kept", "retrain.skipped"]
    assert "is done already" in (turned("2026-12").message or "")
    assert [one.action for one in decisions("2026-12")] == ["skipped"]


@pytest.mark.slow
def test_what_was_not_told_is_told_before_the_month_is_turned_again(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "month", _dies)
        turned()
    assert turned(again=True, reason="drift: darker").name == "Skipped"
    assert [event for event, _ in sent] == ["retrain.kept", "retrain.skipped"]


@pytest.mark.slow
def test_a_turn_again_that_died_before_its_decision_tells_nothing_of_the_old_one(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    turned()
    monkeypatch.setenv("TOY_VERDICT", "promote")
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(month, "_decide", _dies)
        turned(again=True)
    assert "is done already (kept: too little evidence)" in (turned().message or "")
    assert [event for event, _ in sent] == ["retrain.kept"]
    assert turned(again=True).message == f"2026-11: {PROMOTED}"


@pytest.mark.slow
def test_a_promotion_that_was_taken_back_before_it_was_told_is_told_as_past(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    monkeypatch.setenv("TOY_VERDICT", "promote")
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(pages, "month", _dies)
        turned()
    _move("rolled-back", "1")
    assert re.search(r"version 2 became champion on [\d-]+; now it is version 1$", turned().message or "")


@pytest.mark.slow
def test_the_first_champion_does_not_end_a_month_that_died_before_it_was_judged(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    """Its line in the ledger is the registration's."""
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(month, "_judged", lambda ws, _: (_crowned(ws, "2"), _dies()))
        turned()
    assert [one.action for one in decisions()] == ["promoted"]
    assert turned().message == f"2026-11: {KEPT}"
    assert [event for event, _ in sent] == ["retrain.kept"]
