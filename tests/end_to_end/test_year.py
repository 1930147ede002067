"""Two months of ``make year``: people correct the first month's champion, and the second learns from it."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pawtrait.adapters.store import database, ledger, requests, settling
from pawtrait.dataset import manifest
from pipelines import people
from pipelines.year import lost

ROOT = Path(__file__).parents[2]
MONTHS = ("2026-01", "2026-02")
PICTURES = 60  # that the second month's people show


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project that two months were lived in, and what the command printed at its end."""
    project = tmp_path_factory.mktemp("year") / "project"
    own = {"PREFECT_HOME": str(project.parent / "prefect"), "PYTHONPATH": f"{ROOT / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.year", "--months", "2", "--project", str(project)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | own,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-5000:]
    return project, done.stdout


@pytest.fixture(scope="module")
def store(year):
    with database.opened(f"sqlite:///{year[0]}/feedback.db") as engine:
        yield engine


def test_the_first_month_has_a_champion_and_the_second_decides_about_another(store):
    decided = {month: [one.action for one in ledger.of_month(store, month)] for month in MONTHS}
    assert decided["2026-01"] == ["promoted"]
    assert decided["2026-02"] in (["promoted"], ["kept"], ["waiting"])
    [second] = ledger.of_month(store, "2026-02")
    assert second.version == "2"
    assert second.reasons


def test_no_picture_is_lost_between_the_people_and_the_training_split(year, store):
    settled = settling.of_month(store, "2026-02")
    assert len(settled) == PICTURES
    accepted = {one.picture for one in settled if one.label}
    assert all(one.reason for one in settled if not one.label)
    records = manifest.read(year[0] / ".cache/retrain/data/tables/manifest.csv", manifest.Record)
    placed = manifest.read(year[0] / ".cache/retrain/data/tables/splits.csv", manifest.Placed)
    ids = {one.path: one.id for one in records}
    splits = {ids[one.path]: one.split for one in placed}
    assert accepted
    assert {splits[picture] for picture in accepted if picture in splits} == {"train"}
    dropped = manifest.read(year[0] / ".cache/retrain/data/tables/dropped.csv", manifest.Rejected)
    rejected = manifest.read(year[0] / ".cache/retrain/data/tables/rejected.csv", manifest.Rejected)
    assert accepted <= set(splits) | {ids[one.path] for one in (*dropped, *rejected)}


def test_the_daily_look_had_the_answers_of_the_first_champion(year, store):
    asked = requests.between(store, people.eve("2026-02"), people.eve("2026-03"))
    assert len(asked) == PICTURES
    assert {one.model_version for one in asked} == {"1"}
    page = year[0] / "data/monitor/2026-02-01.html"
    assert "Kolmogorov" in page.read_text(encoding="utf-8")


def test_a_picture_that_was_lost_would_be_told(year, store, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{year[0]}/feedback.db")
    monkeypatch.chdir(year[0])
    assert list(lost(MONTHS)) == []
    when = datetime(2026, 2, 27, tzinfo=UTC)
    row = settling.Settled("ab" * 32, "2026-02b", when, "happy", "2 reviewers say happy")
    settling.settle(store, "2026-02b", [row], when)
    assert list(lost(MONTHS)) == [f"2026-02: the accepted picture {'ab' * 6} is in no table"]


def test_it_ends_with_a_table_of_what_happened(year):
    assert all(month in year[1] for month in MONTHS)
    assert "2 months in" in year[1]
