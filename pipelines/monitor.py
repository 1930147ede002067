"""The daily look: drift, errors, answers, the calendar; what is new is told, and may start a retraining.

Prefect starts it, or ``python -m pipelines.monitor``; ``pawtrait monitor`` looks without telling anybody.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed
from pydantic import Field

from pawtrait import clock, newest, params
from pawtrait.files import write_text
from pawtrait.monitoring.shown import PAGES
from pawtrait.stages import monitor as stage
from pawtrait.stages.monitor import Watch
from pipelines import server
from pipelines.announce import SENT, announce, broken_off, catch_up, escaped, in_words

DRIFT, ENOUGH = "pawtrait.drift.detected", "pawtrait.feedback.enough"
RESOURCE = {"prefect.resource.id": "pawtrait.monitor"}
NOTHING_YET = "skipped: no model here to look at; the first retraining makes one"
REMEDIES = "docs/monitoring.md (What is an alarm) says of each what to do"
NOW = (
    "the service goes on, and nobody watches it; the next look covers these days too; to look sooner:"
    " `python -m pipelines.monitor`"
)
TOLD = "told.json"  # beside the pages: what was told, and when
LOOKED = "looked.json"  # beside them too: how far this flow's last look came
END = "until"  # its only entry
FARTHEST = 31  # days that a look goes back for what no look has seen
SETTLE = 2.0  # seconds that Prefect's client needs to send an event, from a process that ends then


@flow(name="monitor")
def monitor(days: Annotated[int, Field(ge=1)] = 1, until: date | None = None) -> State[Any]:
    """Look how the service did.

    Args:
        days: how many days; a look up to now begins where the last one ended, if that is earlier.
        until: the last day, all of it (UTC); by default up to now.
    """
    try:
        catch_up()
        now = clock.now()
        if not (newest.root() / newest.SPLITS).exists() and not stage.calendar(now):
            return Completed(name="Skipped", message=NOTHING_YET)
        seen, alarms = watch(days if until else owed(days, now), until)
        tell(seen, alarms, clock.now())
        show(seen, alarms)
        if not until:
            _remember(PAGES / LOOKED, {END: now})
    except Exception as error:
        announce("monitor failed", {"why": in_words(error), "now": NOW})
        return broken_off(error, NOW)
    if alarms:
        return Completed(name="Alarm", message="; ".join(alarms))
    return Completed(message="no alarm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line, up to now; 0 when it looked, 2 after one line that says why not."""
    parser = argparse.ArgumentParser(
        "python -m pipelines.monitor",
        description="Look for drift, send alarms, start a retraining if needed.",
    )
    parser.add_argument("--days", type=int, default=1, help="at least this many, up to now (%(default)s)")
    days = parser.parse_args(arguments).days
    return server.run("monitor", lambda: monitor(days, return_state=True))


@task(cache_policy=NO_CACHE, persist_result=False)
def watch(days: float, until: date | None) -> tuple[Watch, list[str]]:
    """The look itself, and all its alarms with the calendar's.

    Raises:
        PawtraitError: tables, pictures or the store cannot be had.
    """
    seen = stage.look(days=days, until=until, out=PAGES)
    return seen, [*seen.alarms, *stage.calendar(clock.now())]


def owed(days: float, now: datetime) -> float:
    """How many days to look at: so many, or those since the last look, which nobody has seen; 31 at most."""
    last = remembered(PAGES / LOOKED, datetime.min.replace(tzinfo=UTC)).get(END, now)
    return max(days, min(FARTHEST, (now - last) / timedelta(days=1)))


@task(cache_policy=NO_CACHE, persist_result=False)
def tell(seen: Watch, alarms: list[str], now: datetime) -> None:
    """Announce alarms, and send the events that may start a retraining; each once in ``monitor.quiet_days``.

    So a drift that lasts does not retrain every night what it retrained the night before. What a clock that
    was ahead told at a time to come is news: else it would be mute until then.
    """
    log = get_run_logger()
    memory = PAGES / TOLD
    recent = remembered(memory, now - timedelta(days=params.load().monitor.quiet_days))
    told = {name: when for name, when in recent.items() if when <= now}
    new = [alarm for alarm in alarms if kind(alarm) not in told]
    if new:
        said = announce("alarm", {"alarms": new, "now": REMEDIES, "page": seen.page, **seen.figures})
        if said == SENT:  # where nobody could hear it, it is still news tomorrow
            told |= dict.fromkeys(map(kind, new), now)
    events = {event: payload for event, payload in events_of(seen).items() if event not in told}
    for event, payload in events.items():
        emit_event(event, resource=RESOURCE, payload=payload)
        log.info("event: %s", event)
    if events:
        time.sleep(SETTLE)
    _remember(memory, told | dict.fromkeys(events, now))


def events_of(seen: Watch) -> dict[str, dict[str, Any]]:
    """What Prefect's triggers wait for, each event with its payload."""
    found: dict[str, dict[str, Any]] = {}
    if seen.drift:
        found[DRIFT] = {"alarms": list(seen.drift), "figures": dict(seen.figures)}
    if seen.enough:
        found[ENOUGH] = {"waiting": seen.waiting}
    return found


def show(seen: Watch, alarms: list[str]) -> None:
    """Artifacts: what was found in words, and the comparisons as a table."""
    heading = f"# {len(alarms)} alarm{'' if len(alarms) == 1 else 's'}" if alarms else "# No alarm"
    parts = [
        heading,
        "\n".join(f"- **{escaped(alarm)}**" for alarm in alarms),
        "\n".join(f"- {escaped(one.sentence)}" for one in seen.findings if not one.drifted),
        f"{seen.waiting} reviewed pictures wait for a retraining. The page: `{seen.page}`",
        "\n".join(
            ["| figure | value |", "|---|---|", *(f"| {k} | {figure(v)} |" for k, v in seen.figures.items())]
        ),
    ]
    create_markdown_artifact(
        key="monitor", markdown="\n\n".join(filter(None, parts)), description=heading[2:]
    )
    create_table_artifact(key="drift", table=rows(seen), description="Comparisons with the model's own data")


def figure(value: float) -> str:
    """Four digits, and never an exponent for a large one: 12345 requests are not 1.234e+04."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


def rows(seen: Watch) -> list[dict[str, Any]]:
    """A row a comparison."""
    return [
        {
            "of": one.what,
            "method": one.method,
            "then": one.counts[0],
            "now": one.counts[1],
            "p": one.p,
            "adjusted": one.adjusted,
            "drift": "yes" if one.drifted else "no" if one.p is not None else "not compared",
        }
        for one in seen.findings
    ]


def kind(alarm: str) -> str:
    """What an alarm is about: the words before its colon, the same tomorrow with other numbers."""
    return alarm.partition(":")[0]


def remembered(memory: Path, since: datetime) -> dict[str, datetime]:
    """What was told at or after a time; nothing where the file is missing or damaged."""
    try:
        stored: Mapping[str, str] = json.loads(memory.read_text(encoding="utf-8"))
        times = {name: datetime.fromisoformat(when) for name, when in stored.items()}
        return {name: when for name, when in times.items() if when >= since}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _remember(memory: Path, told: Mapping[str, datetime]) -> None:
    write_text(
        memory, json.dumps({name: when.isoformat() for name, when in sorted(told.items())}, indent=1) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
