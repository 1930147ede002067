"""What portraits are worth and what they cost: a row each, a summary by method, the sentences about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ROWS = 24  # of the gallery's sheet at most; a page would show more of them too small to see
TYPICAL = ("seconds", "megabytes")  # whose median stands for a method: the first portrait pays for more
FIGURES = {  # key → title, and whether less is better
    "content": ("content loss", True),
    "style": ("style loss", True),
    "weighted": ("weighted sum", True),
    "identity": ("identity", False),
    "mood_kept": ("mood kept", False),
    "seconds": ("seconds", True),
    "megabytes": ("memory, MB", True),
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """One portrait that was painted."""

    path: str  # relative to the gallery's folder, with /
    method: str
    photo: str  # relative to data/raw
    label: str  # the photo's mood
    painting: str  # its name; "" for a method that takes none
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Price:
    """What it cost."""

    path: str
    seconds: float
    core_seconds: float
    megabytes: float  # most memory that a process held which paints by this method alone, not of a GPU


@dataclass(frozen=True, slots=True)
class Judged:
    """What it is worth, against a photo and a painting."""

    path: str
    method: str
    photo: str
    painting: str  # the one it was judged against
    content: float  # loss against the photo
    style: float  # loss against the painting
    weighted: float  # alpha · content + beta · style
    identity: float  # cosine between the features of portrait and photo
    mood: str  # what the classifier says of the portrait
    mood_kept: bool  # whether it says the same of the photo
    seconds: float
    core_seconds: float
    megabytes: float


def summary(judged: Sequence[Judged], methods: Sequence[str]) -> list[dict[str, Any]]:
    """A row a method: each figure's mean over its portraits, with the lowest and highest of them.

    Of what a portrait cost it is the median.
    """
    rows = []
    for method in methods:
        mine = [one for one in judged if one.method == method]
        if mine:
            rows.append({"method": method, "portraits": len({one.path for one in mine}), **_figures(mine)})
    return rows


def sentences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the table says, for those who do not read tables."""
    if len(rows) < 2:
        return []
    return [*_trade(rows), *_cost(rows)]


def kid_sentence(facts: Mapping[str, Any]) -> str:
    """What CycleGAN's KID says, from its model.json; "" where there were too few pictures to tell."""
    if facts["kid"] is None or facts["kid_photos"] is None:
        return ""
    return (
        f"KID on {facts['judged_by']} features, painted photos against paintings: {_short(facts['kid'])} ±"
        f" {_short(facts['kid_error'], 2)} (standard error), against {_short(facts['kid_photos'])} for the"
        " unpainted photos. Compare these two only with each other: published KIDs use Inception's features."
    )


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of methods: the middle of the portraits, in brackets the least and the most."""
    titles = " | ".join(title for title, _ in FIGURES.values())
    lines = [f"| method | portraits | {titles} |", f"|---|--:|{'--:|' * len(FIGURES)}"]
    for row in rows:
        cells = [
            f"{_short(row[key])} ({_short(row[f'{key}_low'])}–{_short(row[f'{key}_high'])})"
            for key in FIGURES
        ]
        lines.append(f"| {row['method']} | {row['portraits']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def records(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The rows as plain mappings, rounded so that a report can show them."""
    return [
        {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(one).items()}
        for one in judged
    ]


def _figures(mine: Sequence[Judged]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for key in FIGURES:
        values = np.array([float(getattr(one, key)) for one in mine])
        middle = np.median(values) if key in TYPICAL else values.mean()
        figures |= {key: middle, f"{key}_low": values.min(), f"{key}_high": values.max()}
    return {key: round(float(value), 6) for key, value in figures.items()}


def _trade(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    style, content, both = (best(rows, key) for key in ("style", "content", "weighted"))
    keeper = "it also" if content is style else content["method"]
    yield (
        f"{style['method']} comes closest to the paintings (style loss {style['style']:.3g});"
        f" {keeper} keeps most of the photo (content loss {content['content']:.3g})."
    )
    yield f"By the weighted sum of both, {both['method']} leads with {both['weighted']:.3g}."
    most = f"{best(rows, 'identity')['identity']:.2f}"
    *others, last = (row["method"] for row in rows if f"{row['identity']:.2f}" == most)
    leaders = f"{', '.join(others)} and {last}" if others else last
    yield f"Identity is kept best by {leaders}: cosine {most} between the features of portrait and photo."


def _cost(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    quick, slow = best(rows, "seconds"), max(rows, key=lambda row: row["seconds"])
    times = slow["seconds"] / max(quick["seconds"], 1e-9)
    yield (
        f"{quick['method']} is the fastest with {_brief(quick['seconds'])} s a portrait,"
        f" {slow['method']} the slowest with {_brief(slow['seconds'])} s, {times:.0f} times as long."
    )


def _short(value: float, digits: int = 3) -> str:
    """So many digits that count, and never an exponent for a large number."""
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"


def _brief(seconds: float) -> str:
    """Two digits that count, and never an exponent for a long time."""
    return f"{seconds:.0f}" if seconds >= 99.5 else f"{seconds:.2g}"


def best(rows: Sequence[Mapping[str, Any]], key: str) -> Mapping[str, Any]:
    """The row that leads in a figure."""
    less = FIGURES[key][1]
    return min(rows, key=lambda row: row[key] if less else -row[key])
