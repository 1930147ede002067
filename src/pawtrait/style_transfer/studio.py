"""Every method under its name: photo, paintings and strength in; a portrait out, with glimpses on the way.

Frameworks are imported when a method needs them: torch takes seconds, and neither CycleGAN's pictures nor
fast style transfer need it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadModel, BadParams, BadTraining
from pawtrait.params import FeatureNetwork, Hybrid, Neural
from pawtrait.style_transfer import painter
from pawtrait.style_transfer.runners import Engine

METHODS = {
    "nst": "neural style transfer: descent on the pixels, slow and faithful to the painting",
    "fast": "fast style transfer: Magenta's network, any painting at once",
    "cyclegan": "CycleGAN: the manner of all paintings together, learned from them",
    "hybrid": "CycleGAN's picture refined by a short neural style transfer",
}
NEEDS_STYLE = ("nst", "fast", "hybrid")
STEPWISE = ("nst", "hybrid")  # by descent, slowly and with glimpses; the others paint in one pass
PAINTERS = {"fast": "fast", "cyclegan": "cyclegan", "hybrid": "cyclegan"}  # whose networks a method needs

Styles = Sequence[tuple[Pixels, float]]  # paintings uint8 (H, W, 3), and how much each counts


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A portrait in the making; the last one of a method is the portrait.

    Attributes:
        done: steps done, of ``of``.
        losses: where the method has any.
        picture: uint8 (H, W, 3), made when asked for.
    """

    done: int
    of: int
    losses: dict[str, float]
    picture: Callable[[], Pixels]


@dataclass
class Studio:
    """What painting needs, opened on first use.

    Attributes:
        painters: holds the folders ``cyclegan`` and ``fast``.
        weights: of the networks whose features define style, as the stage weights leaves them.
        cache: where style vectors are kept (at less than full strength those of photos too), or None.
        engine: what runs the painters' networks.
        threads: of such a network; None is all cores.
        gpu: whether descent may use one; the service's processes have a memory limit of their own.
    """

    painters: Path
    weights: Path
    neural: Neural
    hybrid: Hybrid
    seed: int
    cache: Path | None = None
    engine: Engine = "auto"
    threads: int | None = None
    gpu: bool = False

    def missing(self, method: str) -> str:
        """Why a method cannot paint here, or "" where it can.

        Raises:
            BadModel: a painter's folder is damaged.
        """
        kind = PAINTERS.get(method)
        if kind is None:
            return ""
        if not (self.painters / kind).is_dir():
            return f"{self.painters / kind} is not here yet; run `dvc repro`"
        return painter.missing(self.painters / kind)

    def open(self, method: str) -> None:
        """Load what a method needs now rather than with its first portrait.

        Raises:
            BadModel: the method cannot paint here; the message says why.
            BadTraining: nor can the GPU, for want of memory as a rule.
        """
        needed = {"nst": ["features"], "fast": ["_magenta"], "cyclegan": ["_gan"]}
        closed = [name for name in needed.get(method, ["features", "_gan"]) if name not in self.__dict__]
        lack = self.missing(method) if closed else ""  # which reads every file of the painter
        if lack:
            raise BadModel(f"{method}: {lack}")
        for name in closed:
            getattr(self, name)

    def paint(
        self, method: str, photo: Pixels, styles: Styles = (), strength: float = 1.0
    ) -> Iterator[Glimpse]:
        """Paint a photo by one method, the longer side at most ``neural.side`` px; none is enlarged.

        ``strength`` from 0, the photo as it is, to 1: for nst and hybrid it scales the weights of style and
        total variation, for cyclegan it mixes the pictures, and for hybrid that from which the descent
        begins; for fast it mixes the vectors of photo and painting, so that 0 repaints the photo in its own
        style.

        Raises:
            BadModel: the method cannot paint here; the message says why.
            BadParams: the strength is not from 0 to 1.
            BadTraining: a loss that is no number, or too little memory.
        """
        check_strength(strength)
        self.open(method)
        ways = {"nst": self._nst, "fast": self._fast, "cyclegan": self._cyclegan, "hybrid": self._hybrid}
        photo = images.fit(photo, min(self.neural.side, max(photo.shape[:2])))
        return ways[method](photo, styles, strength)

    def _cyclegan(self, photo: Pixels, styles: Styles, strength: float) -> Iterator[Glimpse]:
        del styles  # it has learned its own
        painted = self._gan.paint(photo, side=self.neural.side)
        yield Glimpse(1, 1, {}, partial(_mixed, photo, painted, strength))

    def _fast(self, photo: Pixels, styles: Styles, strength: float) -> Iterator[Glimpse]:
        network = self._magenta
        vectors = [network.vector(style) for style, _ in styles]
        shares = [share * strength for _, share in styles]
        if strength < 1:  # else nobody looks at the photo's own style
            vectors, shares = [*vectors, network.vector(photo)], [*shares, 1 - strength]
        painted = network.paint(photo, painter.mix(vectors, shares), side=self.neural.side)
        yield Glimpse(1, 1, {}, lambda: painted)

    def _nst(self, photo: Pixels, styles: Styles, strength: float) -> Iterator[Glimpse]:
        from pawtrait.style_transfer import neural  # torch

        recipe = self._recipe(photo, strength)
        steps = neural.optimise(photo, styles, self.features, recipe, self.seed)
        return _glimpses(steps, sum(recipe.steps))

    def _hybrid(self, photo: Pixels, styles: Styles, strength: float) -> Iterator[Glimpse]:
        from pawtrait.style_transfer import hybrid  # torch

        painted = _mixed(photo, self._gan.paint(photo, side=self.neural.side), strength)
        recipe = self._recipe(photo, strength)
        steps = hybrid.refine(photo, painted, styles, self.features, recipe, self.hybrid, self.seed)
        return _glimpses(steps, self.hybrid.steps)

    def _recipe(self, photo: Pixels, strength: float) -> Neural:
        """At the photo's size, since the descent would enlarge it, and so much weaker.

        Without any strength it begins from the photo: nothing else would lead all the way back there.
        """
        network: FeatureNetwork = self.neural.networks[self.neural.network]
        weights = {"style_weight": network.style_weight, "variation_weight": network.variation_weight}
        weaker = network.model_copy(update={name: weight * strength for name, weight in weights.items()})
        start = self.neural.start if strength else "content"
        changes = {"networks": {self.neural.network: weaker}, "side": max(photo.shape[:2]), "start": start}
        return self.neural.model_copy(update=changes)

    @cached_property
    def features(self) -> Any:
        """The network whose features define content and style, on the device where descent happens.

        Raises:
            BadTraining: the GPU has no place for it.
            BadWeights: its file is missing, or another network's.
        """
        from pawtrait.style_transfer import features, precision  # torch

        found = features.load(self.neural.network, self.weights, self.seed)
        if not self.gpu:
            return found
        try:
            return found.to("fp32", precision.device())
        except RuntimeError as error:  # as torch.OutOfMemoryError is
            told = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
            raise BadTraining(
                f"{self.neural.network} finds no place on the GPU ({told}); end what else runs there, or set"
                " CUDA_VISIBLE_DEVICES to nothing, which paints on the CPU"
            ) from error

    @cached_property
    def _gan(self) -> painter.CycleGanPainter:
        return painter.CycleGanPainter.load(self.painters / "cyclegan", self.engine, self.threads)

    @cached_property
    def _magenta(self) -> painter.FastPainter:
        return painter.FastPainter.load(self.painters / "fast", self.cache, self.engine, self.threads)


def check_strength(strength: float) -> None:
    """Refuse what ``paint`` cannot mean.

    Raises:
        BadParams: it is not from 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise BadParams(f"strength {strength:g}: expected 0, the photo as it is, to 1")


def _glimpses(steps: Iterator[Any], count: int) -> Iterator[Glimpse]:
    for step in steps:
        parts = {"content": step.content, "style": step.style, "variation": step.variation}
        losses = {**parts, "total": step.total}
        yield Glimpse(step.index + 1, count, losses, step.picture)


def _mixed(photo: Pixels, painted: Pixels, strength: float) -> Pixels:
    blend = photo.astype(np.float32) * (1 - strength) + painted.astype(np.float32) * strength
    return np.rint(blend).astype(np.uint8)
