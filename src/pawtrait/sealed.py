"""A model's folder: its files under SHA-256 sums that are checked before anything is loaded."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pawtrait.errors import BadModel
from pawtrait.files import sha256, write_text

SUMS = "SHA256SUMS"
FACTS = "model.json"


def seal(folder: Path) -> None:
    """Write the sums of every file in the folder, in the format of ``sha256sum``."""
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    write_text(folder / SUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def check(folder: Path, *needed: str) -> dict[str, str]:
    """Compare every listed file with its sum; give the sums by file name.

    Raises:
        BadModel: the folder, a listed file or one of those ``needed`` is missing, or a byte has changed.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadModel(
            f"{folder} is no model folder: it has no {SUMS}; train a model or name another"
        ) from error
    except UnicodeDecodeError as error:
        raise BadModel(
            f"{folder}/{SUMS} is not the file that was sealed; train or download the model again"
        ) from error
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if fault := next(_faults(folder, sums, (*needed, FACTS)), None):
        raise BadModel(f"{folder}/{fault}; train or download the model again")
    return sums


def facts(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says of the model; check the folder first."""
    loaded: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return loaded


def write_facts(folder: Path, known: dict[str, Any]) -> None:
    """Write ``model.json``."""
    write_text(folder / FACTS, json.dumps(known, indent=1, ensure_ascii=False) + "\n")


def _faults(folder: Path, sums: Mapping[str, str], needed: Iterable[str]) -> Iterator[str]:
    yield from (f"{SUMS} lists no {name}" for name in needed if name not in sums)
    for name, digest in sums.items():
        if not (folder / name).is_file():
            yield f"{name} is missing though {SUMS} lists it"
        elif sha256(folder / name) != digest:
            yield f"{name} is not the file that was sealed"
