"""What full counts came to, written where it is asked for: `make test-all HOLDS=docs/results`."""

import json
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from pawtrait.environment import cores
from pawtrait.files import write_text

ROOT = Path(__file__).parents[1]
ASKED = "PAWTRAIT_HOLDS"  # names the folder
DECIDING = ("src", "pipelines", "tests", "benchmarks", "params.yaml", "constraints.txt")


def record(name: str, of: str = "serving", **figures: Any) -> None:
    """Put the figures of one count into the file of what it is ``of``, with the commit that they are of."""
    if asked := os.environ.get(ASKED):
        path = ROOT / asked / f"{of}_holds.json"
        with FileLock(f"{path}.lock"):
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            load = round(os.getloadavg()[0], 1)  # others may have been at work beside it
            known[name] = figures | {"made_on": made_on() | {"load": load}}
            write_text(path, json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n")
        Path(f"{path}.lock").unlink(missing_ok=True)


@cache
def made_on() -> dict[str, Any]:
    """The code as it was when the tests began; conftest.py asks then."""
    changed = _git("status", "--porcelain", "--", *DECIDING)
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(changed),
        "cores": cores(),
        "python": platform.python_version(),
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
