"""prefect.yaml: when each flow runs, how many at once, what starts one out of turn."""

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

import pipelines
from pawtrait.errors import BadParams
from pipelines import deployments, join, up

SOME_DAY = datetime(2027, 1, 31, 12, tzinfo=UTC)
DOCKER = {
    "env",
    "image",
    "image_pull_policy",
    "volumes",
    "auto_remove",
    "networks",
    "network_mode",
    "container_create_kwargs",
}


@pytest.fixture(scope="module")
def found() -> dict[str, RunnerDeployment]:
    return {one.full_name: one for one in deployments.deployments()}


def _next(deployment: RunnerDeployment) -> list[datetime]:
    (when,) = deployment.schedules or []
    assert isinstance(when.schedule, CronSchedule)
    return deployments.dates(when.schedule, SOME_DAY)


def test_the_month_turns_on_its_first_day_at_three(found: dict[str, RunnerDeployment]) -> None:
    dates = [datetime(2027, month, 1, 3, tzinfo=UTC) for month in (2, 3, 4)]
    assert _next(found["retrain/monthly"]) == dates


def test_feedback_is_collected_before_the_month_turns(found: dict[str, RunnerDeployment]) -> None:
    (night,) = {when.time() for when in _next(found["collect_feedback/nightly"])}
    (turn,) = {when.time() for when in _next(found["retrain/monthly"])}
    assert night < turn


def test_the_service_is_looked_at_every_day(found: dict[str, RunnerDeployment]) -> None:
    assert [when.day for when in _next(found["monitor/daily"])] == [1, 2, 3]


def test_a_workers_run_has_the_settings_of_one_started_here() -> None:
    said = yaml.safe_load(deployments.FILE.read_text(encoding="utf-8"))["definitions"]["environment"]
    assert said.items() <= pipelines.SETTINGS.items()
    assert "PREFECT_CLIENT_MAX_RETRIES" in said


def test_a_container_of_the_docker_pool_runs_in_the_checkout() -> None:
    """By the variables of prefect-docker's worker, which drops others in silence."""
    said = yaml.safe_load(deployments.FILE.read_text(encoding="utf-8"))["definitions"]["docker"]
    variables = said["job_variables"]
    assert set(variables) <= DOCKER
    (mounted,) = variables["volumes"]
    place = mounted.rpartition(":")[2]
    assert variables["container_create_kwargs"] == {"working_dir": place}
    assert variables["env"]["PYTHONPATH"] == f"{place}/src"


def test_every_schedule_is_on(found: dict[str, RunnerDeployment]) -> None:
    assert not any(one.paused for one in found.values())
    assert all(when.active for one in found.values() for when in one.schedules or [])


def test_what_people_switch_off_in_the_ui_is_left_open() -> None:
    """A state that prefect.yaml names would count at each start."""
    found = yaml.safe_load(deployments.FILE.read_text(encoding="utf-8"))["deployments"]
    assert not any("active" in when for one in found for when in one["schedules"])


def test_late_and_doubled_runs_do_not_pile_up(found: dict[str, RunnerDeployment]) -> None:
    for one in found.values():
        assert one.concurrency_limit == 1
        assert one.concurrency_options is not None
        assert one.concurrency_options.collision_strategy is ConcurrencyLimitStrategy.CANCEL_NEW


def test_drift_and_enough_feedback_start_a_retraining(found: dict[str, RunnerDeployment]) -> None:
    triggers = [one for one in found["retrain/monthly"].triggers if isinstance(one, DeploymentEventTrigger)]
    assert {event for one in triggers for event in one.expect} == {
        "pawtrait.drift.detected",
        "pawtrait.feedback.enough",
    }


def test_show_prints_the_next_three_dates_and_serves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert deployments.main(["--show"]) == 0
    said = capsys.readouterr().out
    assert "retrain/monthly: cron '0 3 1 * *' UTC" in said
    monthly = said.partition("retrain/monthly")[2].splitlines()[1:4]
    assert all(line.startswith("  next ") and line.endswith("-01 03:00 UTC") for line in monthly)


def test_without_a_server_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert deployments.main([]) == 2
    storage = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    assert f"{storage}={up.SETTINGS[storage]} prefect server start" in capsys.readouterr().err


def test_a_stop_leaves_every_schedule_on_and_all_flows_may_run_at_once(
    found: dict[str, RunnerDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect would pause each at a stop; with a limit of one a month would keep the nights waiting."""
    served: list[tuple[set[str], dict[str, object]]] = []

    def serve(*given: RunnerDeployment, **how: object) -> None:
        served.append(({one.full_name for one in given}, how))

    monkeypatch.setattr(deployments, "serve", serve)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert deployments.main([]) == 0
    assert served == [(set(found), {"pause_on_shutdown": False, "limit": len(found)})]


@pytest.mark.parametrize(
    "text",
    ["", "deployments: [", "deployments:\n  - name: monthly", "deployments:\n  - {name: x, entrypoint: y}"],
)
def test_a_file_without_deployments_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "prefect.yaml").write_text(text)
    for reading in (deployments.deployments, deployments.pool_name):
        with pytest.raises(BadParams, match=r"^\S+prefect\.yaml holds no deployments[^\n]+$"):
            reading(tmp_path / "prefect.yaml")


@pytest.mark.parametrize("command", [up, join])
def test_a_file_that_somebody_broke_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "heed", lambda: None)
    Path("prefect.yaml").write_text("deployments: [")
    with temporary_settings({PREFECT_HOME: tmp_path}):
        assert command.main([]) == 2
    assert "prefect.yaml holds no deployments" in capsys.readouterr().err
