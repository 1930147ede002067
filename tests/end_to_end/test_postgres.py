"""A real month with MLflow, Prefect and feedback on one PostgreSQL server, a database each."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pawtrait.dataset import demo
from pipelines.postgres import Urls

Project = Any  # of conftest.py, which cannot be imported here
Server = Any
MONTH = "2026-11"
SENT = "PAWTRAIT_NOW=2026-11-10T12:00:00"
TURNED = "PAWTRAIT_NOW=2026-12-01T03:00:00"


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    plain = url.replace("+psycopg", "").replace("+asyncpg", "")
    with psycopg.connect(plain) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_a_month_turns_with_all_three_stores_on_postgresql(
    new_project: Callable[..., Project], new_server: Callable[..., Server], postgres: Urls, tmp_path: Path
) -> None:
    stores = postgres.settings()
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    mlflow = new_server(
        tmp_path / "mlflow", "/health", "mlflow", "server", "--workers", "1", **stores, **quiet
    )
    home = tmp_path / "prefect"
    prefect = new_server(home, "/api/health", "prefect", "server", "start", PREFECT_HOME=str(home), **stores)
    project = new_project(
        "on_postgres",
        DATABASE_URL=postgres.feedback,
        MLFLOW_TRACKING_URI=mlflow.url,
        PREFECT_API_URL=f"{prefect.url}/api",
    )
    _with_a_source_outside_git(project, tmp_path / "pets")
    for annotator in ("rosa", "tim"):
        labels = ("pawtrait", "feedback", "ingest", str(_labelled(tmp_path)), "--annotator", annotator)
        project.run("env", SENT, *labels)

    said = project.run("env", TURNED, "python", "-m", "pipelines.retrain", "--month", MONTH)

    assert "2026-11: version 1 is champion, the first" in said
    assert _rows(postgres.prefect, "SELECT state_type FROM flow_run WHERE name IS NOT NULL") == [
        ("COMPLETED",)
    ]
    ran = {name for (name,) in _rows(postgres.prefect, "SELECT name FROM task_run")}
    assert {"dvc-ingest", "dvc-train@cnn", "dvc-report", "freeze-feedback", "register"} <= ran
    assert _rows(postgres.mlflow, "SELECT DISTINCT status FROM runs") == [("FINISHED",)]
    champions = "SELECT name, version FROM registered_model_aliases WHERE alias = 'champion'"
    assert ("pet-expression", 1) in _rows(postgres.mlflow, champions)
    decided = "SELECT month, action, version FROM decisions"
    assert _rows(postgres.feedback, decided) == [(MONTH, "promoted", "1")]
    settled = "SELECT month, count(*) FROM settled WHERE label IS NOT NULL GROUP BY month"
    assert _rows(postgres.feedback, settled) == [(MONTH, 8)]


def _with_a_source_outside_git(project: Project, pets: Path) -> None:
    """Named by a relative path, which leads nowhere from the clone that turns the month."""
    demo.draw(pets, {"train": 96, "valid": 32, "test": 32}, 96, seed=5, faults=False)
    project.set(ingest__source=os.path.relpath(pets, project.root))
    project.commit("Pictures of our own")


def _labelled(folder: Path) -> Path:
    """Eight new drawings, a folder for each mood."""
    demo.draw(folder / "new", {"train": 8}, 96, seed=77, faults=False)
    return folder / "new" / demo.TOP / "train"
