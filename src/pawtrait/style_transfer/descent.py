"""Walking downhill: L-BFGS and Adam as endless loops that look at the landscape once a step."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 10  # pairs of steps and changes that L-BFGS remembers, two copies of the picture each

_FIRST = 0.07  # how far the first step moves pixels; more overshoots, less wastes looks
_FADING = 0.5  # of the slopes' mean square with each step
_SHORTEST = 1e-3  # of a whole step
_ENOUGH = 1e-4  # of the promised descent (Armijo's rule)

Pairs = deque[tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Point:
    """A place and what was seen there: the loss's parts with the total last, and the slope, shaped as x."""

    x: Tensor
    losses: tuple[float, ...]
    slope: Tensor

    @property
    def height(self) -> float:
        """What is to be lowered."""
        return self.losses[-1]


Look = Callable[[Tensor], Point]


def lbfgs(look: Look, x: Tensor, rate: float) -> Iterator[Point]:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4) that shortens a step which climbs.

    Its first guess of the curvature is Adam's, a scale for each pixel: plain L-BFGS spends its first dozens
    of looks on the few pixels with steep slopes. Slopes are noisy in bfloat16: where a step changes them the
    wrong way it is not remembered.

    Yields the best point so far after each look, so heights never rise. ``rate`` shortens each step; 1 is
    Newton's.
    """
    best = look(x)
    pairs: Pairs = deque(maxlen=MEMORY)
    square = best.slope.square()
    while True:
        yield best
        way = _direction(best.slope, _scale(square), pairs)
        promise = float((way * best.slope).sum())
        if not promise < 0:  # flat, or a memory that misleads
            pairs.clear()
            continue
        length = rate
        new = look(best.x + length * way)
        while new.height > best.height + _ENOUGH * length * promise:
            yield best
            length *= _shorter(best.height, new.height, length * promise)
            if length < _SHORTEST * rate:  # this way leads nowhere; forget what pointed there
                pairs.clear()
                new = best
                break
            new = look(best.x + length * way)
        step, change = new.x - best.x, new.slope - best.slope
        if float((step * change).sum()) > 1e-10 * float(change.square().sum()):
            pairs.append((step, change))
        best = new
        square = _FADING * square + (1 - _FADING) * best.slope.square()


def adam(look: Look, x: Tensor, rate: float) -> Iterator[Point]:
    """Adam (Kingma and Ba 2015) on pixels that are kept in 0..1, as TensorFlow's tutorial keeps them."""
    x = x.clone()
    mean, square = torch.zeros_like(x), torch.zeros_like(x)
    count = 0
    while True:
        point = look(x)
        yield point
        count += 1
        mean = 0.9 * mean + 0.1 * point.slope
        square = 0.999 * square + 0.001 * point.slope.square()
        scaled = (mean / (1 - 0.9**count)) / ((square / (1 - 0.999**count)).sqrt() + 1e-8)
        x = (x - rate * scaled).clamp(0, 1)


def _scale(square: Tensor) -> Tensor:
    """One over the size of each pixel's slope, bounded where there is none."""
    size = square.sqrt()
    return 1 / (size + 1e-3 * size.mean() + 1e-30)


def _direction(slope: Tensor, scale: Tensor, pairs: Pairs) -> Tensor:
    """The two loops of algorithm 7.4 around ``scale``; without memory, a step of ``_FIRST`` at the most."""
    way = -slope
    if not pairs:
        way = way * scale
        return way * (_FIRST / way.abs().max().clamp(min=1e-30))
    shares = []
    for step, change in reversed(pairs):
        share = (step * way).sum() / (step * change).sum()
        way = way - share * change
        shares.append(share)
    step, change = pairs[-1]
    way = way * scale * ((step * change).sum() / (change.square() * scale).sum())
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        way = way + step * (share - (change * way).sum() / (step * change).sum())
    return way


def _shorter(old: float, new: float, promise: float) -> float:
    """The factor to the lowest point of the parabola through what is known, within 0.1 to 0.5."""
    return min(max(-promise / (2 * (new - old - promise)), 0.1), 0.5)
