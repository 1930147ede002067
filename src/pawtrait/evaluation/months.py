"""The champion's figures over the months: a chart of the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pawtrait.evaluation.drawing import INK, MUTED, PAPER, SPLIT, styled

CHAMPION, CHALLENGER = SPLIT["test"], SPLIT["valid"]
Known = tuple[float, float, float]  # macro-F1, low, high


@dataclass(frozen=True, slots=True)
class Row:
    """One decision, as the ledger has it."""

    when: str  # the month, or the day of what was done by hand
    action: str
    version: str | None  # the challenger, or what a rollback goes to
    champion: str | None  # after it
    previous: str | None  # the champion before it, which the challenger met
    figures: Mapping[str, float]  # the gate's


@styled
def champions(rows: Sequence[Row]) -> Figure:
    """Macro-F1 on the test split with its interval: the champion after each decision, and who failed.

    A decision without figures of its own shows the champion's last ones.
    """
    figure = Figure(figsize=(max(4.0, 0.62 * len(rows) + 1.2), 3.0), layout="constrained")
    axes = figure.subplots()
    line = _Line(axes)
    for place, row in enumerate(rows):
        line.add(place, row)
    line.finish()
    axes.set_xticks(range(len(rows)), [f"{row.when}\n{row.action}" for row in rows])
    axes.set(ylabel="test macro-F1", ylim=(0, 1.04), xlim=(-0.6, max(len(rows), 1) - 0.4))
    axes.tick_params(axis="x", length=0, labelcolor=INK, labelsize=7)
    axes.grid(True, axis="y", linewidth=0.6)
    if not rows:
        axes.text(0.5, 0.5, "The ledger is empty.", transform=axes.transAxes, ha="center", color=MUTED)
    return figure


class _Line:
    """The champions' points, one after another, and what is known of every version so far."""

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self._known: dict[str, Known] = {}
        self._path: list[tuple[int, float]] = []
        self._labels: set[str] = set()

    def add(self, place: int, row: Row) -> None:
        for who, version in (("champion", row.previous), ("challenger", row.version)):
            keys = [f"{who}_macro_f1{end}" for end in ("", "_low", "_high")]
            if version is not None and set(keys) <= set(row.figures):
                middle, low, high = (row.figures[key] for key in keys)
                self._known[version] = middle, low, high
        if row.champion is not None and row.champion in self._known:
            self._point(place, row.champion, "champion", filled=True)
            self._path.append((place, self._known[row.champion][0]))
        if row.version is not None and row.version != row.champion and row.version in self._known:
            self._point(place + 0.25, row.version, "challenger that did not take over", filled=False)

    def finish(self) -> None:
        """The line through the champions, behind their points, and the legend."""
        if self._path:
            places, heights = zip(*self._path, strict=True)
            self._axes.plot(places, heights, color=CHAMPION, alpha=0.35, zorder=1)
            self._axes.legend(loc="lower left", ncols=2, fontsize=7.5)

    def _point(self, x: float, version: str, label: str, filled: bool) -> None:
        colour = CHAMPION if filled else CHALLENGER
        middle, low, high = self._known[version]
        self._axes.vlines(x, low, high, color=colour, linewidth=2, alpha=0.45)
        self._axes.scatter(
            [x],
            [middle],
            s=26,
            zorder=3,
            facecolor=colour if filled else PAPER,
            edgecolor=colour,
            label=None if label in self._labels else label,
        )
        self._labels.add(label)
        self._axes.annotate(
            f"v{version}",
            (x, high),
            (0, 3),
            textcoords="offset points",
            ha="center",
            color=colour,
            fontsize=7.5,
        )
