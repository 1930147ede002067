"""How every figure looks, and how it is written: as PNG, or as SVG that follows a page's light or dark theme.

Nothing here touches pyplot's global state, and a file depends on nothing but what is drawn.
"""

import io
import re
from collections.abc import Callable
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import style
from matplotlib.figure import Figure

from pawtrait.files import whole

P = ParamSpec("P")

INK, MUTED, GRID, PAPER = "#23262b", "#6b7079", "#d9dce1", "#ffffff"
MOODS = {"happy": "#e8a33d", "sad": "#4a7fc1", "angry": "#c8523f", "other": "#8d8798"}
SPLIT = {"train": MUTED, "valid": "#d9622b", "test": "#2a7f9e"}

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under our style, whatever the process has set."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return inside


def save(figure: Figure, path: Path, dpi: int = 130) -> None:
    """Write a PNG, whole or not at all, without a date or a program's name in it."""
    with whole(path) as draft, style.context(["default", STYLE]):
        figure.savefig(draft, format="png", dpi=dpi, metadata={"Software": None})


def svg(figure: Figure, title: str) -> str:
    """The figure as an <svg> element whose ink, grid and paper follow the page's colours.

    The page sets --muted, --grid and --paper; ``title``, unlike any other on
    the page, is what a screen reader says.
    """
    buffer = io.StringIO()
    own = {**STYLE, "svg.hashsalt": title}  # ids differ between the figures of one page
    with style.context(["default", own]):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    drawn = buffer.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)  # ids that nothing refers to, once a page
    for colour, name in ((INK, "currentColor"), (MUTED, "var(--muted)"), (GRID, "var(--grid)")):
        drawn = drawn.replace(colour, name)
    drawn = drawn.replace(PAPER, "var(--paper)").replace("'DejaVu Sans'", "system-ui, sans-serif")
    size = re.search(r'width="([\d.]+)pt"', drawn)
    widest = f"{float(size[1]) * 4 / 3:.0f}px" if size else "100%"
    drawn = re.sub(r' (width|height)="[\d.]+pt"', "", drawn)
    opening = f'<svg role="img" aria-label="{escape(title)}" style="max-width:{widest}"'
    return drawn.replace("<svg", opening, 1)
