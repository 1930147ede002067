"""Every night: each picture in quarantine goes a step on, and an artifact says how many wait for whom.

``python -m pipelines.feedback`` runs it here and now, on a temporary server unless PREFECT_API_URL names one.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from pawtrait import newest, params
from pawtrait.adapters.store import database, feedback
from pawtrait.errors import BadStore
from pawtrait.evaluation import agreement
from pawtrait.quarantine import Quarantine
from pawtrait.stages import collect
from pipelines import server
from pipelines.announce import announce, broken_off, escaped, in_words
from pipelines.steps import PATIENCE

ARTIFACT = "feedback"
NOTHING_YET = "skipped: no pictures here to compare with; the first retraining brings them"
NOW = "what people sent is kept until a night judges it; to judge it now: `python -m pipelines.feedback`"
SHOWN = 20  # reasons in the artifact, the most frequent ones


@flow(name="collect_feedback")
def collect_feedback() -> State[Any]:
    """Look at new pictures, validate them, find copies, and say what became of everything in quarantine."""
    if not (newest.root() / newest.MANIFEST).exists():
        return Completed(name="Skipped", message=NOTHING_YET)
    try:
        quarantine = look_and_judge()
        create_markdown_artifact(
            key=ARTIFACT,
            markdown=page(quarantine, agreements()),
            description="What people sent, and where it stands",
        )
    except Exception as error:
        announce("feedback failed", {"why": in_words(error), "now": NOW})
        return broken_off(error, NOW)
    return Completed(message=told(quarantine))


def unreachable(task: Any, run: Any, state: State[Any]) -> bool:
    """Whether another try may help: store and pictures can lie behind a network, all else is here."""
    return isinstance(state.result(raise_on_failure=False), BadStore)


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=unreachable, **PATIENCE)
def look_and_judge() -> Quarantine:
    """The stage ``collect``."""
    return collect.run(manifest=newest.root() / newest.MANIFEST)


@task(cache_policy=NO_CACHE, persist_result=False)
def agreements() -> list[str]:
    """A sentence for every two reviewers."""
    with database.opened() as engine:
        found = agreement.between(feedback.verdicts(engine))
    return list(agreement.sentences(found, params.load().feedback.least_kappa))


def told(quarantine: Quarantine) -> str:
    """One line: how many pictures stand where."""
    count = quarantine.count
    return (
        f"{len(quarantine.rulings)} pictures in quarantine: {count('waiting')} wait for a reviewer,"
        f" {count('accepted')} are accepted, {count('rejected')} rejected, {count('held')} held back"
    )


def page(quarantine: Quarantine, sentences: Sequence[str]) -> str:
    """The artifact, in Markdown."""
    reasons = Counter(
        (ruling.outcome, ruling.reason)
        for ruling in quarantine.rulings
        if ruling.outcome in ("rejected", "held")
    )
    labels = Counter(ruling.label for ruling in quarantine.rulings if ruling.label)
    lines = [told(quarantine) + ".", ""]
    lines += [f"- {label}: {number} accepted" for label, number in sorted(labels.items())]
    lines += [f"- {escaped(sentence)}" for sentence in sentences]
    if reasons:
        lines += ["", "| pictures | outcome | why |", "|---:|---|---|"]
        most = reasons.most_common(SHOWN)
        lines += [f"| {number} | {what} | {escaped(why)} |" for (what, why), number in most]
    if quarantine.count("waiting"):
        lines += ["", "To review: `pawtrait feedback review --reviewer NAME`"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow; 0 when it completed, 2 after one line that says why not."""
    argparse.ArgumentParser(
        prog="python -m pipelines.feedback",
        description="Judge every picture in quarantine: accepted, rejected, held, or waiting for reviewers.",
    ).parse_args(arguments)
    return server.run("collect_feedback", lambda: collect_feedback(return_state=True))


if __name__ == "__main__":
    sys.exit(main())
