"""prefect.yaml's deployments, served without a work pool: ``python -m pipelines.deployments``.

``--show`` prints them with their next dates and serves nothing. `prefect deploy --all` reads the same file.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger, DeploymentTriggerTypes
from prefect.schedules import Cron
from prefect.settings import get_current_settings
from pydantic import TypeAdapter

from pawtrait.errors import BadParams

FILE = Path("prefect.yaml")
# In the memory of a server leases end with it, and a month whose lease is gone ends too.
LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem"
DATES = 3  # how many of a schedule's next dates are shown
TRIGGERS: TypeAdapter[DeploymentTriggerTypes] = TypeAdapter(DeploymentTriggerTypes)


def deployments(file: Path = FILE) -> list[RunnerDeployment]:
    """What prefect.yaml deploys, each with its schedules, limit and triggers; needs no server.

    Raises:
        BadParams: the file is missing, is not YAML, or lacks what a deployment needs.
    """
    with _read(file) as found:
        return [_deployment(one) for one in found["deployments"]]


def pool_name(file: Path = FILE) -> str:
    """The pool that prefect.yaml's deployments name.

    Raises:
        BadParams: the file is missing, is not YAML, or names none.
    """
    with _read(file) as found:
        return str(found["definitions"]["pool"]["name"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; a stop leaves the schedules on, so that the next start goes on with them."""
    parser = argparse.ArgumentParser(
        "python -m pipelines.deployments", description="Serve what prefect.yaml deploys, without a work pool."
    )
    parser.add_argument("--show", action="store_true", help="print it with its next dates and serve nothing")
    show = parser.parse_args(arguments).show
    if not show and not get_current_settings().api.url:
        print(
            "deployments: no Prefect server is known, and without one no schedule fires; start one with"
            f" `{LEASES} prefect server start` and set PREFECT_API_URL to its address"
            " (http://127.0.0.1:4200/api)",
            file=sys.stderr,
        )
        return 2
    try:
        found = deployments()
    except BadParams as error:
        print(f"deployments: {error}", file=sys.stderr)
        return 2
    if show:
        print("\n".join(described(one, datetime.now(UTC)) for one in found))
        return 0
    serve(*found, pause_on_shutdown=False, limit=len(found))  # each has a limit of its own
    return 0


def described(deployment: RunnerDeployment, since: datetime) -> str:
    """Name, schedules and what it runs in a line; its next dates and its triggers below."""
    rules = [when.schedule for when in deployment.schedules or () if when.active is not False]
    crons = [rule for rule in rules if isinstance(rule, CronSchedule)]
    whens = ", ".join(f"cron {rule.cron!r} {rule.timezone}" for rule in crons)
    lines = [
        f"{deployment.full_name}: {whens or 'no schedule'}, runs {deployment.entrypoint},"
        f" {'paused' if deployment.paused else 'active'}"
    ]
    lines += [f"  next {date:%Y-%m-%d %H:%M} UTC" for rule in crons for date in dates(rule, since)]
    events = [one for one in deployment.triggers if isinstance(one, DeploymentEventTrigger)]
    lines += [f"  on {', '.join(sorted(one.expect))}" for one in events]
    return "\n".join(lines)


def dates(rule: CronSchedule, since: datetime) -> list[datetime]:
    """The next dates of a schedule, as Prefect's scheduler finds them, in UTC."""
    from prefect.server.schemas.schedules import CronSchedule as Served  # late: loads the server, 2 s

    served = Served(cron=rule.cron, timezone=rule.timezone)
    return [when.astimezone(UTC) for when in asyncio.run(served.get_dates(DATES, start=since))]


@contextmanager
def _read(file: Path) -> Iterator[Any]:
    """What the file holds; whatever of it the block cannot use is told in one line."""
    try:
        yield yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        what = " ".join(str(error).split())
        raise BadParams(
            f"{file} holds no deployments ({type(error).__name__}: {what}); correct it, or run this in the"
            " checkout"
        ) from error


def _deployment(one: dict[str, Any]) -> RunnerDeployment:
    return RunnerDeployment.from_entrypoint(
        one["entrypoint"],
        one["name"],
        schedules=[
            Cron(when["cron"], timezone=when["timezone"], slug=when["slug"]) for when in one["schedules"]
        ],
        concurrency_limit=ConcurrencyLimitConfig.model_validate(one["concurrency_limit"]),
        triggers=[TRIGGERS.validate_python(trigger) for trigger in one.get("triggers", ())],
        description=one["description"],
        parameters=one.get("parameters"),
        paused=False,
    )


if __name__ == "__main__":
    sys.exit(main())
