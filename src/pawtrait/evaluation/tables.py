"""The leaderboard as Markdown and for the terminal; rows are those of compare.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from pawtrait.evaluation.leaderboard import LEAK

Row = Mapping[str, Any]

FIGURES = {  # key in metrics.json → column
    "valid_macro_f1": "valid macro-F1",
    "valid_accuracy": "valid accuracy",
    "test_macro_f1": "test macro-F1",
    "test_accuracy": "test accuracy",
    "test_log_loss": "test log loss",
    "folds_accuracy": "grouped folds",
    "picture_folds_accuracy": "random folds †",
}


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
    """The leaderboard as a Markdown table, the champion in bold with a crown."""
    shown = columns(rows)
    lines = [
        f"| model | start | parameters | {' | '.join(shown.values())} |",
        f"|---|---|--:|{'--:|' * len(shown)}",
    ]
    for row in rows:
        name = f"**{row['name']}** 👑" if row["champion"] else row["name"]
        cells = [name, row["start"], f"{row['parameters']:,}", *(figure(row, key) for key in shown)]
        lines.append(f"| {' | '.join(cells)} |")
    if "picture_folds_accuracy" in shown:
        lines += ["", f"† {LEAK}"]
    return "\n".join(lines) + "\n"


def console(rows: Sequence[Row]) -> Table:
    """The leaderboard for the terminal, the champion marked."""
    shown = columns(rows)
    note = f"† {LEAK}" if "picture_folds_accuracy" in shown else None
    table = Table("", "model", "start", caption=note, caption_justify="left")
    for title in ("parameters", *shown.values()):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            "👑" if row["champion"] else str(row["rank"]),
            row["name"],
            row["start"],
            f"{row['parameters']:,}",
            *(figure(row, key) for key in shown),
            style="bold" if row["champion"] else None,
        )
    return table
