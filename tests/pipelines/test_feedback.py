"""The nightly flow over quarantine: its artifact, its one line, and no retry that hides a fault."""

from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact

from pawtrait import newest
from pawtrait.adapters.store import pictures
from pawtrait.dataset.feedback import Ruling
from pawtrait.quarantine import Quarantine
from pawtrait.stages import collect
from pipelines import feedback
from pipelines.feedback import ARTIFACT, collect_feedback, look_and_judge, page, told
from tests.stages import feedback_project as project
from tests.stages.feedback_project import send


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return project.enter(tmp_path, monkeypatch)


def test_the_page_counts_and_gives_reasons_most_frequent_first() -> None:
    small = [Ruling(str(n), "rejected", "20x20 px") for n in range(3)]
    rulings = [*small, Ruling("7", "held", "wait for more"), Ruling("8", "waiting", ""), *_accepted("sad")]
    quarantine = Quarantine({}, rulings)
    assert told(quarantine) == (
        "6 pictures in quarantine: 1 wait for a reviewer, 1 are accepted, 3 rejected, 1 held back"
    )
    lines = page(quarantine, ["ann and ben agree"]).splitlines()
    assert lines[0] == told(quarantine) + "."
    assert "- sad: 1 accepted" in lines and "- ann and ben agree" in lines
    assert lines.index("| 3 | rejected | 20x20 px |") + 1 == lines.index("| 1 | held | wait for more |")


def test_what_a_reviewer_writes_is_text_on_the_page_and_no_markdown() -> None:
    rulings = [Ruling("1", "rejected", "a | b\n![](http://x/y.png)")]
    lines = page(Quarantine({}, rulings), ["ann_b and\n# ben agree"]).splitlines()
    assert r"| 1 | rejected | a \| b !\[\](http://x/y.png) |" in lines
    assert r"- ann\_b and \# ben agree" in lines


def _accepted(label: str) -> list[Ruling]:
    return [Ruling("9", "accepted", "2 of 2 reviewers say so", label)]


def test_a_night_looks_at_what_is_new_and_leaves_an_artifact(root: Path, server: str) -> None:
    send(1, "ann", reviews="ss"), send(2, "ben")
    state = collect_feedback(return_state=True)
    expected = "2 pictures in quarantine: 1 wait for a reviewer, 1 are accepted, 0 rejected, 0 held back"
    assert state.message == expected
    artifact = Artifact.get(ARTIFACT)
    assert artifact is not None and str(artifact.data).startswith(expected)


def test_what_no_other_try_can_mend_fails_at_once_in_one_line_that_is_announced(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    news: list[tuple[str, Any]] = []
    monkeypatch.setattr(feedback, "announce", lambda event, facts: news.append((event, facts)))
    newest.MANIFEST.write_text("half\n")
    state = collect_feedback(return_state=True)
    assert state.is_failed()
    assert (state.message or "").startswith("data/tables/manifest.csv")
    ((event, facts),) = news
    assert (event, "; ".join(facts.values())) == ("feedback failed", state.message)


def test_before_the_first_retraining_a_night_is_skipped(root: Path, server: str) -> None:
    newest.MANIFEST.unlink()
    state = collect_feedback(return_state=True)
    assert (state.name, state.is_completed()) == ("Skipped", True)


def test_a_store_that_cannot_be_reached_is_tried_again(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(1, "ann")
    tries: list[Path] = []
    run = collect.run

    def shaky(*, manifest: Path) -> Quarantine:
        tries.append(manifest)
        if len(tries) == 1:
            pictures.Pictures("nonsense://x")
        return run(manifest=manifest)

    monkeypatch.setattr(collect, "run", shaky)
    monkeypatch.setattr(look_and_judge, "retry_delay_seconds", [0, 0])
    assert collect_feedback(return_state=True).is_completed()
    assert len(tries) == 2
