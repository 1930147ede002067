"""The retraining's own clone: its branch for the month, the caches it shares, what it commits and pushes.

People go on working in the project while a month is retrained; what the month brings is a branch
``retrain/YYYY-MM`` there. The clone stays, so that a run that died goes on where it was.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import psutil
from dvc.config import Config
from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils import strictyaml

from pawtrait.adapters import cache, lineage
from pawtrait.adapters.lineage import CODE
from pawtrait.adapters.sources.folders import PROJECT
from pawtrait.errors import BadData
from pawtrait.files import write_text
from pipelines.git import NOBODY, git
from pipelines.processes import CommandError

BRANCHES = "retrain"  # of a month: retrain/YYYY-MM
COMMITTED = ("data", "dvc.lock")  # what a retraining may change
MOVING = ".git/pawtrait-moving"  # is there while files go from one commit to another
DVC = (sys.executable, "-m", "dvc")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one month is retrained."""

    root: Path  # the project that people work in
    path: Path  # the clone
    month: str  # YYYY-MM

    @property
    def branch(self) -> str:
        """The month's branch, in the clone and in the project."""
        return f"{BRANCHES}/{self.month}"

    def environment(self) -> dict[str, str]:
        """What a command in the clone needs: its code, the project's stores where none is named, its place.

        Relative paths, in these variables as in params.yaml, are meant from the project.
        """
        stores = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root}/mlflow.db",
            "DATABASE_URL": f"sqlite:///{self.root}/feedback.db",
            "PAWTRAIT_PICTURES": str(self.root / "data/inbox"),
        }
        paths = [str(self.path / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        found = {name: self._from_root(os.environ.get(name) or url) for name, url in stores.items()}
        return {**found, PROJECT: str(self.root), "PYTHONPATH": os.pathsep.join(paths)}

    def _from_root(self, place: str) -> str:
        """A folder or SQLite file's address without its dependence on the current folder."""
        if "://" not in place:
            return str(self.root / Path(place).expanduser())
        scheme, _, path = place.partition(":///")
        return f"{scheme}:///{self.root / path}" if scheme.startswith("sqlite") and path else place


def prepare(root: Path, path: Path, month: str) -> Workspace:
    """The clone at ``path``, made if need be, on the month's branch with the project's newest commit in it.

    A month that was begun goes on with all it has; a new one starts from the month before, so that nothing
    that was frozen then is lost even if nobody merged it.

    Raises:
        CommandError: the project is no git repository with a commit, or is another user's, or its changes and
            the month's disagree.
    """
    ws = Workspace(root.resolve(), path.resolve(), month)
    if (ws.root / ".git").exists():
        git(ws.root, "rev-parse", "--git-dir")  # where it belongs to another user, git says what to do
    if not git(ws.root, "rev-parse", "--quiet", "--verify", "HEAD", good=(0, 1, 128)):
        raise CommandError(
            f"{root.resolve().name} is not a git repository with a commit, and a retraining commits its"
            " results; `git init` and commit, or retrain in this folder with --here"
        )
    if (ws.path / ".git").exists():
        _unlock(ws)
    else:
        _clone(ws)
    git(ws.path, "config", "remote.origin.url", str(ws.root))  # the project may have been moved or copied
    git(ws.path, "config", "core.excludesFile", os.devnull)  # DVC reads it, and is blind to what it names
    _share(ws)
    write_text(ws.path / ".git/info/attributes", f"{lineage.LOCK} -merge\n")  # see ``_merge``
    _switch(ws)
    return ws


def begun(ws: Workspace) -> bool:
    """Whether an earlier run of this month came to ``begin``; what was merged for it before says nothing."""
    return bool(git(ws.path, "log", "-1", "--format=%s", f"--grep=^{_beginning(ws)}$"))


def commit(ws: Workspace, what: str) -> str:
    """Commit what the retraining may change, and give the commit; nothing changed, no new commit."""
    known = [name for name in COMMITTED if (ws.path / name).exists()]
    git(ws.path, "add", "--all", "--", *known)
    if git(ws.path, "status", "--porcelain", "--", *known):
        git(ws.path, "commit", "--quiet", "--message", f"retrain {ws.month}: {what}")
    return head(ws)


def unedited(ws: Workspace) -> None:
    """Nobody changed code or parameters in the clone: what a month makes comes from the commit that it names.

    Raises:
        CommandError: somebody did.
    """
    if changed := git(ws.path, "status", "--porcelain", "--", *CODE).splitlines():
        names = " ".join(line.split(maxsplit=1)[1] for line in changed)
        raise CommandError(
            f"{names}: changed in {ws.path} and not committed, so no commit could make these models again;"
            f" run `git -C {ws.path} stash push --include-untracked -- {names}`, make the change in the"
            " project, commit it there, and start again"
        )


def begin(ws: Workspace) -> str:
    """The commit that says this month has begun, with the data it starts from."""
    known = [name for name in COMMITTED if (ws.path / name).exists()]
    git(ws.path, "add", "--all", "--", *known)
    git(ws.path, "commit", "--quiet", "--allow-empty", "--message", _beginning(ws))
    return head(ws)


def _beginning(ws: Workspace) -> str:
    return f"retrain {ws.month}: data"


def head(ws: Workspace) -> str:
    """The newest commit of the clone."""
    return git(ws.path, "rev-parse", "HEAD")


def unchanged(ws: Workspace, commit: str) -> bool:
    """Whether data and results here are those of a commit, whatever else was merged since."""
    named = ("rev-parse", "--quiet", "--verify", f"{commit}^{{commit}}")
    known = git(ws.path, *named, good=(0, 1, 128))
    return bool(known) and not git(ws.path, "diff", "--name-only", known, "--", *COMMITTED)


def ever(ws: Workspace, name: Path) -> bool:
    """Whether any commit on the way to the clone's newest had a hand in this file."""
    return bool(git(ws.path, "log", "-1", "--full-history", "--format=%h", "--", str(name)))


def push(ws: Workspace) -> None:
    """Bring the month's branch to the project; its files there stay as they are.

    Raises:
        CommandError: somebody has that branch checked out, or has added to it.
    """
    try:
        git(ws.path, "push", "--quiet", "origin", f"HEAD:refs/heads/{ws.branch}")
    except CommandError as error:
        raise CommandError(
            f"the branch {ws.branch} of {ws.root.name} cannot be updated: {error}; switch to another branch,"
            " or merge this one, then start again"
        ) from error


def remotes(ws: Workspace) -> dict[str, str]:
    """The project's DVC remotes by name, each with its address; a local one as an absolute path."""
    found = Config(str(ws.root / ".dvc"))["remote"]
    return {name: str(remote["url"]) for name, remote in found.items()}


def reachable(ws: Workspace) -> None:
    """Where the month's data go is said, and a folder can be had: asked before hours of training.

    Raises:
        CommandError: it is not; a container sees no more than it mounts.
    """
    known = remotes(ws)
    name = Config(str(ws.root / ".dvc"))["core"].get("remote")
    if known and name not in known:
        raise CommandError(
            f"none of the DVC remotes {', '.join(known)} is the default, to which a month's data go;"
            " choose one with `dvc remote default NAME`"
        )
    url = known.get(name, "")
    if not url or "://" in url:
        return
    try:
        Path(url).mkdir(parents=True, exist_ok=True)  # as the push would
    except OSError as error:
        raise CommandError(
            f"the DVC remote {name} is {url}, which does not exist here and cannot be made; in a container,"
            " mount it there too, or use another remote (docs/deploy.md)"
        ) from error


def _clone(ws: Workspace) -> None:
    """Whole or not at all: a clone that was cut off never has the final name."""
    ws.path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".clone.", dir=ws.path.parent))
    git(ws.root, "clone", "--quiet", "--no-checkout", str(ws.root), str(draft))
    for key, value in NOBODY.items():
        if not git(draft, "config", key, good=(0, 1)):
            git(draft, "config", key, value)
    draft.rename(ws.path)


def _unlock(ws: Workspace) -> None:
    """Locks of a git or a DVC that was killed: a month has the clone to itself, so nobody else holds them.

    DVC goes by numbers of processes, and that of a killed one may be anybody's by now, as in a new container:
    each stage would wait for it. A DVC that outlived its month works on in the clone, and is waited for.
    """
    for lock in (ws.path / ".git").rglob("*.lock"):
        lock.unlink()
    running = ws.path / cache.RUNNING
    if not any(_works_in(ws.path, pid) for pid in _owners(running)):
        running.unlink(missing_ok=True)


def _owners(running: Path) -> set[int]:
    try:
        return cache.owners(running)
    except BadData:  # its writer was killed over it
        return set()


def _works_in(folder: Path, pid: int) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.Error:  # it is no more, or another user's
        return False


def _share(ws: Workspace) -> None:
    """DVC's cache and remotes are the project's, with their keys: nothing is computed or fetched twice."""
    theirs = Config(str(ws.root / ".dvc"))
    place = ws.path / ".dvc" / "config.local"
    place.parent.mkdir(exist_ok=True)  # a clone that was just made has no files yet
    place.unlink(missing_ok=True)
    place.touch(mode=0o600)  # a remote's password may be among it
    with Config(str(ws.path / ".dvc")).edit("local") as ours:
        ours["cache"] = {"dir": str(_cache(ws.root))}
        ours["remote"] = {name: dict(options) for name, options in theirs["remote"].items()}
        if core := theirs["core"].get("remote"):
            ours["core"] = {"remote": core}


def _cache(root: Path) -> Path:
    named = Config(str(root / ".dvc"))["cache"].get("dir")
    return (root / ".dvc" / named).resolve() if named else root / ".dvc" / "cache"


def _switch(ws: Workspace) -> None:
    """To the month's branch, with the project's newest commit merged in."""
    git(ws.path, "fetch", "--quiet", "origin", f"+refs/heads/{BRANCHES}/*:refs/remotes/origin/{BRANCHES}/*")
    git(ws.path, "fetch", "--quiet", "origin", "HEAD")
    newest = git(ws.path, "rev-parse", "FETCH_HEAD")
    if (ws.path / MOVING).exists():  # a run died in between; what it had was saved before
        git(ws.path, "read-tree", "--reset", "-u", newest)  # else what is new in it stays, in the merge's way
        git(ws.path, "reset", "--quiet", "--hard")
        (ws.path / MOVING).unlink()
    elif (ws.path / ".git/MERGE_HEAD").exists():  # or one of before there was this note
        git(ws.path, "merge", "--abort")
    _mend(ws)
    if git(ws.path, "branch", "--show-current") != ws.branch or not _born(ws):
        if _born(ws):
            _save(ws)
        with _moving(ws):
            git(ws.path, "checkout", "--quiet", "--force", "-B", ws.branch, _base(ws) or newest)
        _mend(ws)  # an earlier month's last word may be half a lock too
    if git(ws.path, "merge-base", "HEAD", newest) != newest:
        unedited(ws)  # git merges nothing into a file that somebody changed
        _save(ws)
        with _moving(ws):
            _merge(ws, newest)
    _check_code(ws, newest)


def _check_code(ws: Workspace, newest: str) -> None:
    """The month's code is that of the project's newest commit.

    A checkout of an older commit, a reset to one or a branch without an earlier month's commits has nothing
    that takes their code back: months would go on with it.

    Raises:
        CommandError: it is another.
    """
    others = git(ws.path, "diff", "--name-only", newest, "HEAD", "--", *CODE).splitlines()
    if others:
        names = " ".join([*others[:3], *["…"][: len(others[3:])]])
        taken = git(ws.path, "log", "-1", "--format=%h", f"{newest}..HEAD", "--", *CODE)
        raise CommandError(
            f"{names}: not as in the project's commit {newest[:9]}: earlier months took in commit {taken},"
            " which the project lacks; merge that there, and if its code is not wanted, take it back by a"
            " commit, as docs/deploy.md (An update) has it; then start again"
        )


@contextmanager
def _moving(ws: Workspace) -> Iterator[None]:
    """Leave a note where a kill or a full disk cuts the block off: half of another commit's files are here.

    Git takes them for somebody's changes then, and merges no more. Where there are some, they are let be.
    """
    note = ws.path / MOVING
    if not git(ws.path, "status", "--porcelain"):
        note.touch()
    yield
    note.unlink(missing_ok=True)


def _mend(ws: Workspace) -> None:
    """Take the last commit's dvc.lock for one that a DVC was killed over, or found no room for; or none.

    DVC writes it in place and reads none in pieces, so that no month would go on; its cache knows the rest.
    """
    lock = ws.path / lineage.LOCK
    if not _readable(lock):
        git(ws.path, "checkout", "HEAD", "--", str(lineage.LOCK), good=(0, 1))  # 1: there is none
    if not _readable(lock):  # still: it was saved so
        lock.unlink()


def _readable(lock: Path) -> bool:
    """Whether DVC reads it: one that ends in a dependency's ``size:`` is YAML still, with whole outputs."""
    if not lock.is_file():
        return True
    try:
        strictyaml.load(str(lock), COMPILED_LOCKFILE_SCHEMA)
    except DvcException:
        return False
    return True


def _born(ws: Workspace) -> bool:
    """Whether the clone has files: right after it was made it has none."""
    return bool(git(ws.path, "ls-files"))


def _save(ws: Workspace) -> None:
    """Results of a run that died are kept on the branch they belong to."""
    month = git(ws.path, "branch", "--show-current").rpartition("/")[2]
    commit(Workspace(ws.root, ws.path, month), "as far as it came")


def _base(ws: Workspace) -> str | None:
    """The branch that this month starts from: its own if it was begun elsewhere, or the newest before it."""
    listed = git(ws.path, "for-each-ref", "--format=%(refname)", "refs/heads/", "refs/remotes/origin/")
    refs = [
        ref for ref in reversed(listed.splitlines()) if f"/{BRANCHES}/" in ref
    ]  # the clone's own come last
    months = {ref.rpartition("/")[2]: ref for ref in refs}
    newest = max((month for month in months if month <= ws.month), default=None)
    return months[newest] if newest else None


def _merge(ws: Workspace, newest: str) -> None:
    """The project's commits into the month. Of two results the month's stands: DVC sees what is stale.

    By the project's lock the results of the last month would go before their splits are recorded. It is
    taken whole, never lines of each: code of the one run beside data of the other would pass for a run that
    nobody made. On a month's feedback the project's word stands: somebody froze it anew after a picture was
    forgotten.

    Raises:
        CommandError: other files disagree, which a person has to settle; or git could not merge at all.
    """
    subject = f"retrain {ws.month}: with the project's newest commit"
    try:
        git(ws.path, "merge", "--quiet", "--message", subject, newest)
    except CommandError as error:
        disputed = git(ws.path, "diff", "--name-only", "--diff-filter=U").splitlines()
        if not disputed:
            raise CommandError(f"{ws.path}: {error}") from error
        _settle(ws, disputed)
        git(ws.path, "commit", "--quiet", "--message", subject)


def _settle(ws: Workspace, disputed: list[str]) -> None:
    for name in disputed:
        if not name.startswith(COMMITTED):
            git(ws.path, "merge", "--abort")
            raise CommandError(
                f"{name} was changed in the project and on the branch of an earlier month; merge"
                f" {_base(ws) or ws.branch} into the project by hand, then start again"
            )
        side, stage = ("--theirs", 3) if name.endswith(".dvc") else ("--ours", 2)
        sides = git(ws.path, "ls-files", "--unmerged", "--", name).splitlines()
        if any(one.split()[2] == str(stage) for one in sides):
            git(ws.path, "checkout", side, "--", name)
            git(ws.path, "add", "--", name)
        else:  # it was removed there
            git(ws.path, "rm", "--quiet", "--", name)
