"""The picture of both precisions: their losses beside each other, and what they paint."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pawtrait.evaluation.drawing import MUTED, styled
from pawtrait.style_transfer.cyclegan.domains import Pixels
from pawtrait.style_transfer.cyclegan.probes import Probes

COLOURS = {"fp32": "#2a7f9e", "bf16": "#d9622b"}
THICK = {"fp32": 4.0, "bf16": 1.2}  # points; the second lies on the first and hides it nowhere
SMOOTH = 25  # steps of the moving mean
PHOTOS = 3  # probes shown
WIDTH, CURVES, PICTURE = 11.0, 2.9, 1.25  # inches


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
    heights = (CURVES, count * PICTURE + 0.3)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    above, below = np.ravel(figure.subfigures(2, 1, height_ratios=heights))
    for axes, (title, curves) in zip(above.subplots(1, len(losses)), losses.items(), strict=True):
        _curves(axes, title, curves)
    above.axes[0].legend(*_legend(above.axes[0]), loc="lower left")
    columns = [(f"painted, step {step}", "fake_B", step) for step in steps]
    columns += [(f"brought back, step {steps[-1]}", "rec_A", steps[-1])]
    grid = below.subplots(count, 1 + len(columns) * len(shots), squeeze=False)
    for index in range(count):
        _show(grid[index, 0], photos[index], "photo" if index == 0 else "")
        for (head, what, step), axes in zip(columns, _pairs(grid[index, 1:], len(shots)), strict=True):
            for one, (precision, shown) in zip(axes, shots.items(), strict=True):
                title = f"{head}\n{precision}" if one is axes[0] else f"\n{precision}"
                _show(one, getattr(shown[step], what)[index], title if index == 0 else "")
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
        axes.plot(steps, means.T, color=COLOURS[precision], linewidth=0.6, alpha=0.4)
        axes.plot(
            steps, means.mean(axis=0), color=COLOURS[precision], linewidth=THICK[precision], label=precision
        )
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")


def _legend(axes: Any) -> tuple[Sequence[Any], Sequence[str]]:
    handles, names = axes.get_legend_handles_labels()
    return handles, [f"{name}, each seed and the mean" for name in names]


def _pairs(axes: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [axes[start : start + size] for start in range(0, len(axes), size)]


def _show(axes: Any, picture: Pixels, title: str) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=8, fontweight="normal", color=MUTED)
