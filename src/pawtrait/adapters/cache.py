"""DVC's cache, looked at from outside: which files a lock stands for, and which of them may go.

Only what old versions of ``dvc.lock`` name as outputs can go, since a stage can make it again; what anything
else names, snapshots of feedback first of all, is never touched.
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import psutil
import yaml

from pawtrait.adapters import lineage
from pawtrait.errors import BadData

LOCK = "dvc.lock"
RUNNING = ".dvc/tmp/rwlock"
MD5 = re.compile(r"""\bmd5: ["']?([0-9a-f]{32}(?:\.dir)?)\b""")


def homes() -> list[Path]:
    """This project, and below .cache clones that share its cache and projects of their own."""
    return [Path(), *filter(Path.is_dir, Path(".cache").glob("*"))]


def size(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def folder() -> Path:
    """Where DVC keeps files by their MD5.

    Raises:
        BadData: this is no DVC project, or a stage is running, whose new outputs no lock names yet.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BadData(f"{Path.cwd().name} is not a DVC project; run from the project's root")
    if _busy():
        raise BadData("a DVC stage is running; wait until it ends, or stop it, before clearing the cache")
    return Path(done.stdout.strip()) / "files/md5"


def locks(newest: int) -> tuple[list[str], list[str]]:
    """Texts of dvc.lock: those to keep (here, in workspaces below .cache, the newest commits), and others."""
    here = [path.read_text(encoding="utf-8") for home in homes() if (path := home / LOCK).is_file()]
    commits = _git("log", "--all", "--format=%H", "--", LOCK).split()
    known = [text for commit in commits if (text := at(commit))]
    return here + known[:newest], known[newest:]


def at(commit: str) -> str:
    """The text of dvc.lock at a commit, or nothing."""
    return _git("show", f"{commit}:{LOCK}")


def named(texts: Iterable[str], cache: Path, *, guess: bool = False) -> set[str]:
    """Every file that these locks name as output, with what lies in their folders.

    A lock in pieces, as a commit has it for good that took a merge's marks in, names nothing; with ``guess``
    all that has its MD5 there.
    """
    return with_members({top for text in texts for top in _named(text, guess)}, cache)


def with_members(tops: set[str], cache: Path) -> set[str]:
    """These, and what lies in those that are folders."""
    return tops | {inner for top in tops if top.endswith(".dir") for inner in _members(place(cache, top))}


def pinned(cache: Path) -> set[str]:
    """Every file that any .dvc file names, here or in any commit: data that nobody can make again.

    Raises:
        BadData: one here is in pieces, so that nobody knows what may go.
    """
    tops: set[str] = set()
    for note in Path("data").rglob("*.dvc"):
        if note.is_file():
            tops |= _kept(note)
    for text in _committed():  # one in pieces is so for good, and what is no MD5 there nobody brings back
        tops |= _named(text, guess=True)
    return with_members(tops, cache)


def sizes(cache: Path, files: Collection[str]) -> dict[str, int]:
    """Bytes of those that are there."""
    paths = {one: place(cache, one) for one in files}
    return {one: path.stat().st_size for one, path in paths.items() if path.is_file()}


def place(cache: Path, md5: str) -> Path:
    """Where a file lies."""
    return cache / md5[:2] / md5[2:]


def owners(running: Path) -> set[int]:
    """The processes that read or write outputs, by DVC's own file of them; killed ones are still in it.

    Raises:
        BadData: it is in pieces, since DVC was killed over it; no DVC can read it either.
    """
    try:
        held = json.loads(running.read_text(encoding="utf-8") or "{}") if running.is_file() else {}
        readers = [one for several in held.get("read", {}).values() for one in several]
        return {int(one["pid"]) for one in (*readers, *held.get("write", {}).values())}
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise BadData(
            f"{running} is damaged, as after a kill, so nobody knows which DVC is running; if none is, remove"
            " that file and start again"
        ) from error


def _named(text: str, guess: bool) -> set[str]:
    """The MD5s of a lock's outputs."""
    try:
        return _tops(text)
    except (yaml.YAMLError, ValueError):
        return set(MD5.findall(text)) if guess else set()


def _tops(text: str) -> set[str]:
    return {str(out["md5"]) for out in lineage.outs(text) if out.get("md5")}


def _kept(note: Path) -> set[str]:
    try:
        return _tops(note.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise BadData(
            f"{note} is damaged, so nobody knows which files of DVC's cache it needs; restore it, as with"
            f" `git checkout HEAD -- {note}`, and start again"
        ) from error


def _committed() -> Iterator[str]:
    """The text of each .dvc file of any commit."""
    objects = (line.partition(" ") for line in _git("rev-list", "--all", "--objects").splitlines())
    for blob, _, path in objects:
        if path.endswith(".dvc") and Path(path).name != ".dvc":
            yield _git("cat-file", "-p", blob)


def _members(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return [str(entry["md5"]) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _busy() -> bool:
    """Whether a living process reads or writes an output; what a killed one left behind does not count."""
    return any(psutil.pid_exists(pid) for home in homes() for pid in owners(home / RUNNING))


def _git(*arguments: str) -> str:
    """What git prints; nothing where there is no repository."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
