"""Backup, outside DVC: feedback, pictures, ledger, MLflow and the champion's note → one tar file.

In the tar: ``feedback.database`` and ``mlflow.database`` (a SQLite file or a dump of PostgreSQL),
``artifacts/N/``, ``snapshots/``, ``champion.json``, ``pictures/``, and last ``backup.json``, which lists all
with their sums. MLflow is left out where its artifacts lie with a server, which has to back up both.
"""

import io
import json
import logging
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from pawtrait import champion, clock
from pawtrait.adapters import tracking
from pawtrait.adapters.store import database, dumps, pictures
from pawtrait.dataset import snapshots
from pawtrait.errors import BadStore
from pawtrait.files import scratch_folder, whole

log = logging.getLogger(__name__)

CONTENTS, NOTE = "backup.json", "champion.json"
FEEDBACK, MLFLOW = "feedback.database", "mlflow.database"
PICTURES, SNAPSHOTS, ARTIFACTS = "pictures", "snapshots", "artifacts"
IN_GIT = ("README.md", ".gitignore", "*.dvc")  # of the folder of snapshots; a clone has them


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup.

    Attributes:
        made: when, ISO 8601.
        backends: sqlite or postgresql, by the name of the database's file.
        artifacts: where MLflow had them, as it spells it → their folder in the backup.
        sums: SHA-256 by path.
    """

    made: str
    backends: dict[str, str]
    artifacts: dict[str, str]
    sums: dict[str, str]


def run(*, out: Path, feedback: Sequence[Path], note: Path = champion.NOTE) -> None:
    """Write a backup, whole or not at all; work may go on meanwhile.

    The databases come first: a picture or a model is kept before a row names it, so rows find their files.

    Args:
        feedback: the folders of snapshots; a month that several have is kept as the first has it.

    Raises:
        BadStore: a store cannot be read.
        BadRegistry: MLflow is a server, and nothing says where its database is.
    """
    with scratch_folder(out) as scratch:  # there is room beside it; a container's /tmp may be memory
        backends = _databases(scratch)
        artifacts = _artifacts(backends)
        away = [place for place in artifacts if tracking.near(place) is None]
        if away:
            artifacts = {}
            del backends[MLFLOW]
        entries = {name: scratch / name for name in backends}
        for location, name in artifacts.items():
            entries |= _tree(tracking.folder(location), name)
        entries |= _months(feedback)
        entries |= {NOTE: note} if note.is_file() else {}
        with whole(out) as draft, tarfile.open(draft, "w") as tar:
            sums = dict(_files(tar, entries)) | dict(_pictures(tar))
            made = Contents(clock.now().isoformat(), backends, artifacts, sums)
            _add(tar, CONTENTS, json.dumps(asdict(made), indent=1).encode())
    held = ", ".join(f"{count} {what}" for what, count in _counts(sums).items())
    print(f"{out}: {out.stat().st_size / 1e6:.0f} MB, {held}; restore it with `make restore FROM={out}`")
    if away:
        where = tracking.shown(away[0])
        print(f"without MLflow, whose artifacts lie at {where}: back up its database and them where they are")


def in_git(path: Path) -> bool:
    """Whether a file in the folder of snapshots comes with a clone."""
    return any(path.match(pattern) for pattern in IN_GIT)


def _databases(folder: Path) -> dict[str, str]:
    """Both databases as files in the folder; one that is not there yet is left out."""
    backends = {}
    for name, address in ((FEEDBACK, database.url()), (MLFLOW, tracking.address())):
        if not dumps.empty(address):
            if name == MLFLOW:
                tracking.client()  # in a checkout that was moved, its places lead here from now on
            dumps.save(address, folder / name)
            backends[name] = dumps.backend(address)
    return backends


def _artifacts(backends: dict[str, str]) -> dict[str, str]:
    """Where MLflow keeps artifacts, and their folder in the backup."""
    if MLFLOW not in backends:
        return {}
    places = dumps.values(tracking.address(), "experiments", "artifact_location")
    return {place: f"{ARTIFACTS}/{number}" for number, place in enumerate(places)}


def _tree(folder: Path, name: str) -> dict[str, Path]:
    """Every file below a folder, under its name in the backup."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"{name}/{path.relative_to(folder).as_posix()}": path for path in files}


def _months(folders: Sequence[Path]) -> dict[str, Path]:
    """Every file of every snapshot, under its name in the backup."""
    places = {month: folder / month for folder in reversed(folders) for month in snapshots.months(folder)}
    trees = [_tree(place, f"{SNAPSHOTS}/{month}") for month, place in sorted(places.items())]
    return {name: path for tree in trees for name, path in tree.items()}


def _files(tar: tarfile.TarFile, entries: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Add files; gives the sum of what of each went in."""
    for name, path in entries.items():
        with path.open("rb") as stream:
            read = _Summing(stream)
            info = tarfile.TarInfo(name)
            info.size = path.stat().st_size
            try:
                tar.addfile(info, read)  # type: ignore[arg-type]
            except OSError as error:
                raise BadStore(f"{path} could not be read whole: {error}; run the backup again") from error
            yield name, read.digest()


def _pictures(tar: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    """Add every picture, wherever they are kept; their names are their sums.

    What is damaged or was forgotten just now stops no backup, and a place that goes away meanwhile does.
    """
    inbox = pictures.Pictures()
    for name in inbox.names():
        try:
            _add(tar, f"{PICTURES}/{name}", inbox.get(name))
        except (pictures.Damaged, pictures.NoPicture) as error:
            log.warning("left out: %s", error)
        else:
            yield f"{PICTURES}/{name}", name


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


class _Summing:
    """A stream whose sum is that of what was read from it, even where the file grows meanwhile."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sum = sha256()

    def read(self, size: int = -1) -> bytes:
        """Bytes, as a file gives them."""
        data = self._stream.read(size)
        self._sum.update(data)
        return data

    def digest(self) -> str:
        """SHA-256 so far, in hex."""
        return self._sum.hexdigest()


def _counts(sums: dict[str, str]) -> dict[str, int]:
    """How many files of each kind."""
    kinds = {"databases": "", PICTURES: PICTURES, "artifacts": ARTIFACTS, "files of snapshots": SNAPSHOTS}
    parts = [name.partition("/") for name in sums]
    return {
        what: sum(top == folder if folder else top in (FEEDBACK, MLFLOW) for top, _, _ in parts)
        for what, folder in kinds.items()
    }
