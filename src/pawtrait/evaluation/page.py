"""The report: one HTML page for a pipeline run, with everything in it and nothing fetched from elsewhere."""

import base64
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from PIL import Image

from pawtrait.dataset.labels import LABELS, SPLITS
from pawtrait.dataset.manifest import Placed, Rejected
from pawtrait.evaluation import drawing, metrics, plots, tables
from pawtrait.evaluation.intervals import percentage
from pawtrait.evaluation.metrics import Bin
from pawtrait.evaluation.portraits import FIGURES, kid_sentence
from pawtrait.evaluation.predictions import Scored

WIDEST = 1400  # px of an embedded picture; a phone with a sharp screen shows no more
QUALITY = 85  # of its JPEG

FOREST = (
    "Points are the figures, bars their {} intervals. Dotted: chance, and the best that "
    "the study behind Pawtrait reached on its own 38 test pictures."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a page shows in a frame: a drawing as SVG, or a photo as a data URI."""

    caption: str
    svg: str = ""
    src: str = ""
    alt: str = ""
    size: tuple[int, int] = (0, 0)  # px: a page keeps its place while it loads, and no phone makes it tiny
    broad: bool = False  # deserves two columns of three


@dataclass(frozen=True, slots=True)
class Data:
    """The data section.

    Attributes:
        counts: split → mood → pictures.
        groups: split → groups of copies.
        sources: where the pictures came from.
        rejected: pictures that went no further, each with its stage and reason.
        warnings: sentences of the validation.
    """

    counts: Mapping[str, Mapping[str, int]]
    groups: Mapping[str, int]
    sources: Sequence[str]
    rejected: Sequence[Rejected]
    warnings: Sequence[str]
    pictures: list[Picture]


@dataclass(frozen=True, slots=True)
class Model:
    """A model's section: its row of compare.json, model.json, classes.csv, and its pictures."""

    row: Mapping[str, Any]
    facts: Mapping[str, Any]
    classes: Sequence[metrics.ClassScore]
    pictures: Sequence[Picture]
    card: str  # the card's address as seen from the page


@dataclass(frozen=True, slots=True)
class Portraits:
    """The section about painting.

    Attributes:
        verdict: styles.json.
        pictures: the chart, the gallery, the paintings.
        painter: model.json of CycleGAN.
        painter_pictures: its probes and curves.
        augmented: augmented.json, or None.
    """

    verdict: Mapping[str, Any]
    pictures: Sequence[Picture]
    painter: Mapping[str, Any]
    painter_pictures: Sequence[Picture]
    augmented: Mapping[str, Any] | None


def report(
    verdict: Mapping[str, Any],
    data: Data,
    models: Sequence[Model],
    level: float,
    portraits: Portraits | None = None,
) -> str:
    """The page, as HTML.

    Args:
        verdict: compare.json.
        models: in the order of the verdict's rows.
        level: of the intervals.
        portraits: None where nothing was painted.
    """
    rows, forest = verdict["rows"], FOREST.format(percent(level))
    return (
        environment()
        .get_template("report.html")
        .render(
            victory=verdict["sentences"][0],
            leads=verdict["sentences"][1 : len(rows)],
            remarks=tables.remarks(rows),
            rows=rows,
            best=rows[0],
            columns=tables.columns(rows),
            forest_wide=drawn(plots.forest(rows), "Accuracy and macro-F1 of every model", forest),
            forest_tall=drawn(
                plots.forest(rows, stacked=True), "Accuracy, then macro-F1, of every model", forest
            ),
            mcnemar={
                "test": _square(verdict["mcnemar"]["pairs"]),
                "valid": _square(verdict["mcnemar_valid"]["pairs"]),
            },
            data=data,
            models=models,
            level=level,
            portraits=portraits,
            figures=FIGURES,
            kid=kid_sentence(portraits.painter) if portraits else "",
        )
    )


def environment() -> Environment:
    """Templates that escape what they show and stop at a name they do not know."""
    made = Environment(
        loader=PackageLoader("pawtrait.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": "{:,}".format, "plural": plural, "short": short, "digits": digits}
    made.filters |= {"percent": percent, "said": said}
    made.globals |= {"figure": tables.figure, "labels": LABELS, "splits": SPLITS}
    return made


def model_pictures(
    name: str, splits: Mapping[str, Scored], history: Mapping[str, Sequence[float]], bins: int
) -> list[Picture]:
    """The drawings of one model: confusion for each split, reliability, learning curves."""
    shown = [
        drawn(
            plots.confusion({split: metrics.confusion(one)}),
            f"Confusion matrix of {name} on {split}",
            f"Truth against answer, {split}",
        )
        for split, one in splits.items()
    ]
    binned: dict[str, list[Bin]] = {split: metrics.reliability(one, bins) for split, one in splits.items()}
    shown.append(
        drawn(
            plots.reliability(binned),
            f"Reliability of {name}",
            "On the dashed line, confidence equals accuracy; larger points hold more pictures",
        )
    )
    if len(history.get("epoch", ())) > 1:  # the linear probe has no epochs to show
        shown.append(drawn(plots.curves(history), f"Learning curves of {name}", "Loss and accuracy by epoch"))
    return shown


def data_of(
    placed: Sequence[Placed], sources: Sequence[str], rejected: Sequence[Rejected], warnings: Sequence[str]
) -> Data:
    """Count the splits and draw their pies."""
    counts = {split: Counter(one.label for one in placed if one.split == split) for split in SPLITS}
    groups = {split: len({one.group for one in placed if one.split == split}) for split in SPLITS}
    pies = drawn(plots.class_pies(counts), "Moods in each split", "Pictures of each mood, split by split")
    return Data(counts, groups, sources, rejected, warnings, [pies])


def drawn(figure: Figure, title: str, caption: str) -> Picture:
    """A figure as inline SVG; broad if it is much wider than tall."""
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Picture(
        caption, svg=drawing.svg(figure, title), size=(width, height), broad=bool(width > 2 * height)
    )


def photo(path: Path, alt: str, caption: str) -> Picture:
    """A picture file as a JPEG inside a data URI, no wider than WIDEST."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((WIDEST, 4 * WIDEST))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(caption, src=f"data:image/jpeg;base64,{code}", alt=alt, size=picture.size)


def painter_pictures(history: Mapping[str, Sequence[float]], probes: Path) -> list[Picture]:
    """CycleGAN's probes after training, and its losses by epoch."""
    shown = [
        photo(
            probes,
            "Held-out photos, painted and brought back",
            "Held-out photos: as they are, painted, brought back",
        )
    ]
    if len(history.get("epoch", ())) > 1:
        shown.append(
            drawn(plots.gan_curves(history), "Losses of CycleGAN", "Adversarial and cycle losses by epoch")
        )
    return shown


def said(sentence: str) -> Markup:
    """A sentence as HTML: what stands between backticks, as a command to type, is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def plural(count: int, word: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def digits(value: float) -> str:
    """Three digits that count: ``0.00123``, ``4.56``, ``789``."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(level: float) -> str:
    """``95 %``, its space one that does not break; ``99.5 %``."""
    return percentage(level).replace("%", "\N{NO-BREAK SPACE}%")


def short(count: int) -> str:
    """``5.1 k``, ``8.1 M``; a number under 1,000 as it is."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            return f"{count / unit:.1f} {letter}"
    return str(count)


def _square(pairs: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Both halves of the matrix: (row, column) → p, and how many pictures only either has right."""
    cells: dict[tuple[str, str], Mapping[str, Any]] = {}
    for pair in pairs:
        a, b = pair["first"], pair["second"]
        cells[a, b] = {"p": pair["p"], "mine": pair["only_first"], "theirs": pair["only_second"]}
        cells[b, a] = {"p": pair["p"], "mine": pair["only_second"], "theirs": pair["only_first"]}
    return cells
