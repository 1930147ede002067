"""Walking downhill: L-BFGS and Adam as endless loops that look at the landscape once a step."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 10  # pairs of steps and changes that L-BFGS remembers, two copies of the picture each

_FIRST = 0.02  # how far the first step moves a pixel at the most; no curvature is known yet
_ENOUGH = 1e-4  # of the promised descent (Armijo)


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
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4) that halves a step which climbs.

    Yields the best point so far after each look, so heights never rise. ``rate`` shortens each step; 1 is
    Newton's. A picture's slope is noisy in bfloat16: where a step changes the slope the wrong way it is not
    remembered.
    """
    best = look(x)
    pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=MEMORY)
    while True:
        yield best
        way = _direction(best.slope, pairs)
        promise = float((way * best.slope).sum())
        if not promise < 0:
            pairs.clear()
            continue
        length = rate if pairs else 1.0
        new = look(best.x + length * way)
        while new.height > best.height + _ENOUGH * length * promise:
            yield best
            length *= _shorter(best.height, new.height, length * promise)
            new = look(best.x + length * way)
        step, change = new.x - best.x, new.slope - best.slope
        if float((step * change).sum()) > 1e-10 * float(change.square().sum()):
            pairs.append((step, change))
        best = new


def adam(look: Look, x: Tensor, rate: float) -> Iterator[Point]:
    """Adam (Kingma and Ba 2015) on pixels that are kept in 0..1, as TensorFlow's tutorial does."""
    x = x.clone()
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    count = 0
    while True:
        point = look(x)
        yield point
        count += 1
        first = 0.9 * first + 0.1 * point.slope
        second = 0.999 * second + 0.001 * point.slope.square()
        scaled = (first / (1 - 0.9**count)) / ((second / (1 - 0.999**count)).sqrt() + 1e-8)
        x = (x - rate * scaled).clamp(0, 1)


def _direction(slope: Tensor, pairs: deque[tuple[Tensor, Tensor]]) -> Tensor:
    """The two loops of algorithm 7.4; without memory, straight down by a length that is safe."""
    if not pairs:
        return -slope * (_FIRST / slope.abs().max().clamp(min=1e-30))
    way = -slope
    shares = []
    for step, change in reversed(pairs):
        share = (step * way).sum() / (step * change).sum()
        way = way - share * change
        shares.append(share)
    step, change = pairs[-1]
    way = way * ((step * change).sum() / change.square().sum())
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        way = way + step * (share - (change * way).sum() / (step * change).sum())
    return way


def _shorter(old: float, new: float, promise: float) -> float:
    """The factor that leads to the lowest point of the parabola through what is known, within 0.1 to 0.5."""
    return min(max(-promise / (2 * (new - old - promise)), 0.1), 0.5)
