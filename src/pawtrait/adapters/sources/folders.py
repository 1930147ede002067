"""Trees of files: list them with hashes, digest them, copy pictures out of them."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pawtrait.adapters.sources.trouble import plainly
from pawtrait.dataset.layout import Spot, is_junk
from pawtrait.files import sha256
from pawtrait.progress import track

log = logging.getLogger(__name__)

PROJECT = "PAWTRAIT_PROJECT"  # the folder that relative paths of params.yaml are meant from, in a clone of it
JUNK = ""  # stands where the hash of a hidden or system file would; its content does not matter


def located(named: str) -> Path:
    """Where a path of params.yaml leads; a relative one from the project, in the retraining's clone too."""
    return Path(os.environ.get(PROJECT, ""), Path(named).expanduser())


def listing(root: Path) -> dict[str, str]:
    """Every file below ``root``: its path (relative, with /, sorted) and the SHA-256 of its content.

    Links are followed, loops are not. What is neither a file nor a folder (a broken link, a pipe) is logged.

    Raises:
        BadSource: a file or folder cannot be read, but for folders that are junk.
    """
    with plainly(root.name):
        names = sorted(_names(root))
        wanted = [name for name in names if not is_junk(name)]
        with ThreadPoolExecutor() as pool:  # hashing lets go of the interpreter's lock
            hashes = pool.map(lambda name: sha256(root / name), wanted)
            known = dict(zip(wanted, track(hashes, len(wanted), "hash files"), strict=True))
    return {name: known.get(name, JUNK) for name in names}


def digest(files: Mapping[str, str]) -> str:
    """One SHA-256 for the names and contents of all files but junk; times and places on disk do not count."""
    whole = hashlib.sha256()
    for name in sorted(files):
        if files[name] != JUNK:
            whole.update(f"{name}\0{files[name]}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def copy(root: Path, spots: Sequence[Spot], into: Path) -> None:
    """Copy each picture's bytes to its target below ``into``; a copy is never a link to the original.

    Raises:
        BadSource: a file cannot be read or written, as when the disk is full.
    """
    for spot in track(spots, len(spots), "copy pictures"):
        target = into / spot.target
        with plainly(spot.target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / spot.origin, target)


def _names(root: Path) -> Iterator[str]:
    """The paths of all regular files below a folder, in no order."""
    above: dict[str, frozenset[str]] = {str(root): frozenset([os.path.realpath(root)])}
    for here, folders, names in os.walk(root, followlinks=True, onerror=partial(_unlisted, root)):
        for name in names:
            path = Path(here, name)
            if path.is_file():
                yield path.relative_to(root).as_posix()
            else:
                log.warning("%s is no regular file (a broken link or a pipe) and stays out", ascii(name))
        for folder in list(folders):
            real = os.path.realpath(Path(here, folder))
            if real in above[here]:
                log.warning("the link %s leads back to a folder above it and is not followed", ascii(folder))
                folders.remove(folder)
            else:
                above[str(Path(here, folder))] = above[here] | {real}


def _unlisted(root: Path, error: OSError) -> None:
    """Go on without a folder that is junk: others may not list what a disk keeps for its system."""
    place = Path(error.filename).relative_to(root)
    if place == Path() or not is_junk(place.as_posix()):
        raise error
    log.info("%s cannot be listed and stays out", ascii(str(place)))
