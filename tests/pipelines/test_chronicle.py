"""A year's table: what was decided and why, in words that fit into a cell."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision
from pipelines import chronicle, year
from pipelines.workspace import git

ROOT = Path(__file__).parents[2]
MONTHS = [(f"2026-0{n}", story, datetime(2026, n, 1, tzinfo=UTC)) for n, story in ((1, "first"), (2, "more"))]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose store says something of its first month only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/feedback.db")
    with database.opened() as engine:
        for action, champion, reasons in (
            ("promoted", "2", ("On 64 pictures it is better.", "Promoted: better by +0.38 macro-F1.")),
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
        *("Promoted: better by +0.38 macro-F1.", "version 2"),
    )
    assert second == chronicle.Row("2026-02", "more", "–", "–", "–", "–", "–")


def test_the_readmes_lines_are_made_of_the_same_rows(project):
    said = chronicle.results(chronicle.rows(MONTHS), 16.44, "abcdef0123456789", "2 cores")
    assert said["sentences"][2].startswith("| 2026-01 | first | drift of light |")
    assert said["sentences"][-1] == "2 months in 16.4 minutes on 2 cores; commit `abcdef0123`."
    assert said["months"][0]["champion"] == "version 2" and said["minutes"] == 16.4


def test_a_year_that_breaks_a_promise_says_which():
    good, poisoned, worse = (
        chronicle.Row("2026-01", "", "–", accepted, decision, "better", "version 1")
        for accepted, decision in (("60 of 60", "promoted"), ("3 of 10", "kept"), ("–", "promoted"))
    )
    months = [year.Month(1, ""), year.Month(4, "", poison=True), year.Month(7, "", worse=True)]
    assert list(year.broken(months, [good, poisoned, worse])) == [
        "2026-04: of the poison 3 of 10 pictures were accepted",
        "2026-07: the worse model was promoted: better",
    ]
    kept = [chronicle.Row("", "", "–", "0 of 10", "kept", "–", "version 1")] * 3
    assert list(year.broken(months, kept)) == []


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
