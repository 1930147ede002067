"""What a source is, the fingerprint that notices its changes, and how to open it as a tree of files."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pawtrait.adapters.sources import archives, downloads, folders, kaggle
from pawtrait.adapters.sources.trouble import plainly
from pawtrait.dataset import demo as drawings
from pawtrait.dataset.demo import paintings
from pawtrait.errors import BadSource
from pawtrait.files import scratch_folder, sha256
from pawtrait.params import Demo, DemoPaintings, shown

Kind = Literal["demo", "kaggle", "folder", "archive", "url"]

RENEW = (
    "renew it: python -m pawtrait.stages fingerprint --out data/source.json --paintings data/paintings.json"
    " --weights data/weights.json"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where pictures come from.

    Attributes:
        key: the parameter that names it, for messages.
        source: demo | kaggle:OWNER/NAME | a folder | an archive | an address.
        facts: of the demo, what its pictures hang on.
        draw: write the demo's pictures below a folder.
    """

    key: str
    source: str
    facts: Mapping[str, Any]
    draw: Callable[[Path], None]


def pets(source: str, demo: Demo) -> Origin:
    """The photos that ``ingest.source`` names."""
    counts = {"train": demo.train, "valid": demo.valid, "test": demo.test}

    def draw(folder: Path) -> None:
        drawings.draw(folder, counts, demo.side, demo.seed, demo.faults)

    code = _code(sorted(Path(drawings.__file__).parent.glob("*.py")))
    return Origin("ingest.source", source, {"code": code, **demo.model_dump()}, draw)


def painted(source: str, demo: DemoPaintings) -> Origin:
    """The paintings that ``paintings.source`` names."""

    def draw(folder: Path) -> None:
        paintings.paint(folder, demo.count, demo.side, demo.seed)

    code = _code(sorted(Path(drawings.__file__).parent.rglob("*.py")))  # a painting may show a pet
    return Origin("paintings.source", source, {"code": code, **demo.model_dump()}, draw)


def kind(source: str, key: str = "ingest.source") -> Kind:
    """What sort of source the parameter ``key`` names.

    Raises:
        BadSource: it is none.
    """
    if source == "demo":
        return "demo"
    if source.startswith("kaggle:"):
        return "kaggle"
    if "://" in source:
        return "url"
    path = folders.located(source)
    if path.is_dir():
        return "folder"
    if path.is_file():
        return "archive"
    raise BadSource(
        f"{key} = {source!r} is not here; expected demo, kaggle:OWNER/NAME, a folder, a zip or tar, "
        "or an http(s) or s3 address of one"
    )


def fingerprint(origin: Origin) -> dict[str, Any]:
    """A few facts that change when the pictures do, without clock or absolute path.

    Raises:
        BadSource: the source is missing or cannot be reached.
    """
    source = origin.source
    match kind(source, origin.key):
        case "demo":
            return {"kind": "demo", **origin.facts}
        case "kaggle":
            return {"kind": "kaggle", "handle": kaggle.resolve(source.removeprefix("kaggle:"))[0]}
        case "url":
            return {"kind": "url", **asdict(downloads.look(source))}
        case "folder":
            return _of_folder(_path(source))
        case "archive":
            path = _path(source)
            with plainly(path.name):
                size, content = path.stat().st_size, sha256(path)
            return {"kind": "archive", "name": path.name, "bytes": size, "sha256": content}


@contextmanager
def opened(origin: Origin, largest: int, known: dict[str, Any], cache: Path) -> Iterator[Path]:
    """Give the source's files as a folder that is only to be read; ``known`` is its fingerprint.

    ``cache`` keeps downloads for ever and scratch folders for the length of the block; an archive that grows
    beyond ``largest`` bytes is refused.

    Raises:
        BadSource: the fingerprint is of another source or another state of it, or the source cannot be used.
    """
    source, what = origin.source, kind(origin.source, origin.key)
    if known.get("kind") != what:
        raise BadSource(
            f"the fingerprint is of {known.get('kind')!r}, {origin.key} is {_name(source)!r}; {RENEW}"
        )
    if what in ("folder", "archive", "url") and fingerprint(origin) != known:
        raise BadSource(f"{_name(source)} has changed since its fingerprint was taken; {RENEW}")
    if what == "folder":
        yield _path(source)
    elif what == "kaggle":
        yield _of_kaggle(source, str(known.get("handle")))
    else:
        with _scratch(cache) as folder:
            if what == "demo":
                with plainly("demo"):
                    origin.draw(folder / "demo")
            else:
                archive = _path(source) if what == "archive" else _fetched(source, known, cache)
                archives.unpack(archive, folder, largest)
            yield folder


def read(path: Path) -> dict[str, Any]:
    """A fingerprint that was written before.

    Raises:
        BadSource: it is missing or none.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSource(f"{path} is missing or no JSON; {RENEW}") from error
    if not isinstance(known, dict):
        raise BadSource(f"{path} is no fingerprint; {RENEW}")
    return known


def apart(tree: Path, target: Path, key: str) -> None:
    """Refuse a source that a stage would overwrite, or read its own output from.

    Raises:
        BadSource: one of the folders lies inside the other.
    """
    inner, outer = sorted((tree.resolve(), target.resolve()), key=lambda path: -len(path.parts))
    if inner.is_relative_to(outer):
        raise BadSource(f"{key} {tree.name} and {target} lie inside each other; move the source elsewhere")


def _path(source: str) -> Path:
    return folders.located(source).resolve()


def _name(source: str) -> str:
    """The source without what lies above it on this disk."""
    return shown(source) if "://" in source else source.rstrip("/").rpartition("/")[2]


def _of_folder(root: Path) -> dict[str, Any]:
    """Names and contents count, times do not; a byte changed in place is noticed."""
    files = folders.listing(root)
    with plainly(root.name):
        seen = [root / name for name in files if files[name] != folders.JUNK]
        size = sum(path.stat().st_size for path in seen)
    return {
        "kind": "folder",
        "name": root.name,
        "files": len(seen),
        "bytes": size,
        "sha256": folders.digest(files),
    }


def _of_kaggle(source: str, handle: str) -> Path:
    """The files of exactly the version that the fingerprint names, so that it can be brought back later."""
    wanted = source.removeprefix("kaggle:")
    if handle != wanted and not handle.startswith(f"{wanted}/"):
        raise BadSource(f"the fingerprint is of kaggle:{handle}, ingest.source is {source!r}; {RENEW}")
    return kaggle.resolve(handle)[1]


def _fetched(source: str, known: dict[str, Any], cache: Path) -> Path:
    facts = {name: value for name, value in known.items() if name != "kind"}
    return downloads.fetch(source, downloads.Remote(**facts), cache / "downloads")


def _code(files: list[Path]) -> str:
    """A hash of the drawing code: other code, other drawings."""
    return hashlib.sha256(repr([(path.name, sha256(path)) for path in files]).encode()).hexdigest()


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """A folder that is gone after the block; beside the cache, for the system's own may be small."""
    with ExitStack() as stack:
        with plainly("scratch folder"):
            folder = stack.enter_context(scratch_folder(cache / "source"))
        yield folder
