"""Progress on long work, on standard error: a live bar in a terminal, a line now and then in a log."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def bar() -> Progress:
    """A progress display; use it as a context manager and add tasks with a ``note`` field."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def track(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the items while a bar named ``what`` counts them."""
    with bar() as display:
        task = display.add_task(what, total=total, note="")
        for item in items:
            yield item
            display.advance(task)


def say(text: str) -> None:
    """One line on standard error, for logs where no bar can live."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)
