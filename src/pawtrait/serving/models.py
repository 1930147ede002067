"""The champion in memory: looked for again and again, checked, swapped whole; a request keeps its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime

from pawtrait import sealed
from pawtrait.classification import predict
from pawtrait.classification.predict import Classifier
from pawtrait.errors import BadModel, PawtraitError
from pawtrait.serving import places
from pawtrait.serving.places import Place, Source
from pawtrait.serving.watch import Watch

FIRST = 10.0  # seconds that a start waits for the first look; a registry that is away takes longer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded version."""

    place: Place
    kind: str  # cnn, mobilenet_v2 …
    classifier: Classifier

    def told(self) -> dict[str, str]:
        """As answers name it."""
        return {"name": self.place.name, "version": self.place.version, "kind": self.kind}


class Models:
    """Holds the version that new requests get.

    Attributes:
        served: the version for a request that begins now.
        problem: why there is none, or why the newest could not be taken; "" where all is well.
        swaps: how often the champion changed since the start.
        preparers, followers: called with a version before requests get it, and afterwards.
    """

    def __init__(self, source: Source, poll: float = 5.0) -> None:
        self._source = source
        self.served: Served | None = None
        self._watch = Watch(self.refresh, poll, "champion")
        self.problem = "no model was loaded yet"
        self.swaps = 0
        self.preparers: list[Callable[[Served], None]] = []
        self.followers: list[Callable[[Served], None]] = []

    def now(self) -> Served:
        """``served``, where there has to be one.

        Raises:
            BadModel: there is none.
        """
        if self.served is None:
            raise BadModel(self.problem)
        return self.served

    def refresh(self) -> bool:
        """Look once; True where another version was taken. What cannot be used is left, the old one stays."""
        try:
            place = self._source()
            if self.served and place == self.served.place:
                self.problem = ""
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
        self._watch.start(FIRST)

    def stop(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._watch.stop()

    def _swap(self, loaded: Served) -> None:
        before, self.served = self.served, loaded
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
    digest = places.check(place)
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
