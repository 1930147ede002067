"""The monthly schedule, looked at without serving it."""

from datetime import UTC, datetime

import pytest
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from pipelines import deployments


async def _next(schedule: CronSchedule, after: datetime, count: int) -> list[datetime]:
    from prefect.server.schemas.schedules import CronSchedule as Served

    served = Served(cron=schedule.cron, timezone=schedule.timezone)
    return [when.astimezone(UTC) for when in await served.get_dates(count, start=after)]


def test_it_runs_on_the_first_of_each_month_at_three() -> None:
    import asyncio

    (deployment,) = deployments.deployments()
    (when,) = deployment.schedules or []
    assert isinstance(when.schedule, CronSchedule)
    dates = asyncio.run(_next(when.schedule, datetime(2027, 1, 31, 12, tzinfo=UTC), 3))
    assert dates == [datetime(2027, month, 1, 3, tzinfo=UTC) for month in (2, 3, 4)]


def test_it_is_not_paused() -> None:
    (deployment,) = deployments.deployments()
    assert deployment.paused is False
    assert [when.active for when in deployment.schedules or []] != [False]


def test_show_prints_and_serves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert deployments.main(["--show"]) == 0
    assert "retrain/monthly: cron '0 3 1 * *' UTC" in capsys.readouterr().out


def test_without_a_server_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert deployments.main([]) == 2
    assert "prefect server start" in capsys.readouterr().err
