"""Where a result comes from: the commit from git, the data's hashes from dvc.lock."""

import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import yaml

LOCK = Path("dvc.lock")
GUARD = Path(".dvc/tmp/lock")  # beside a dvc.lock: DVC holds it while it writes that
PATIENCE = 30.0  # seconds; DVC also holds it through a push, which writes no dvc.lock and may take hours
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where it is there: eight times as fast
CODE = ("src", "pipelines", "dvc.yaml", "params.yaml", "constraints.txt", "pyproject.toml")
PATCH = ("diff", "--no-ext-diff", "--no-color", "--binary", "--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True, slots=True)
class Commit:
    """The state of the code; all empty outside a git repository."""

    sha: str
    tree: str  # hash of the code at it; a commit of results alone leaves it as it was
    branch: str
    dirty: bool
    diff: str  # what is not committed, as a patch


def commit(also: Sequence[str] = ()) -> Commit:
    """Ask git; dvc.lock and small results change by themselves during a run and do not count as dirt.

    Args:
        also: paths beside the pipeline's code whose changes count; not for ``tree``, which keys runs.
    """
    sha = _git("rev-parse", "HEAD")
    diff = "\n".join(_patches([*CODE, *also])) if sha else ""
    if not sha:
        return Commit("", "", "", False, "")
    tree = digest(_git("ls-tree", "HEAD", "--", *CODE))
    return Commit(sha, tree, _git("rev-parse", "--abbrev-ref", "HEAD"), bool(diff), diff)


def feedback(folder: Path = Path("data/feedback")) -> str:
    """One hash for the months of feedback that take part; "" for none."""
    sums = sorted(folder.glob("*/SHA256SUMS"))
    return (
        digest(*(f"{path.parent.name} {path.read_text(encoding='utf-8')}" for path in sums)) if sums else ""
    )


def outputs(lock: Path = LOCK) -> dict[str, str]:
    """Every path that a dvc.lock, this project's or another's, knows as a stage's output, with its hash.

    Raises:
        yaml.YAMLError, ValueError: it is none, or half of one; an empty one DVC reads no more than these.
    """
    if not lock.is_file():
        return {}
    text = _settled(lock)
    if not text.strip():
        raise ValueError(f"{lock} is empty")
    return {str(out["path"]): str(out.get("md5", "")) for out in outs(text)}


def outs(text: str) -> list[dict[str, Any]]:
    """Every output that the text of a dvc.lock or .dvc file names.

    Raises:
        yaml.YAMLError, ValueError: it is none, or half of one, which may be YAML all the same.
    """
    found = parsed(text)
    stages, own = found.get("stages", {}), found.get("outs", [])
    if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
        raise ValueError("its stages are none")
    several = [own, *(stage.get("outs", []) for stage in stages.values())]
    if not all(isinstance(some, list) for some in several):
        raise ValueError("its outputs are none")
    known = [out for some in several for out in some]
    if not all(isinstance(out, dict) and "path" in out for out in known):
        raise ValueError("an output of it has no path")
    return known


def _settled(lock: Path) -> str:
    """The text of a dvc.lock that no DVC is writing: it does so in place, and takes a second.

    DVC lets go of its guard while a stage runs, so a stage waits for other stages' DVC alone.
    """
    until = time.monotonic() + PATIENCE
    with ExitStack() as held:
        with suppress(OSError):  # no DVC has run here, or the file system has no such locks
            guard = held.enter_context((lock.parent / GUARD).open("rb"))
            while not _shared(guard) and time.monotonic() < until:
                time.sleep(0.05)
        return lock.read_text(encoding="utf-8")


def _shared(guard: BinaryIO) -> bool:
    """Take the guard beside other readers, whom filelock would shut out; False while a DVC has it."""
    with suppress(BlockingIOError):
        fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False


def parsed(text: str) -> dict[str, Any]:
    """What the text of a dvc.lock or .dvc file holds; {} for an empty one.

    Raises:
        yaml.YAMLError, ValueError: it is not YAML, or no mapping.
    """
    found = yaml.load(text, LOADER) or {}
    if not isinstance(found, dict):
        raise ValueError(f"it is a {type(found).__name__}, and no mapping")
    return found


def digest(*parts: str) -> str:
    """One hash for several texts, 16 hex digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _patches(paths: Sequence[str]) -> Iterator[str]:
    """What is not committed: the changes, then a patch for each file that git does not know yet."""
    if changes := _git(*PATCH, "HEAD", "--", *paths):
        yield changes
    for name in _git("ls-files", "--others", "--exclude-standard", "-z", "--", *paths).split("\0"):
        if name:
            yield _git(*PATCH, "--no-index", "--", os.devnull, name, good=(1,))  # 1: they differ


def _git(*arguments: str, good: Sequence[int] = (0,)) -> str:
    """What git prints, or nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.decode(errors="replace").removesuffix("\n") if done.returncode in good else ""
