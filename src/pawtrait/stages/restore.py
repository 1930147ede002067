"""Restore, outside DVC: a backup → this project, where nothing lies yet; nothing is written over."""

import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pawtrait import champion
from pawtrait.adapters import registry, relocation, succession, tracking
from pawtrait.adapters.store import database, dumps, pictures
from pawtrait.errors import BadStore
from pawtrait.files import sha256
from pawtrait.stages import backup
from pawtrait.stages.backup import Contents


def run(*, source: Path, feedback: Path, note: Path = champion.NOTE) -> None:
    """Bring a backup back; MLflow's paths then name where its artifacts lie here.

    Raises:
        BadStore: it is no backup of ours or damaged, or something lies where it would go.
    """
    if not source.is_file():
        raise BadStore(f"{source} does not exist; name a file that `make backup` wrote")
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=Path.cwd()) as scratch:
        draft = Path(scratch)
        contents = _unpacked(source, draft)
        moved = {old: _home(old) for old in contents.artifacts}
        _free(contents, moved, feedback)
        inbox = pictures.Pictures()
        for path in _files(draft / backup.PICTURES):
            inbox.put(path.read_bytes())  # one that is there already stays
        paths = {backup.MLFLOW: dict.fromkeys(relocation.PLACES, moved)}
        for name in contents.backends:  # before the files: what PostgreSQL refuses can then be tried again
            dumps.load(_address(name), draft / name, paths.get(name, {}))
        for old, name in contents.artifacts.items():
            _put(draft / name, tracking.folder(moved[old]))
            relocation.rewrite(tracking.folder(moved[old]), old, moved[old])
        _put(draft / backup.SNAPSHOTS, feedback)
    if backup.MLFLOW not in contents.backends:
        print(f"restored {source} of {contents.made}, without MLflow, which it does not hold")
        return
    crowned = registry.aliases().get(registry.CHAMPION)
    if crowned is not None:
        succession.write_note(crowned, note)  # anew: it says where the files lie
    print(f"restored {source} of {contents.made}; champion: {f'version {crowned}' if crowned else 'none'}")


def _unpacked(source: Path, draft: Path) -> Contents:
    """The backup's files in a folder, each compared with its sum."""
    if not hasattr(tarfile, "data_filter"):
        version = ".".join(map(str, sys.version_info[:3]))
        raise BadStore(
            f"this is Python {version}, which follows links that lead out of a backup; restore with 3.11.4 or"
            " newer"
        )
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(draft, filter="data")
        known = _contents((draft / backup.CONTENTS).read_text(encoding="utf-8"))
    except (OSError, tarfile.TarError, ValueError) as error:
        raise BadStore(
            f"{source} is not a whole backup: {error}; name a file that `make backup` wrote"
        ) from error
    for name, digest in known.sums.items():
        if not (draft / name).is_file() or sha256(draft / name) != digest:
            raise BadStore(f"{source}: {name} is missing or damaged; take an older backup")
    return known


def _contents(text: str) -> Contents:
    """What a backup says of itself.

    Raises:
        ValueError: it is no JSON, or has other fields than ours.
    """
    try:
        return Contents(**json.loads(text))
    except TypeError as error:
        raise ValueError(f"another pawtrait wrote {backup.CONTENTS}: {error}") from error


def _home(old: str) -> str:
    """Where artifacts go: mlruns beside MLflow's SQLite file, or in this folder; spelt as it was."""
    folder = tracking.home() / "mlruns" / tracking.folder(old).name
    return folder.as_uri() if old.startswith("file:") else str(folder)


def _address(name: str) -> str:
    """Of the store that a part of the backup goes into."""
    return database.url() if name == backup.FEEDBACK else tracking.address()


def _free(contents: Contents, moved: dict[str, str], feedback: Path) -> None:
    """Nothing may lie where something would go; only pictures go beside others, under names of their own."""
    for name, kind in contents.backends.items():
        address = _address(name)
        if dumps.backend(address) != kind:
            raise BadStore(
                f"{name} of the backup is {kind}, and {database.shown(address)} is not; set the address of a"
                f" {kind} database"
            )
        if there := dumps.there(address):
            raise BadStore(f"{there} is not empty; move it away first, or restore elsewhere")
    for folder in (*(tracking.folder(new) for new in moved.values()), feedback):
        taken = [path for path in folder.glob("*") if not backup.in_git(path)]
        if taken:
            raise BadStore(f"{taken[0]} is here already; move it away first, or restore elsewhere")


def _put(source: Path, target: Path) -> None:
    for path in _files(source):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
