"""What trainings in two precisions come to: figures, their differences, and one sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawtrait.evaluation.intervals import paired
from pawtrait.style_transfer.cyclegan.probes import Probes
from pawtrait.style_transfer.cyclegan.step import LOSSES

PRECISIONS = ("fp32", "bf16")
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Trace:
    """One training: float64 (steps, 8) in the order of LOSSES, and the probes after some steps."""

    precision: str
    seed: int
    losses: NDArray[np.float64]
    shown: dict[int, Probes]


def judged(traces: Sequence[Trace], window: int) -> dict[str, Any]:
    """Each figure at the end in both precisions, how they differ, and how much seeds differ.

    ``figures`` has, for the held-out PSNR and for every loss averaged over the last window: the mean over
    seeds in each precision, their mean difference (bf16 less fp32) with Student's interval over the seeds,
    and the standard deviation between seeds in fp32. ``windows`` has the losses, averaged over seeds, window
    by window; ``seeds`` what ``figures`` is made of.
    """
    ends = {name: _by_precision(traces, end) for name, end in _ends(window).items()}
    figures = {name: _compared(values) for name, values in ends.items()}
    return {
        "sentences": [_sentence(figures, traces, window)],
        "figures": figures,
        "windows": {
            precision: {
                name: np.round(_windows(traces, precision, window)[:, index], 5).tolist()
                for index, name in enumerate(LOSSES)
            }
            for precision in PRECISIONS
        },
        "seeds": {name: {p: np.round(v, 5).tolist() for p, v in one.items()} for name, one in ends.items()},
    }


def curves(traces: Sequence[Trace]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """For each kind of loss, A and B added, and each precision: float64 (seeds, steps)."""
    kinds = {"cycle loss": "cycle", "identity loss": "idt", "generators": "G", "discriminators": "D"}
    return {
        title: {
            precision: np.stack([_sum(one, kind) for one in traces if one.precision == precision])
            for precision in PRECISIONS
        }
        for title, kind in kinds.items()
    }


def shots(traces: Sequence[Trace]) -> dict[str, dict[int, Probes]]:
    """The probes of the first seed, by precision and step."""
    first = min(one.seed for one in traces)
    return {one.precision: one.shown for one in traces if one.seed == first}


def _ends(window: int) -> dict[str, Callable[[Trace], float]]:
    """What is compared, each a function of a training."""
    means = {name: (lambda one, i=i: float(one.losses[-window:, i].mean())) for i, name in enumerate(LOSSES)}
    return {"held_out_psnr": lambda one: one.shown[max(one.shown)].cycle_psnr, **means}


def _by_precision(traces: Sequence[Trace], end: Callable[[Trace], float]) -> dict[str, list[float]]:
    return {precision: [end(one) for one in traces if one.precision == precision] for precision in PRECISIONS}


def _compared(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Both means, their difference with its interval, and the spread between seeds."""
    gaps = np.subtract(values["bf16"], values["fp32"])
    reach = paired(gaps.tolist(), LEVEL)
    found = {
        **{precision: float(np.mean(values[precision])) for precision in PRECISIONS},
        "difference": float(gaps.mean()),
        "low": reach.low,
        "high": reach.high,
        "seeds": float(np.std(values["fp32"], ddof=1)),
    }
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def _windows(traces: Sequence[Trace], precision: str, window: int) -> NDArray[np.float64]:
    """Losses averaged over seeds and steps: (windows, 8); steps beyond the last whole window are left out."""
    losses = np.stack([one.losses for one in traces if one.precision == precision])
    whole = losses.shape[1] // window * window
    means: NDArray[np.float64] = losses[:, :whole].reshape(len(losses), -1, window, len(LOSSES)).mean((0, 2))
    return means


def _sum(trace: Trace, kind: str) -> NDArray[np.float64]:
    total: NDArray[np.float64] = sum(
        (trace.losses[:, LOSSES.index(f"loss_{kind}_{side}")] for side in "AB"), np.zeros(len(trace.losses))
    )
    return total


def _sentence(figures: Mapping[str, Mapping[str, float]], traces: Sequence[Trace], window: int) -> str:
    """What it comes to, in words that follow from the figures."""
    psnr = figures["held_out_psnr"]
    apart = [name for name in LOSSES if not abs(figures[name]["difference"]) <= figures[name]["seeds"]]
    shown = [name for name, one in figures.items() if name in LOSSES and not one["low"] <= 0 <= one["high"]]
    broken = [one for one in traces if not np.isfinite(one.losses).all()]
    count = sum(one.precision == "bf16" for one in traces)
    words = (
        f"CycleGAN trained for {len(traces[0].losses)} steps with {count} seeds in both precisions:"
        f" held-out photos come back at {psnr['bf16']:.2f} dB in bf16 and {psnr['fp32']:.2f} dB in fp32, a"
        f" difference of {psnr['difference']:+.2f} dB ({LEVEL:.0%} interval {psnr['low']:+.2f} to"
        f" {psnr['high']:+.2f}), where seeds alone differ by {psnr['seeds']:.2f} dB (standard"
        " deviation)."
    )
    if broken:
        return f"{words} {len(broken)} of the trainings broke down."
    return (
        f"{words} Of the eight losses over the last {window} steps, {_some(apart, 'lies', 'lie')} farther"
        f" apart between precisions than between seeds, and {_some(shown, 'differs', 'differ')} by more"
        f" than chance ({LEVEL:.0%} interval, each for itself)."
    )


def _some(names: Sequence[str], one: str, more: str) -> str:
    """A subject and its verb: "none lies", "loss_G_A lies", "loss_G_A and loss_D_B lie"."""
    return f"{' and '.join(names)} {one if len(names) == 1 else more}" if names else f"none {one}"
