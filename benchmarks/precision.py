"""Whether CycleGAN trains as well in bf16 as in fp32: the same trainings in both, on the demo's domains.

``python -m benchmarks.precision`` takes a quarter of an hour on one core. It writes the figures to
docs/results/precision.json, what they say to docs/speed.md, the picture to docs/images/precision.png, and
every loss of every step under .cache. In ``make bench`` it is run where it is asked for:
``python -m benchmarks --only precision``.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import ceiling, machine, precision_figures, precision_sheet, race
from benchmarks.precision_figures import PRECISIONS, Trace
from pawtrait import params, progress
from pawtrait.adapters import lineage
from pawtrait.dataset import demo
from pawtrait.dataset.demo import paintings
from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation import drawing
from pawtrait.files import write_csv, write_text
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import domains, fit, networks, step
from pawtrait.style_transfer.cyclegan.domains import Domains, Pixels
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.parallel import Team
from pawtrait.style_transfer.cyclegan.probes import paint
from pawtrait.style_transfer.cyclegan.step import LOSSES
from pawtrait.style_transfer.precision import has_bf16
from pipelines import readme

RESULTS, PICTURE = Path("docs/results/precision.json"), Path("docs/images/precision.png")
LOG = Path(".cache/precision.csv")
WIDER = {"ngf": 32, "ndf": 32, "learning_rate": 2e-4, "lambda_a": 10.0, "lambda_b": 10.0}  # than the demo's
SEEDS, STEPS = 5, 400
WINDOW = 50  # steps that a loss is averaged over; one step's says little
SHOWN = (50, 150, 400)  # steps after which the probes are painted
PHOTOS, HELD_OUT, PAINTINGS = 100, 16, 25


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, and write the figures, the picture, and what the documents say of them."""
    argparse.ArgumentParser("python -m benchmarks.precision", description=__doc__).parse_args(arguments)
    torch.set_num_threads(1)
    made = made_on()  # now: a quarter of an hour later the commit may be another
    data, probes = drawn(PHOTOS, HELD_OUT, PAINTINGS, recipe("fp32"))
    traces = list(trainings(data, probes, SEEDS, STEPS, SHOWN))
    write_csv(LOG, _log(traces), ["seed", "precision", "step", *LOSSES])
    told = {**precision_figures.judged(traces, WINDOW), "made_on": made, "setting": setting()}
    write_text(RESULTS, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    curves, shots = precision_figures.curves(traces), precision_figures.shots(traces)
    drawing.save(precision_sheet.sheet(curves, shots, probes), PICTURE)
    readme.refresh(readme.RESULTS)
    progress.say("\n".join(told["sentences"]))
    return 0


def run(plan: race.Plan) -> list[race.Row]:
    """A line for the table: how well held-out photos come back, and whether seeds differ more."""
    seeds, steps = (2, 20) if plan.quick else (SEEDS, STEPS)
    data, probes = drawn(PHOTOS, HELD_OUT, PAINTINGS, recipe("fp32"))
    traces = list(trainings(data, probes, seeds, steps, (steps,)))
    verdict = precision_figures.judged(traces, min(WINDOW, steps))
    psnr = verdict["figures"]["held_out_psnr"]
    return [
        race.Row(
            job=f"CycleGAN trained for {steps} steps: held-out photos come back",
            theirs=f"fp32: {psnr['fp32']:.2f} dB",
            ours=f"bf16: {psnr['bf16']:.2f} dB",
            limit=f"seeds differ by {psnr['seeds']:.2f} dB (standard deviation)",
            times=None,
            spread=(0.0, 0.0),
            how=f"{seeds} seeds{ceiling.remark()}",
        )
    ]


def recipe(precision: str) -> CycleGan:
    """The demo's preset, generators twice, discriminators four times as wide; the paper's rate and lambda."""
    demo_preset = params.load().cyclegan.presets["demo"]
    return demo_preset.model_copy(update={**WIDER, "precision": precision})


def drawn(photos: int, held_out: int, hung: int, recipe: CycleGan) -> tuple[Domains, Pixels]:
    """The demo's photos and paintings at load_size, and held-out photos at crop_size, all of seed 1."""
    drawings = list(_photos(photos + held_out, recipe.load_size))
    manners = paintings.MANNERS
    works = (
        paintings.painting(manners[n % len(manners)], n // len(manners) + 1, recipe.load_size, 1)
        for n in range(hung)
    )
    margin = (recipe.load_size - recipe.crop_size) // 2
    middle = slice(margin, margin + recipe.crop_size)
    probes = np.stack(drawings[photos:])[:, middle, middle]
    return domains.gather(drawings[:photos], works, recipe.load_size), probes


def trainings(data: Domains, probes: Pixels, seeds: int, steps: int, shown: Sequence[int]) -> Iterator[Trace]:
    """Every seed in both precisions: the same first weights, crops, pairs and pools."""
    jobs = [(seed, precision) for seed in range(1, seeds + 1) for precision in PRECISIONS]
    for seed, precision in progress.track(jobs, len(jobs), "trainings"):
        yield train(data, recipe(precision), seed, steps, probes, shown)


def train(
    data: Domains, recipe: CycleGan, seed: int, steps: int, probes: Pixels, shown: Sequence[int]
) -> Trace:
    """Some steps at a constant learning rate, every loss of every step kept."""
    device = torch.device("cpu")
    training = fit.begin(recipe, seed, device)
    losses, pictures = np.empty((steps, len(LOSSES))), {}
    with Lanes(device) as lanes:
        for index in range(steps):
            pair = domains.batch(data, recipe.crop_size, seed, 1, [index])
            real_a, real_b = (networks.to_network(pixels, device) for pixels in pair)
            losses[index] = step.step(training, real_a, real_b, recipe, lanes, Team(0, 1, device)).numpy()
            if index + 1 in shown:
                pictures[index + 1] = paint(training.nets, probes)
    return Trace(recipe.precision, seed, losses, pictures)


def setting() -> dict[str, Any]:
    """What was trained, for how long, on how much."""
    counts = {"seeds": SEEDS, "steps": STEPS, "window": WINDOW, "photos": PHOTOS, "paintings": PAINTINGS}
    return {**counts, "held_out": HELD_OUT, "recipe": recipe("fp32").model_dump(exclude={"precision"})}


def made_on() -> dict[str, Any]:
    """Commit, processor and versions; nothing of where the files lie."""
    names = ("torch", "numpy")
    commit = lineage.commit(also=("benchmarks",))
    return {
        "commit": commit.sha or "none",
        "dirty": commit.dirty,
        "processor": machine.processor(),
        "bf16": has_bf16("cpu"),
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in names},
    }


def _log(traces: Sequence[Trace]) -> Iterator[dict[str, Any]]:
    """A row for each step of each training."""
    for one in traces:
        for index, losses in enumerate(one.losses.tolist()):
            known = {"seed": one.seed, "precision": one.precision, "step": index + 1}
            yield {**known, **dict(zip(LOSSES, losses, strict=True))}


def _photos(count: int, side: int) -> Iterator[Pixels]:
    """Species and moods in turn."""
    species = list(demo.SPECIES)
    for number in range(count):
        mood = LABELS[number % len(LABELS)]
        kind = species[number // len(LABELS) % len(species)]
        yield demo.picture(kind, mood, side, np.random.default_rng((1, number)))


if __name__ == "__main__":
    sys.exit(main())
