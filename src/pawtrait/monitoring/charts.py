"""The charts of the monitoring page."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation.drawing import GRID, MOODS, MUTED, styled
from pawtrait.monitoring.health import Thumbs

THEN, NOW = MUTED, "#d9622b"
SMALL = (3.6, 1.9)  # inches; three beside each other on a screen
LONGEST = 28  # letters of a name beside a bar


@styled
def distribution(reference: Sequence[float], days: Sequence[float]) -> Figure:
    """The share of pictures at or below each value, then and now; neither may be empty."""
    figure = Figure(figsize=SMALL, layout="constrained")
    axes = figure.add_subplot()
    for values, colour, name in ((reference, THEN, "then"), (days, NOW, "now")):
        ordered = np.sort(values)
        shares = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(ordered, shares, where="post", color=colour, label=name)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.set_yticks([0, 0.5, 1])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y")
    axes.legend(loc="lower right", fontsize=8)
    return figure


@styled
def answers(reference: Sequence[str], days: Sequence[str]) -> Figure:
    """The share of each mood among the answers, then and now; neither may be empty."""
    figure = Figure(figsize=SMALL, layout="constrained")
    axes = figure.add_subplot()
    sides = ((0.2, reference, "then", 0.4), (-0.2, days, "now", 1.0))
    longest = 0.0
    for shift, labels, name, alpha in sides:
        counts = Counter(labels)
        shares = [counts[label] / len(labels) for label in LABELS]
        longest = max(longest, *shares)
        places = [shift - index for index in range(len(LABELS))]
        axes.barh(places, shares, 0.36, color=[MOODS[label] for label in LABELS], alpha=alpha)
        for index, (place, share) in enumerate(zip(places, shares, strict=True)):
            said = f" {share:.0%} {name}" if index == 0 else f" {share:.0%}"
            axes.annotate(said, (share, place), va="center", size=8)
    axes.set_yticks([-index for index in range(len(LABELS))], LABELS)
    axes.set_xlim(0, min(1.2 * longest, 1.15))  # room for the words
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    return figure


@styled
def hours(counts: Sequence[int]) -> Figure:
    """Requests by the hour of the day."""
    figure = Figure(figsize=SMALL, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(24), counts, 0.8, color=NOW)
    axes.set_xticks([0, 6, 12, 18, 23], ["0", "6", "12", "18", "23 h UTC"])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y")
    return figure


@styled
def sizes(counts: Mapping[str, int]) -> Figure:
    """Pictures by the class of their longer side."""
    figure = Figure(figsize=SMALL, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(list(counts), list(counts.values()), 0.8, color=NOW)
    axes.set_xticks(range(len(counts)), [name.replace(" ", "") for name in counts], size=7)  # else they touch
    axes.set_xlabel("px, longer side")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y")
    return figure


@styled
def thumbs(rows: Sequence[Thumbs]) -> Figure:
    """The share of thumbs up with its interval: a method in bold, its styles below it."""
    figure = Figure(figsize=(4.2, 0.6 + 0.26 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        if row.up.share is None or row.up.interval is None:
            continue
        whole = not row.style
        axes.plot(
            [row.up.interval.low, row.up.interval.high],
            [-place, -place],
            color=NOW if whole else GRID,
            linewidth=3 if whole else 2,
        )
        axes.plot(row.up.share, -place, "o", color=NOW if whole else THEN, markersize=5)
    axes.set_yticks(
        [-place for place in range(len(rows))],
        [f"{plain(row.style or row.method)}  {row.up.hits}/{row.up.count}" for row in rows],
    )
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_fontweight("normal" if row.style else "bold")
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.grid(axis="x")
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    return figure


def plain(name: str) -> str:
    """A name that came from outside: printable, short, and no formula to matplotlib."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
    return shown.replace("$", r"\$")
