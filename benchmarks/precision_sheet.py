"""The picture of both precisions: their losses beside each other, and what they paint."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pawtrait.evaluation.drawing import INK, MUTED, styled
from pawtrait.style_transfer.cyclegan.domains import Pixels
from pawtrait.style_transfer.cyclegan.probes import Probes

COLOURS = {"fp32": "#2a7f9e", "bf16": "#d9622b"}
SMOOTH = 25  # steps of the moving mean
PHOTOS = 3  # probes shown
WIDTH = 10.5  # inches


@styled
def sheet(
    losses: Mapping[str, Mapping[str, NDArray[np.float64]]],
    shots: Mapping[str, Mapping[int, Probes]],
    photos: Pixels,
) -> Figure:
    """Curves above, pictures below.

    Args:
        losses: for each title and precision float64 (seeds, steps).
        shots: for each precision the probes after some steps.
        photos: the probes themselves, uint8 (N, S, S, 3).
    """
    steps = sorted(next(iter(shots.values())))
    count = min(PHOTOS, len(photos))
    figure = Figure(figsize=(WIDTH, 2.9 + 1.12 * 2 * count), layout="constrained")
    above, below = np.ravel(figure.subfigures(2, 1, height_ratios=(2.9, 1.12 * 2 * count)))
    for axes, (title, curves) in zip(above.subplots(1, len(losses)), losses.items(), strict=True):
        _curves(axes, title, curves)
    above.axes[0].legend(*_legend(above.axes[0]), loc="upper right")
    grid = below.subplots(2 * count, len(steps) + 2, squeeze=False)
    for index in range(count):
        for offset, (precision, shown) in enumerate(shots.items()):
            row = [
                photos[index],
                *(shown[step].fake_B[index] for step in steps),
                shown[steps[-1]].rec_A[index],
            ]
            _row(grid[2 * index + offset], row, precision)
    heads = ["photo", *(f"painted, step {step}" for step in steps), f"brought back, step {steps[-1]}"]
    for axes, head in zip(grid[0], heads, strict=True):
        axes.set_title(head, fontsize=8, fontweight="normal", color=MUTED, loc="center")
    return figure


def smoothed(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Moving means of the last axis, each over ``width`` values: (…, n) → (…, n - width + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=-1)
    means: NDArray[np.float64] = windows.mean(axis=-1)
    return means


def _curves(axes: Any, title: str, curves: Mapping[str, NDArray[np.float64]]) -> None:
    """A thin line a seed, a thick one for their mean."""
    for precision, values in curves.items():
        width = min(SMOOTH, values.shape[1])
        means = smoothed(values, width)
        steps = np.arange(width, width + means.shape[1])
        axes.plot(steps, means.T, color=COLOURS[precision], linewidth=0.6, alpha=0.35)
        axes.plot(steps, means.mean(axis=0), color=COLOURS[precision], label=precision)
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")


def _legend(axes: Any) -> tuple[Sequence[Any], Sequence[str]]:
    handles, names = axes.get_legend_handles_labels()
    return handles, [f"{name}, each seed and the mean" for name in names]


def _row(axes: Sequence[Any], pictures: Sequence[Pixels], precision: str) -> None:
    for one, picture in zip(axes, pictures, strict=True):
        one.imshow(picture, interpolation="nearest")
        one.set_xticks([])
        one.set_yticks([])
        one.spines[:].set_visible(False)
    axes[0].set_ylabel(precision, color=INK, rotation=0, ha="right", va="center")
