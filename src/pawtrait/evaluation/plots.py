"""Every chart and sheet of pictures that explains a result; ``drawing`` writes them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, MaxNLocator
from numpy.typing import NDArray

from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation.drawing import INK, MOODS, MUTED, PAPER, SPLIT, styled
from pawtrait.evaluation.metrics import Bin

CHANCE = 1 / len(LABELS)
CELL, GAP = 1.32, 0.03  # inches: a cell of a sheet, and what is left free around its picture
SMALL = FontProperties(size=7.5)  # a caption of a sheet
LONGEST = 60  # letters of a caption's line that may fit a cell, were they all narrow
STUDY = {"accuracy": 0.53, "macro_f1": 0.48}  # its MobileNetV2 on its 38 test pictures


@styled
def class_pies(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """A pie of the moods for each split.

    Args:
        counts: split → mood → number of pictures; splits are drawn in the given order.
    """
    figure = Figure(figsize=(1.6 * len(counts) + 0.1, 1.9), layout="constrained")
    for axes, (split, count) in zip(_row(figure, len(counts)), counts.items(), strict=True):
        present = [label for label in LABELS if count.get(label)]
        axes.pie(
            [count[label] for label in present],
            colors=[MOODS[label] for label in present],
            labels=[f"{label}\n{count[label]}" for label in present],
            labeldistance=1.42,
            radius=0.85,
            startangle=90,
            counterclock=False,
            wedgeprops={"width": 0.42, "edgecolor": PAPER, "linewidth": 1.5},
            textprops={"fontsize": 8, "ha": "center", "va": "center"},
        )
        axes.text(0, 0, f"{split}\n{sum(count.values())}", ha="center", va="center", weight="bold")
    return figure


@styled
def samples(pictures: Iterable[NDArray[Any]], captions: Sequence[str], across: int = 6) -> Figure:
    """A grid of pictures, a caption under each.

    Args:
        pictures: N of uint8 (H, W, 3), RGB.
        captions: N, a long one cut.
        across: pictures in a row.
    """
    return _sheet(pictures, captions, across)


@styled
def mistakes(
    pictures: Iterable[NDArray[Any]], said: Sequence[tuple[str, str, str, float]], across: int = 4
) -> Figure:
    """The gallery of mistakes.

    Args:
        pictures: uint8 (N, side, side, 3), RGB.
        said: N of (split, actual, predicted, probability of the predicted).
        across: pictures in a row.
    """
    if not said:
        figure = Figure(figsize=(4, 0.8))
        figure.text(0.5, 0.5, "No mistake on validation and test.", ha="center", va="center")
        return figure
    captions = [
        f"{actual}, called {predicted}\n{probability:.0%} sure · {split}"
        for split, actual, predicted, probability in said
    ]
    return _sheet(pictures, captions, across)


@styled
def confusion(matrices: Mapping[str, NDArray[Any]]) -> Figure:
    """Confusion matrices side by side: rows the truth, columns the answers, colour the share of the row.

    Args:
        matrices: split → int (4, 4).
    """
    figure = Figure(figsize=(2.75 * len(matrices) + 0.3, 2.9), layout="constrained")
    for axes, (split, matrix) in zip(_row(figure, len(matrices)), matrices.items(), strict=True):
        shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
        for row in range(len(LABELS)):
            for column in range(len(LABELS)):
                colour = SPLIT["test"] if row == column else SPLIT["valid"]
                shade = 0.6 * float(shares[row, column])  # pale enough for ink on it
                axes.add_patch(
                    Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=colour, alpha=shade, lw=0)
                )
                axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=10)
        _box(axes, split)
    return figure


@styled
def reliability(bins: Mapping[str, Sequence[Bin]]) -> Figure:
    """How often the model is right against how sure it is; a point's area is its number of pictures.

    Args:
        bins: split → its bins.
    """
    figure = Figure(figsize=(3.3, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for split, ones in bins.items():
        total = max(sum(one.count for one in ones), 1)
        points = [one.confidence for one in ones], [one.accuracy for one in ones]
        axes.plot(*points, color=SPLIT[split], linewidth=1, alpha=0.6)
        sizes = [18 + 500 * one.count / total for one in ones]
        axes.scatter(*points, s=sizes, color=SPLIT[split], alpha=0.75, linewidths=0)
    axes.set(xlim=(0.2, 1.03), ylim=(-0.04, 1.04), xlabel="mean confidence", ylabel="share right")
    axes.grid(True, linewidth=0.6)
    dots = [Line2D([], [], marker="o", linestyle="", color=SPLIT[split], label=split) for split in bins]
    axes.legend(handles=dots, loc="upper left", handletextpad=0.2)
    return figure


@styled
def curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Loss and accuracy by epoch on training and validation pictures.

    Args:
        history: history.csv by column: epoch, loss, accuracy, val_loss, val_accuracy.
    """
    figure = Figure(figsize=(4.9, 2.2), layout="constrained")
    for axes, what in zip(_row(figure, 2), ("loss", "accuracy"), strict=True):
        for key, split in ((what, "train"), (f"val_{what}", "valid")):
            if history.get(key):
                dot = "o" if len(history["epoch"]) < 3 else None  # one epoch makes no line
                axes.plot(history["epoch"], history[key], color=SPLIT[split], label=split, marker=dot)
        axes.set_title(what)
        axes.set_xlabel("epoch")
        epochs = history.get("epoch") or [1]
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True) if len(epochs) > 2 else FixedLocator(epochs))
        axes.grid(True, axis="y", linewidth=0.6)
    axes.set_ylim(0, 1.02)
    axes.axhline(CHANCE, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    if axes.lines[:-1]:  # all but chance
        axes.legend(loc="best", fontsize=8)
    return figure


@styled
def forest(rows: Sequence[Mapping[str, Any]], stacked: bool = False) -> Figure:
    """Accuracy and macro-F1 of every model with their intervals, beside chance and the study's best.

    Args:
        rows: of compare.json, the champion first.
        stacked: one panel above the other, for a narrow page.
    """
    tall = 0.46 * len(rows) + 1.1
    figure = Figure(figsize=(4.4, 2 * tall) if stacked else (8.2, tall), layout="constrained")
    figure.get_layout_engine().set(wspace=0.05)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(2, 1) if stacked else figure.subplots(1, 2, sharey=True)
    _names(list(panels) if stacked else [panels[0]], rows)
    for axes, (key, title) in zip(panels, (("accuracy", "accuracy"), ("macro_f1", "macro-F1")), strict=True):
        _marks(axes, CHANCE, "chance")
        _marks(axes, STUDY[key], f"study {STUDY[key]:.2f}")
        for split, offset in (("valid", -0.13), ("test", 0.13)):
            _whiskers(axes, rows, f"{split}_{key}", SPLIT[split], offset)
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.75))
        axes.set_title(title, pad=14)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        axes.tick_params(axis="y", which="both", length=0)
        axes.grid(True, axis="x", linewidth=0.6)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


@styled
def gan_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """CycleGAN's losses by epoch: the game of generators and discriminators, and the cycles.

    Args:
        history: of history.csv, by column.
    """
    panels = {
        "adversarial": {"loss_G_A": "G_A", "loss_G_B": "G_B", "loss_D_A": "D_A", "loss_D_B": "D_B"},
        "cycle, times its weight": {"loss_cycle_A": "photo", "loss_cycle_B": "painting"},
        "cycle on held-out photos": {"held_out_cycle": "mean |rec_A − real_A|"},
    }
    figure = Figure(figsize=(8.2, 2.3), layout="constrained")
    for axes, (title, lines) in zip(_row(figure, len(panels)), panels.items(), strict=True):
        for key, name in lines.items():
            axes.plot(history["epoch"], history[key], label=name, marker="o", markersize=3)
        axes.set(title=title, xlabel="epoch", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(True, linewidth=0.6)
        axes.legend(fontsize=7.5)
    return figure


@styled
def trade_off(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """What each method of painting gives and takes: a panel a figure, points are means, bars reach from the
    least to the most of its portraits.

    Args:
        rows: of portraits.summary.
    """
    panels = (
        ("style", "style loss", "log"),
        ("content", "content loss", "log"),
        ("identity", "identity", "linear"),
        ("seconds", "seconds", "log"),
    )
    figure = Figure(figsize=(8.2, 0.34 * len(rows) + 0.9), layout="constrained")
    for axes, (key, title, scale) in zip(_row(figure, len(panels), sharey=True), panels, strict=True):
        places = range(len(rows))
        axes.hlines(
            places, [row[f"{key}_low"] for row in rows], [row[f"{key}_high"] for row in rows], INK, alpha=0.4
        )
        axes.scatter([row[key] for row in rows], places, color=SPLIT["valid"], s=26, zorder=3)
        axes.set(title=title, xscale=scale, ylim=(max(len(rows), 1) - 0.5, -0.5))
        axes.set_yticks(places, [row["method"] for row in rows])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.tick_params(axis="x", which="minor", labelsize=0)
        axes.grid(True, axis="x", linewidth=0.6)
    return figure


def _whiskers(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, colour: str, offset: float) -> None:
    heights = [place + offset for place in range(len(rows))]
    lows, highs = [row[f"{key}_low"] for row in rows], [row[f"{key}_high"] for row in rows]
    axes.hlines(heights, lows, highs, color=colour, linewidth=2, alpha=0.55)
    axes.scatter(
        [row[key] for row in rows], heights, color=colour, s=26, zorder=3, label=key.partition("_")[0]
    )


def _marks(axes: Axes, value: float, name: str) -> None:
    """A dotted line with its name above the panel."""
    axes.axvline(value, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    axes.text(value, 1.01, name, transform=axes.get_xaxis_transform(), ha="center", color=MUTED, fontsize=7.5)


def _names(panels: Sequence[Axes], rows: Sequence[Mapping[str, Any]]) -> None:
    """Each model's name as a tick, and its start below in smaller type (two texts, so that each aligns)."""
    for axes in panels:
        names = [f"{'★ ' if row.get('champion') else ''}{row['name']}" for row in rows]
        axes.set_yticks([place - 0.14 for place in range(len(rows))], names)
        axes.set_yticks(
            [place + 0.2 for place in range(len(rows))], [row["start"] for row in rows], minor=True
        )
        axes.tick_params(axis="y", labelcolor=INK)
        axes.tick_params(axis="y", which="minor", labelcolor=MUTED, labelsize=7.5)


def _box(axes: Axes, title: str) -> None:
    """The frame of a confusion matrix."""
    ticks = range(len(LABELS))
    axes.set(xlim=(-0.5, 3.5), ylim=(3.5, -0.5), xlabel="answer", ylabel="truth", aspect="equal", title=title)
    axes.set_xticks(ticks, LABELS)
    axes.set_yticks(ticks, LABELS)
    axes.tick_params(length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _row(figure: Figure, count: int, sharey: bool = False) -> list[Axes]:
    return list(figure.subplots(1, count, squeeze=False, sharey=sharey)[0])


def _sheet(pictures: Iterable[NDArray[Any]], captions: Sequence[str], across: int) -> Figure:
    """Pictures in rows of equal cells, each over its caption, which is cut to its cell's width: a layout that
    makes room for words makes all pictures small."""
    down = max(-(-len(captions) // across), 1)
    words = 0.04 + 0.17 * max((caption.count("\n") + 1 for caption in captions), default=1)
    figure = Figure(figsize=(CELL * across, (CELL + words) * down))
    wide, high = figure.get_size_inches()
    side = CELL - 2 * GAP
    grid = figure.subplots(
        down,
        across,
        squeeze=False,
        gridspec_kw={
            "left": GAP / wide,
            "right": 1 - GAP / wide,
            "wspace": 2 * GAP / side,
            "top": 1 - GAP / high,
            "bottom": (GAP + words) / high,
            "hspace": (2 * GAP + words) / side,
        },
    ).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, picture, caption in zip(grid, pictures, captions, strict=False):
        axes.imshow(picture, interpolation="lanczos")
        cut = "\n".join(_brief(line) for line in caption.split("\n"))
        text = axes.text(0.5, -0.04, cut, ha="center", va="top", fontproperties=SMALL)
        text.set(transform=axes.transAxes, parse_math=False)  # a name with two dollars is no formula
    return figure


def _brief(line: str) -> str:
    """Its beginning, as much as fits a cell; in the midst of a word too, since names of files may be one."""
    said = line
    for end in range(min(len(line), LONGEST), 0, -1):
        wide, _, _ = text_to_path.get_text_width_height_descent(said, SMALL, ismath=False)
        if wide <= 72 * (CELL - 2 * GAP):
            break
        said = f"{line[: end - 1].rstrip()}…"
    return said
