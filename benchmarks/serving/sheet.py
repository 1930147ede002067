"""What was measured, as rows of the benchmarks' table and as a table for the documents."""

import math
from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks import race
from benchmarks.serving import material, rates
from benchmarks.serving.rates import BARE, KERAS, ONNX, OURS, PLAIN, QUICK, Counts

SHORT = Counts(3, 5, 5, 8, 15)  # of ``make bench``
SHARE, TIMES = 0.6, 5.0  # of the bare loop; as fast as the others


def rows(plan: race.Plan) -> list[race.Row]:
    """For ``python -m benchmarks``; the ten minutes are left to ``python -m benchmarks.serving``."""
    counts = QUICK if plan.quick else SHORT
    found = rates.measure(counts, material.model())
    most, how = found["most"], f"answers a second, 16 at once, {counts.seconds:g} s × {counts.rounds}"
    limit = f"a bare loop {median(most[BARE]):.0f} a second ({found['ratios'][BARE]['median']:.0%} of it)"
    made = [
        race.Row(
            job=f"moods over HTTP, {material.NET}, {material.SIDE} px",
            theirs=f"{name} {median(most[name]):.1f} a second",
            ours=f"pawtrait serve {median(most[OURS]):.0f} a second",
            limit=limit,
            times=found["ratios"][name]["median"],
            spread=(found["ratios"][name]["lowest"], found["ratios"][name]["highest"]),
            how=f"{how}; generator and service on the same two cores",
        )
        for name in (PLAIN, KERAS, ONNX)
    ]
    return [*made, _in_time(found["largest"], counts)]


def lines(results: dict[str, Any]) -> list[str]:
    """The table for docs/serving.md, as Markdown, and when it was measured."""
    load, over = results.get("load"), results.get("overload")
    told = ["| two cores, generator and service together | measured | must hold |", "|---|--:|--:|"]
    told += [
        _line(*row) for row in [*(_of_load(load) if load else []), *(_of_overload(over) if over else [])]
    ]
    parts = [part for part in (load, over) if part]
    commits = _all(f"`{part['commit'][:10]}{'-dirty' * part['dirty']}`" for part in parts)
    machines = _all(part["machine"] for part in parts)
    busy = max(part["busy"] for part in parts)
    told += [
        "",
        f"`{material.NET}`, {material.SIDE}-px JPEGs; commit {commits}, {machines};"
        f" other work on the machine took at most {busy:.0%} of the cores.",
    ]
    return told


def _all(told: Iterable[str]) -> str:
    """Each once: parts may be of several runs and machines."""
    return " and ".join(dict.fromkeys(told))


def _in_time(largest: dict[str, float], counts: Counts) -> race.Row:
    return race.Row(
        job="moods over HTTP, 99 % within 250 ms",
        theirs="",
        ours=f"up to {largest['rate']:.0f} a second",
        limit="",
        times=None,
        spread=(0, 0),
        how=f"by the clock, held for {counts.hold:g} s: median {largest['median_ms']:.0f} ms,"
        f" 99 % {largest['p99_ms']:.0f} ms",
    )


def _line(what: str, measured: str, must: str) -> str:
    return f"| {what} | {measured} | {must} |"


def _of_load(load: dict[str, Any]) -> list[tuple[str, str, str]]:
    most, ratios, largest, alone = load["most"], load["ratios"], load["largest"], load["alone"]
    found = [
        ("one request at a time, median", f"{alone['median_ms']:.1f} ms", ""),
        (
            "the largest rate at which 99 % are answered within 250 ms",
            f"{largest['rate']:.0f} a second (median {largest['median_ms']:.0f} ms,"
            f" 99 % {largest['p99_ms']:.0f} ms)",
            "",
        ),
        ("the most, 16 requests at once", f"{median(most[OURS]):.0f} a second", ""),
        (
            f"a bare loop, decoding and onnxruntime alone: {median(most[BARE]):.0f} a second",
            f"{_ratio(ratios[BARE], 2)} of it",
            f"at least {SHARE}",
        ),
    ]
    others = [
        (
            f"{name}: {median(most[name]):.1f} a second",
            f"{_ratio(ratios[name], 1)} times",
            f"at least {TIMES:g}",
        )
        for name in (KERAS, ONNX, PLAIN)
    ]
    return found + others


def _ratio(ratio: dict[str, float], digits: int) -> str:
    low, mid, high = (f"{ratio[name]:.{digits}f}" for name in ("lowest", "median", "highest"))
    return f"{mid} ({low} to {high})"


def _of_overload(over: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows, memory, phases = over["rows"], over["memory"], ("before", "outage", "after")
    thanks = [over["feedback"][phase] for phase in phases]
    statuses: dict[str, int] = {}
    for phase in over["moods"].values():
        for status, count in phase["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    minutes = over["seconds"] / 60
    return [
        (f"{minutes:.3g} minutes at {over['offered']:.0f} a second: answers", told, "200 and clean 429 only"),
        ("memory after a tenth and at the end", f"{memory['early']:.0f} and {memory['late']:.0f} MB", "flat"),
        (
            "at half the rate, 99 % before; in the first second after; after",
            " · ".join(
                f"{over[name]['p99_ms']:.0f} ms ({over[name]['in_time']:.1%} in time)"
                for name in ("before", "first_second_after", "after")
            ),
            "back at once",
        ),
        (
            f"{over['store']} for {over['outage']:g} s: moods answered before; meanwhile; after",
            " · ".join(f"{over['moods'][phase]['answered_a_second']:.0f}" for phase in phases) + " a second",
            "go on",
        ),
        (
            "99 % of feedback acknowledged before; meanwhile; after",
            " · ".join(f"{told['p99_ms'].get('201', math.nan):.0f} ms" for told in thanks),
            "",
        ),
        ("feedback acknowledged, and lost", f"{rows['acknowledged']:,}, {rows['lost']}", "none lost"),
    ]
