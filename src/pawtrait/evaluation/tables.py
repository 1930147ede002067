"""The leaderboard as Markdown and for the terminal; rows are those of compare.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]

FLOOR = "linear_probe"
LEAK = (
    "† With random folds, copies of one picture fall into training and test fold, so the model recognises "
    "pictures it has seen; the grouped folds are the figure to believe."
)

FIGURES = {  # key in metrics.json → column
    "valid_macro_f1": "valid macro-F1",
    "valid_accuracy": "valid accuracy",
    "test_macro_f1": "test macro-F1",
    "test_accuracy": "test accuracy",
    "test_log_loss": "test log loss",
    "folds_accuracy": "accuracy, grouped folds",
    "picture_folds_accuracy": "accuracy, random folds †",
}

TERMINAL = ("valid_macro_f1", "test_macro_f1", "test_accuracy", "folds_accuracy")


def columns(rows: Sequence[Row]) -> dict[str, str]:
    """The figures that at least one row has, key → title."""
    return {key: title for key, title in FIGURES.items() if any(key in row for row in rows)}


def figure(row: Row, key: str) -> str:
    """A figure with its interval, as in ``0.53 (0.37–0.68)``; a dash where the row has none."""
    if row.get(key) is None:
        return "–"
    if f"{key}_low" not in row:
        return f"{row[key]:.2f}"
    return f"{row[key]:.2f} ({row[f'{key}_low']:.2f}–{row[f'{key}_high']:.2f})"


def markdown(rows: Sequence[Row]) -> str:
    """The leaderboard as a Markdown table, the champion in bold with a crown, remarks below."""
    shown = columns(rows)
    lines = [
        f"| model | start | parameters | {' | '.join(shown.values())} |",
        f"|---|---|--:|{'--:|' * len(shown)}",
    ]
    for row in rows:
        name = f"**{row['name']}** 👑" if row["champion"] else row["name"]
        cells = [name, row["start"], f"{row['parameters']:,}", *(figure(row, key) for key in shown)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *(f"\n{remark}" for remark in remarks(rows))]) + "\n"


def console(rows: Sequence[Row]) -> Table:
    """The leaderboard for a terminal of 80 columns, the champion marked, intervals below their figures."""
    shown = {key: title for key, title in columns(rows).items() if key in TERMINAL}
    below = [remark for remark in remarks(rows) if remark != LEAK]  # the terminal shows no random folds
    table = Table("", box=None, pad_edge=False, caption="\n".join(below) or None, caption_justify="left")
    table.add_column("model", overflow="fold")  # a long name takes lines, not figures
    for title in ("parameters", *shown.values()):
        table.add_column(title.replace(" ", "\n"), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            "👑" if row["champion"] else str(row["rank"]),
            f"{row['name']}\n[dim]{row['start']}[/dim]",
            f"{row['parameters']:,}",
            *(_two_lines(row, key) for key in shown),
            style="bold" if row["champion"] else None,
        )
    return table


def remarks(rows: Sequence[Row]) -> list[str]:
    """What has to stand below the table wherever it is shown."""
    said = []
    if rows[0]["net"] == FLOOR and len(rows) > 1:
        said.append("The floor won: no network beat the linear probe on validation.")
    if any("picture_folds_accuracy" in row for row in rows):
        said.append(LEAK)
    return said


def _two_lines(row: Row, key: str) -> str:
    value, _, span = figure(row, key).partition(" ")
    return f"{value}\n[dim]{span.strip('()')}[/dim]" if span else value
