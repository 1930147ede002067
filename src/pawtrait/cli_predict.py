"""``pawtrait predict``: moods of pictures, as a table or as JSON lines."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()


@app.command(rich_help_panel="Models")
def predict(
    pictures: Annotated[
        list[str],
        typer.Argument(help="Files, folders or globs; - reads a picture or names from standard input."),
    ],
    model: Annotated[
        Path | None, typer.Option(help="A model folder; default: the champion.", file_okay=False)
    ] = None,
    lines: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
) -> None:
    """Read the mood in pictures.

    Unreadable ones are reported and skipped; the exit code is then 1.
    """
    from pawtrait import champion, params
    from pawtrait.classification import moods
    from pawtrait.classification.predict import Classifier
    from pawtrait.dataset import named
    from pawtrait.errors import BadModel

    if model is not None and not model.is_dir():
        raise BadModel(f"--model {model}: no such folder; name one such as data/models/cnn")
    classifier = Classifier.load(model or Path(champion.read().folder))
    answers = moods.read(classifier, named.find(pictures), params.load().manifest.largest_pixels)
    failed = (_print_lines if lines else _print_table)(answers, classifier.facts["name"])
    if failed:
        raise typer.Exit(1)


def _print_lines(answers: Any, model: str) -> int:
    """A JSON object a line, at once for each picture; gives how many failed."""
    from dataclasses import asdict

    failed = 0
    for mood in answers:
        failed += bool(mood.problem)
        print(json.dumps({**asdict(mood), "model": model}, ensure_ascii=False), flush=True)
    return failed


def _print_table(answers: Any, model: str) -> int:
    """A row a picture, problems in red below the table; gives how many failed."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from pawtrait.dataset.labels import LABELS

    name = Column(
        "picture", overflow="fold", min_width=20
    )  # a name cut short tells nobody which picture it is
    table = Table(name, "mood", *LABELS, title=f"moods by {model}", title_justify="left")
    problems = []
    for mood in answers:
        if mood.problem:
            problems.append(mood.problem)
        else:
            figures = [
                Text(f"{p:.2f}", "bold" if k == mood.label else "dim") for k, p in mood.probabilities.items()
            ]
            table.add_row(Text(mood.picture), Text(mood.label, "bold"), *figures)
    console = Console()
    if table.row_count:
        console.print(table)
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    return len(problems)
