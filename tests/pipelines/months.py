"""What tests of a month share: turning one, and what became of it."""

import subprocess
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from pawtrait.adapters.store import database, ledger
from pipelines.retrain import retrain

WHO = ("-c", "user.name=n", "-c", "user.email=n@example.org")
STEPS = [  # what a month tells the command line
    "feedback freeze --month 2026-11",
    "register --month 2026-11 --out .cache/registered.json",
    "gate --version 2",
]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def turned(month: str = "2026-11", **wishes: Any) -> State[Any]:
    state: State[Any] = retrain(month, return_state=True, **wishes)
    return state


def told(project: Path) -> list[str]:
    return (project / "told.txt").read_text().splitlines()


def decisions(month: str = "2026-11") -> list[ledger.Decision]:
    with database.opened() as engine:
        return ledger.of_month(engine, month)
