"""A year's table: what was decided and why, in words that fit into a cell."""

import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pawtrait.adapters.store import database, ledger, settling
from pawtrait.adapters.store.ledger import Decision
from pawtrait.dataset.labels import LABELS
from pipelines import chronicle, people, year
from pipelines.git import git
from pipelines.processes import CommandError

ROOT = Path(__file__).parents[2]
MONTHS = [(f"2026-0{n}", story, datetime(2026, n, 1, tzinfo=UTC)) for n, story in ((1, "first"), (2, "more"))]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose store says something of its first month only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/feedback.db")
    with database.opened() as engine:
        for action, champion, reasons in (
            ("promoted", "2", ("On 64 pictures it is better.", "Let through: better by +0.38 macro-F1.")),
            ("failed", None, ("killed",)),
        ):
            ledger.add(
                engine,
                Decision(
                    time=MONTHS[0][2],
                    action=action,
                    actor="retrain",
                    champion=champion,
                    previous="1",
                    month="2026-01",
                    reasons=reasons,
                ),
            )
    Path("data/monitor").mkdir(parents=True)
    Path("data/monitor/2026-01-01.json").write_text(json.dumps({"alarms": ["drift of light: p < 0.01"]}))
    return tmp_path


def test_a_month_is_told_by_what_decided_it(project):
    first, second = chronicle.rows(MONTHS)
    assert first == chronicle.Row(
        *("2026-01", "first", "drift of light", "–", "promoted"),
        *("Let through: better by +0.38 macro-F1.", "version 2"),
    )
    assert second == chronicle.Row("2026-02", "more", "–", "–", "–", "–", "–")


def test_the_readmes_lines_are_made_of_the_same_rows(project):
    said = chronicle.results(chronicle.rows(MONTHS), 16.44, "abcdef0123456789", "2 cores")
    assert said["sentences"][2].startswith("| 2026-01 | first | drift of light |")
    assert said["sentences"][-1] == "2 months in 16.4 minutes on 2 cores; commit `abcdef0123`."
    assert said["months"][0]["champion"] == "version 2" and said["minutes"] == 16.4
    dirty = chronicle.results([], 1, "ab" * 20 + "-dirty", "2 cores")
    assert dirty["sentences"][-1].endswith("commit `ababababab-dirty`.")


def test_a_worse_model_that_was_promoted_breaks_a_promise():
    good, worse = (
        chronicle.Row("2026-01", "", "–", "60 of 60", decision, "better", "version 1")
        for decision in ("promoted", "promoted")
    )
    months = [year.Month(1, ""), year.Month(7, "", worse=True)]
    assert list(year.broken(months, [good, worse])) == ["2026-07: the worse model was promoted: better"]
    assert list(year.broken(months, [good, replace(worse, decision="kept")])) == []


def test_poison_that_enters_as_what_was_said_of_it_breaks_a_promise(project):
    lies = people.lies("2026-04")
    (first, lie), (second, other) = list(lies.items())[:2]
    assert len(lies) == 40
    when = datetime(2026, 4, 1, tzinfo=UTC)
    truth = next(label for label in LABELS if label != other)
    with database.opened() as engine:
        rows = [(first, lie), (second, truth), (list(lies)[2], None), ("ab" * 32, lie)]
        settled = [settling.Settled(name, "2026-04", when, label, "as reviewers say") for name, label in rows]
        settling.settle(engine, "2026-04", settled, when)
    said = f"2026-04: the poison {first[:12]} was accepted as {lie}"
    assert list(year.poisoned([year.Month(1, ""), year.Month(4, "", poison=True)])) == [said]
    assert list(year.poisoned([year.Month(1, "")])) == []


def test_reviewers_of_the_poison_say_what_it_shows(project):
    """And the client says another mood of the same pictures, which is what ``lies`` tells of."""
    drawn, lies = list(people._poisoned("2026-04")), people.lies("2026-04")
    said = [people._said("2026-04", people._another(label), data, "one") for label, data in drawn]
    assert {one.picture: one.label for one in said} == lies
    reviews = people._reviewed("2026-04", drawn, said)
    assert [len(of_picture) for of_picture in reviews] == [2] * 40
    for (label, _), of_picture in zip(drawn, reviews, strict=True):
        assert {one.verdict for one in of_picture} == {label} != {lies[of_picture[0].picture]}


def test_a_run_that_ends_before_it_can_be_killed_is_not_said_to_be_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(CommandError, match=r"2026-05: the run ended by itself \(0\) before it could"):
        year._kill_midway("2026-05")


def test_the_worse_recipe_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(ROOT / "params.yaml", "params.yaml")
    before = Path("params.yaml").read_text()
    git(tmp_path, "init", "--quiet")
    for name, value in {"name": "Pawtrait year", "email": "year@localhost"}.items():
        git(tmp_path, "config", f"user.{name}", value)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "a project")
    year._worse_recipe("2026-07")
    assert yaml.safe_load(Path("params.yaml").read_text())["models"]["cnn"]["learning_rate"] == 1e-7
    year._recipe_taken_back("2026-08")
    assert Path("params.yaml").read_text() == before
