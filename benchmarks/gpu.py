"""The jobs that gain from a GPU, on it; one line that says so where there is none."""

import torch

from benchmarks import cyclegan, neural, race

SIDE = 256  # px, CycleGAN's published size


def run(plan: race.Plan) -> list[race.Row]:
    """CycleGAN's step and NST's; painters paint on the CPU."""
    if not torch.cuda.is_available():
        return [
            _silent("CycleGAN, NST and fast style transfer on a GPU", "no GPU here, so nothing is measured")
        ]
    fast = _silent("fast style transfer on a GPU", "painters run on the CPU; see above")
    return [cyclegan.row(plan, SIDE, "cuda"), neural.step(plan, "cuda"), fast]


def _silent(job: str, why: str) -> race.Row:
    return race.Row(job, "", "", "", None, (0.0, 0.0), why)
