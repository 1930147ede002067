"""The manifest's look at every picture: on one core, and on all of them."""

import os
import time
from pathlib import Path

from benchmarks import race
from pawtrait import params
from pawtrait.dataset import scan

PICTURES = 4000  # fewer files are looked at again


def run(plan: race.Plan) -> race.Row:
    """The same function with one core allowed and with all."""
    cores = os.sched_getaffinity(0)
    folder = Path(plan.pictures)
    names = _names(folder, 500 if plan.quick else PICTURES)
    rounds = 2 if plan.quick else 5
    largest = params.load().manifest.largest_pixels

    def look(at: set[int]) -> None:
        os.sched_setaffinity(0, at)
        for _ in scan.records(folder.parent, names, source="benchmark", largest_pixels=largest):
            pass

    variants = {"one": lambda: look({min(cores)}), "all": lambda: look(cores)}
    taken = race.run(variants, rounds, clock=time.perf_counter)
    os.sched_setaffinity(0, cores)
    times, spread = race.ratios(taken["one"], taken["all"])
    return race.Row(
        job=f"manifest: decode, hash, measure, {plan.called}",
        theirs=f"one core {race.each(taken['one'], len(names))}",
        ours=f"{len(cores)} cores {race.each(taken['all'], len(names))}",
        limit=f"{len(cores)} times",
        times=times,
        spread=spread,
        how=f"wall clock (needs a quiet machine), {len(names)} pictures × {rounds}",
    )


def _names(folder: Path, count: int) -> list[str]:
    """So many paths as ``scan`` wants them, SPLIT/LABEL/NAME, round and round."""
    found = sorted(path.relative_to(folder.parent).as_posix() for path in folder.glob("*/*.jpg"))
    return (found * -(-count // len(found)))[:count]
