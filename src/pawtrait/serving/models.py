"""The champion in memory: looked for again and again, checked, swapped whole; a request keeps its own."""

import logging
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from pawtrait import champion, sealed
from pawtrait.classification import predict
from pawtrait.classification.predict import Classifier
from pawtrait.errors import BadModel, PawtraitError
from pawtrait.files import sha256
from pawtrait.serving.settings import Settings

REGISTRY = "models:/"
KEPT = 3  # versions at hand: a request that began before a change is answered by its own, a rollback is quick
FIRST = 10.0  # seconds that a start waits for the first look; a registry that is away takes longer
LEAVING = 3.0  # seconds that an end waits for a look that is under way

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version lies; two that are equal need not be loaded twice."""

    name: str
    version: str
    digest: str  # SHA-256 of model.onnx, or of the sums where that is not known yet
    folder: Path


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded version."""

    place: Place
    kind: str  # cnn, mobilenet_v2 …
    classifier: Classifier

    def told(self) -> dict[str, str]:
        """As answers name it."""
        return {"name": self.place.name, "version": self.place.version, "kind": self.kind}


class Source(Protocol):
    """Says which version is champion now."""

    def __call__(self) -> Place:
        """Raises a PawtraitError where there is none."""


class Models:
    """Holds the version that new requests get.

    Attributes:
        problem: why there is none, or why the newest could not be taken; "" where all is well.
        swaps: how often the champion changed since the start.
        preparers, followers: called with a version before requests get it, and afterwards.
    """

    def __init__(self, source: Source, poll: float = 5.0) -> None:
        self._source = source
        self._poll = poll
        self._now: Served | None = None
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="champion", daemon=True)
        self.problem = "no model was loaded yet"
        self.swaps = 0
        self.preparers: list[Callable[[Served], None]] = []
        self.followers: list[Callable[[Served], None]] = []

    @property
    def served(self) -> Served | None:
        """The version for a request that begins now."""
        return self._now

    def now(self) -> Served:
        """The same, where there has to be one.

        Raises:
            BadModel: there is none.
        """
        if self._now is None:
            raise BadModel(self.problem)
        return self._now

    def refresh(self) -> bool:
        """Look once; True where another version was taken. What cannot be used is left, the old one stays."""
        try:
            place = self._source()
            if self._now and place == self._now.place:
                return False
            loaded = load(place)
            for prepare in self.preparers:
                prepare(loaded)
        except (PawtraitError, OSError) as error:
            self._complain(error)
            return False
        except Exception as error:  # whatever onnxruntime or a registry's client raises
            log.exception("a champion could not be taken")
            self._complain(error)
            return False
        self._swap(loaded)
        return True

    def start(self) -> None:
        """Look now, and from now on every ``poll`` seconds beside the requests.

        Waits some seconds for the first look and no longer: a registry that hangs keeps nobody from starting.
        """
        self._thread.start()
        self._looked.wait(FIRST)

    def stop(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LEAVING)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # whatever a registry's client raises: the version at hand stays
                log.exception("looking for a new champion failed")
            self._looked.set()
            self._stop.wait(self._poll)

    def _swap(self, loaded: Served) -> None:
        before, self._now = self._now, loaded
        self.problem = ""
        self.swaps += before is not None
        for follow in self.followers:
            follow(loaded)
        log.info("champion: %s version %s (%s)", loaded.place.name, loaded.place.version, loaded.kind)

    def _complain(self, error: Exception) -> None:
        if str(error) != self.problem:
            log.error("%s", error)
        self.problem = str(error)


def load(place: Place) -> Served:
    """Check a version's sums, open it on one thread, and warm it up.

    One thread: the service's workers call it side by side, which on few cores is twice as fast as one call
    on all of them.

    Raises:
        BadModel: a file is missing or was changed, or it is not the model that was named.
    """
    digest = _checked(place)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    facts = sealed.facts(place.folder)
    classifier = Classifier(predict.session(place.folder / "model.onnx", options), facts, digest)
    tried = classifier.probabilities(np.zeros((1, classifier.side, classifier.side, 3), np.uint8))
    if tried.shape != (1, len(facts["labels"])) or not np.isfinite(tried).all():
        raise BadModel(
            f"{place.folder} answers with {tried.tolist()}, expected a probability for each of"
            f" {', '.join(facts['labels'])}; train the model again"
        )
    return Served(place, str(facts["name"]), classifier)


def _checked(place: Place) -> str:
    """The SHA-256 of a version's network. Raises BadModel as ``load``."""
    digest = sealed.check(place.folder, "model.onnx")["model.onnx"]
    if place.digest and digest != place.digest:
        raise BadModel(
            f"{place.folder} holds {digest[:12]}, version {place.version} is {place.digest[:12]};"
            " run `pawtrait register` or restore a backup"
        )
    return digest


def source(settings: Settings) -> Source:
    """Where ``settings.model`` says that the champion is to be looked for."""
    if settings.model.startswith(REGISTRY):
        return _registry(settings.model)
    if settings.model:
        return _folder(Path(settings.model))
    return _note(settings.note)


def _note(path: Path) -> Source:
    def look() -> Place:
        said = champion.read(path)
        return Place(said.name, said.version, said.sha256, Path(said.folder))

    return look


def _folder(path: Path) -> Source:
    """A folder by itself: its version is the start of its model's SHA-256, unless it says one."""

    def look() -> Place:
        digest = sealed.check(path, "model.onnx")["model.onnx"]
        version = str(sealed.facts(path).get("version", digest[:12]))
        return Place(champion.MODEL, version, digest, path)

    seen: dict[str, Place] = {}

    def only_when_changed() -> Place:
        try:
            sums = sha256(path / sealed.SUMS)
        except OSError as error:
            raise BadModel(f"{path} is no model folder: it has no {sealed.SUMS}; name another") from error
        if sums not in seen:
            found = look()
            seen.clear()
            seen[sums] = found
        return seen[sums]

    return only_when_changed


def _registry(uri: str) -> Source:
    """Versions are copied into a folder of this process; one is remembered once its sums were checked."""
    ours = Path(tempfile.mkdtemp(prefix="pawtrait-"))
    copies: dict[str, Path] = {}  # the one that was champion last is the last

    def look() -> Place:
        from pawtrait.adapters import registry  # late: MLflow is loaded for this source alone

        known = registry.resolve(uri)
        version, digest = str(known.version), known.tags.get("model.sha256", "")
        folder = copies.pop(version, None)
        if folder is None:
            with _filled(ours / version) as into:
                folder = registry.folder_of(known, into)
                _checked(Place(known.name, version, digest, folder))
        copies[version] = folder
        for old in list(copies)[:-KEPT]:
            del copies[old]
            shutil.rmtree(ours / old, ignore_errors=True)
        return Place(known.name, version, digest, folder)

    weakref.finalize(look, shutil.rmtree, ours, ignore_errors=True)  # at the end at the latest
    return look


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A new folder, gone again where the block fails."""
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
