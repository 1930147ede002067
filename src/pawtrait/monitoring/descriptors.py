"""What a picture looks like, in few numbers that no training changes.

Colours on a coarse grid and the directions of edges on the same grid: light, background, pose and manner. A
champion's own features would do for one month only: the next champion has others, and would itself look like
drift; and on the pictures that it learned from, it answers unlike on any others.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset import images

SIDE = 64  # px
CELLS = 4  # a side, of 16 px
DIRECTIONS = 8  # of an edge, over half a turn
COLOURS = CELLS * CELLS * 3
LENGTH = COLOURS + CELLS * CELLS * DIRECTIONS


def describe(picture: images.Pixels) -> NDArray[np.float32]:
    """float32 (LENGTH,) of uint8 (H, W, 3) RGB: L, a, b of each cell, then its edges by direction.

    Edges have length 1 together, so that contrast, which sharpness measures, does not count again.
    """
    small = images.resize(picture, SIDE)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)  # L 0..100, a and b about ±100
    colours = cv2.resize(lab, (CELLS, CELLS), interpolation=cv2.INTER_AREA).ravel()
    return np.concatenate([colours, _edges(lab[:, :, 0])]).astype(np.float32)


def scaled(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both samples (M, LENGTH) and (N, LENGTH) in units of the pooled spread; colours weigh as much as edges.

    The scale is that of all pictures together, so that it is the same for any division of them.
    """
    pooled = np.concatenate([first, second]).astype(np.float64)
    spread = pooled.std(axis=0)
    pooled = (pooled - pooled.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    pooled[:, :COLOURS] /= COLOURS**0.5
    pooled[:, COLOURS:] /= (LENGTH - COLOURS) ** 0.5
    return pooled[: len(first)], pooled[len(first) :]


def _edges(light: NDArray[Any]) -> NDArray[np.float32]:
    """float32 (CELLS² · DIRECTIONS,): how strong each direction's edges are in each cell of (SIDE, SIDE)."""
    across = cv2.Sobel(light, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(light, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    turn = np.arctan2(down, across) / np.pi % 1.0  # 0..1 is half a turn: an edge has no head
    direction = np.minimum((turn * DIRECTIONS).astype(int), DIRECTIONS - 1)
    row, column = np.indices(light.shape) * CELLS // SIDE
    bins = (row * CELLS + column) * DIRECTIONS + direction
    found = np.bincount(bins.ravel(), strength.ravel(), minlength=CELLS * CELLS * DIRECTIONS)
    length = np.linalg.norm(found)
    edges: NDArray[np.float32] = (found / length if length > 0 else found).astype(np.float32)
    return edges
