"""Where a result comes from: the commit from git, the data's hashes from dvc.lock."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOCK = Path("dvc.lock")


@dataclass(frozen=True, slots=True)
class Commit:
    """The state of the code; all empty outside a git repository."""

    sha: str
    branch: str
    dirty: bool
    diff: str  # what is not committed, as a patch


def commit() -> Commit:
    """Ask git; dvc.lock and small results change by themselves during a run and do not count as dirt."""
    sha = _git("rev-parse", "HEAD")
    code = ("--", "src", "pipelines", "dvc.yaml", "params.yaml", "constraints.txt", "pyproject.toml")
    diff = _git("diff", "HEAD", *code) if sha else ""
    return Commit(sha, _git("rev-parse", "--abbrev-ref", "HEAD") if sha else "", bool(diff), diff)


def outputs() -> dict[str, str]:
    """Every path that dvc.lock knows as a stage's output, with its hash."""
    if not LOCK.is_file():
        return {}
    lock: dict[str, Any] = yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}
    stages = (lock.get("stages") or {}).values()
    return {out["path"]: str(out.get("md5", "")) for stage in stages for out in stage.get("outs", [])}


def digest(*parts: str) -> str:
    """One hash for several texts, 16 hex digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _git(*arguments: str) -> str:
    """What git prints, or nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip("\n") if done.returncode == 0 else ""
