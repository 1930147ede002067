"""The monthly schedule; ``python -m pipelines.deployments`` serves it, with ``--show`` it only prints."""

import argparse
import sys
from collections.abc import Sequence

from prefect import serve
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.settings import get_current_settings

from pipelines.retrain import retrain


def deployments() -> list[RunnerDeployment]:
    """What is served, each with its schedule; needs no server."""
    first = Cron("0 3 1 * *", timezone="UTC", slug="monthly")  # day 1: every month has one
    return [RunnerDeployment.from_flow(retrain, "monthly", schedules=[first], paused=False)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; a stop leaves the schedule on, so that the next start goes on with it."""
    parser = argparse.ArgumentParser(
        "python -m pipelines.deployments", description="Serve the monthly retraining."
    )
    parser.add_argument("--show", action="store_true", help="print the deployments and serve nothing")
    if parser.parse_args(arguments).show:
        print("\n".join(map(described, deployments())))
        return 0
    if not get_current_settings().api.url:
        print(
            "deployments: no Prefect server is known, and without one no schedule fires; start one with"
            " `prefect server start` and set PREFECT_API_URL to its address (http://127.0.0.1:4200/api)",
            file=sys.stderr,
        )
        return 2
    serve(*deployments(), pause_on_shutdown=False, limit=1)  # one at a time: they share the working tree
    return 0


def described(deployment: RunnerDeployment) -> str:
    """One line: name, schedules, what it runs, whether it is paused."""
    rules = [when.schedule for when in deployment.schedules or ()]
    whens = [f"cron {rule.cron!r} {rule.timezone}" for rule in rules if isinstance(rule, CronSchedule)]
    return (
        f"{deployment.full_name}: {', '.join(whens) or 'no schedule'}, runs {deployment.entrypoint},"
        f" {'paused' if deployment.paused else 'active'}"
    )


if __name__ == "__main__":
    sys.exit(main())
