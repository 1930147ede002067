"""Where a version lies: as the champion's note says, in a folder by itself, or copied from the registry."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pawtrait import champion, sealed
from pawtrait.errors import BadModel
from pawtrait.files import sha256
from pawtrait.serving.settings import Settings

REGISTRY = "models:/"
KEPT = 3  # versions at hand: a request that began before a change is answered by its own, a rollback is quick
MODEL = "model.onnx"

_copied: list[Callable[[], object]] = []  # each removes a folder of copies, once


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version lies; two that are equal need not be loaded twice.

    Attributes:
        name: of the registered model.
        digest: SHA-256 of its network, or of the folder's sums where that is not known yet.
    """

    name: str
    version: str
    digest: str
    folder: Path


Source = Callable[[], Place]  # says which version is champion now; a PawtraitError where there is none


def source(settings: Settings) -> Source:
    """Where ``settings.model`` says that the champion is to be looked for."""
    if settings.model.startswith(REGISTRY):
        return registered(settings.model)
    if settings.model:
        return _folder(Path(settings.model))
    return _note(settings.note)


def registered(uri: str, network: str = MODEL) -> Source:
    """A version in the registry, by its alias or number.

    Versions are copied into a folder of this process, the last ``KEPT`` of them; one is remembered once its
    sums were checked. A painter's copy bears the painter's name, as its folder in a project does.
    """
    ours = Path(tempfile.mkdtemp(prefix="pawtrait-"))
    copies: dict[str, Path] = {}  # the one that was champion last is the last

    def look() -> Place:
        from pawtrait.adapters import registry  # late: MLflow is loaded for this source alone

        known = registry.resolve(uri)
        version, digest = str(known.version), known.tags.get("model.sha256", "")
        folder = copies.pop(version, None)
        if folder is None or not (folder / sealed.SUMS).is_file():  # temporary folders are tidied up
            with _filled(ours / version) as into:
                folder = registry.folder_of(known, into).rename(into / known.name.rpartition("-")[2])
                check(Place(known.name, version, digest, folder), network)
        copies[version] = folder
        for old in list(copies)[:-KEPT]:
            del copies[old]
            shutil.rmtree(ours / old, ignore_errors=True)
        return Place(known.name, version, digest, folder)

    # Once nobody looks any more, by ``leave``, or at an end that is no signal's.
    _copied.append(weakref.finalize(look, shutil.rmtree, ours, ignore_errors=True))
    return look


def leave() -> None:
    """Remove every copy, as the last thing that this process does.

    A signal ends uvicorn in order, and then the process by its default, so that no finalizer is run.
    """
    while _copied:
        _copied.pop()()


def check(place: Place, network: str = MODEL) -> str:
    """The SHA-256 of a version's network.

    Raises:
        BadModel: a file is missing or was changed, or it is not the model that was named.
    """
    digest = sealed.check(place.folder, network)[network]
    if place.digest and digest != place.digest:
        raise BadModel(
            f"{place.folder} holds {digest[:12]}, version {place.version} is {place.digest[:12]};"
            " run `pawtrait register` or restore a backup"
        )
    return digest


def _note(path: Path) -> Source:
    def look() -> Place:
        said = champion.read(path)
        return Place(said.name, said.version, said.sha256, Path(said.folder))

    return look


def _folder(path: Path) -> Source:
    """A folder by itself: its version is the start of its model's SHA-256, unless it says one."""
    seen: dict[str, Place] = {}  # by the folder's sums; it is looked into when they change

    def look() -> Place:
        try:
            sums = sha256(path / sealed.SUMS)
        except OSError as error:
            raise BadModel(f"{path} is no model folder: it has no {sealed.SUMS}; name another") from error
        if sums not in seen:
            digest = sealed.check(path, MODEL)[MODEL]
            version = str(sealed.facts(path).get("version", digest[:12]))
            seen.clear()
            seen[sums] = Place(champion.MODEL, version, digest, path)
        return seen[sums]

    return look


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A new folder, gone again where the block fails."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
