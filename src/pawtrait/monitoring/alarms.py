"""What of all that was seen a person should hear of: a sentence each, with its numbers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pawtrait.monitoring.drift import Finding
from pawtrait.monitoring.health import Health, Share

DONE = ("promoted", "kept", "waiting", "skipped")  # what a month's retraining can end in, for now or for good


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is still well."""

    most_errors: float  # share of requests
    least_right: float  # share of the champion's confirmed answers
    slowest_ms: Mapping[str, float]  # kind of request → what 95 of 100 answers have to keep
    least: int  # answers of a kind; fewer say nothing of the slowest 5 of 100


def of_drift(findings: Sequence[Finding]) -> list[str]:
    """A sentence for each comparison that is an alarm."""
    return [f"drift of {one.sentence} ({one.adjusted:.2g} adjusted)" for one in findings if one.drifted]


def of_health(health: Health, bounds: Bounds) -> Iterator[str]:
    """Errors and wrong answers whose interval lies beyond the bound; slow answers, where there are enough."""
    failed, right = health.errors[""], health.right
    if failed.interval and failed.interval.low > bounds.most_errors:
        yield (
            f"errors: {_share(failed)} of {failed.count} requests failed, the limit is"
            f" {bounds.most_errors:.0%} (monitor.most_errors)"
        )
    if right.interval and right.interval.high < bounds.least_right:
        yield (
            f"answers: {_share(right)} of the champion's {right.count} confirmed answers were right, the"
            f" limit is {bounds.least_right:.0%} (monitor.least_right)"
        )
    for row in health.waiting:
        bound = bounds.slowest_ms.get(row.kind)
        if bound is not None and row.count >= bounds.least and row.quantiles[0.95] > bound:
            yield (
                f"speed: 5% of {row.count} answers of {row.kind} took more than {row.quantiles[0.95]:.0f} ms,"
                f" the limit is {bound:.0f} (monitor.slowest_ms)"
            )


def of_calendar(now: datetime, actions: Sequence[str], before: bool, due_days: float) -> str | None:
    """Why this month's retraining needs a person, or None.

    Args:
        actions: what the ledger says of this month, oldest first.
        before: something was retrained or asked before this month; otherwise nobody waits for a retraining.
        due_days: after the month's first day, by which it has to be decided.
    """
    month = f"{now:%Y-%m}"
    if any(action in DONE for action in actions):
        return None
    if actions and actions[-1] == "failed":
        return f"calendar of {month}: the retraining failed; {_command(month)} goes on where it stopped"
    due = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=due_days)
    if before and now >= due:
        return (
            f"calendar of {month}: the retraining was due by {due:%Y-%m-%d}, and nothing is decided yet;"
            f" {_command(month)} runs it"
        )
    return None


def of_last_month(now: datetime, done: Collection[str]) -> str | None:
    """Why the month before this one needs a person, or None; where nothing was decided earlier, nobody waits.

    Args:
        done: months that were decided, YYYY-MM.
    """
    last = f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"
    if last in done or not any(month < last for month in done):
        return None
    return f"calendar of {last}: nothing was decided; {_command(last)} runs it"


def _command(month: str) -> str:
    return f"`python -m pipelines.retrain --month {month}`"


def _share(one: Share) -> str:
    if one.share is None or one.interval is None:
        return "none"
    return f"{one.share:.0%} ({one.interval.low:.0%}–{one.interval.high:.0%})"
