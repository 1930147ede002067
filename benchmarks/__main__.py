"""``python -m benchmarks [--quick] [--only JOB …]``: measure, and print one table."""

import argparse
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import race
from pawtrait import environment, progress
from pawtrait.dataset import demo

TOOLS = (
    "keras",
    "tensorflow",
    "tensorflow-hub",
    "torch",
    "onnxruntime",
    "openvino",
    "tf2onnx",
    "opencv-python-headless",
    "pillow",
    "numpy",
)
JOBS = ("augmentation", "prediction", "exporting", "scanning", "neural", "fast", "cyclegan", "serving", "gpu")
AT_LENGTH = ("precision",)  # no matter of speed, and a quarter of an hour: only where it is asked for
SPREAD = (
    "scanning",
    "cyclegan",
    "serving",
    "gpu",
)  # jobs that are about several cores; the others stay on one


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every job in a process of its own and print the table; 2 without pictures, 1 where a job failed."""
    options = _parser().parse_args(arguments)
    environment.settle()
    empty = [folder for folder in options.pictures if not any(folder.glob("*/*.jpg"))]
    if empty:
        progress.say(f"benchmarks: {empty[0]} has no CLASS/NAME.jpg; name a folder of class folders")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(_rows(_plans(options, Path(scratch)), options.only))
    Console().print(_table(rows), _versions(), sep="\n")
    return int(any(row.failed for row in rows))


def _rows(plans: Sequence[race.Plan], chosen: Sequence[str]) -> Iterator[race.Row]:
    jobs = [(job, plan) for job in chosen for plan in (plans if job == "augmentation" else plans[:1])]
    for job, plan in progress.track(jobs, len(jobs), "benchmarks"):
        with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
            measuring = fresh.submit(race.measure, job, plan, job not in SPREAD)
            try:
                yield from measuring.result()
            except Exception as error:  # whatever it was, what the others took an hour for is worth its table
                progress.say("".join(traceback.format_exception(error)))
                yield _failed(job, error)


def _failed(job: str, error: Exception) -> race.Row:
    """The row of a job that came to nothing; the first line says why, all of it stands in the log."""
    why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return race.Row(job, "", f"failed: {escape(why)}", "", None, (0.0, 0.0), "nothing", failed=True)


def _plans(options: argparse.Namespace, scratch: Path) -> list[race.Plan]:
    """The folders that were named, or pictures of the demo."""
    weights = str(options.weights.resolve()) if options.weights else None
    if options.pictures:
        return [
            race.Plan(options.quick, str(folder), "/".join(folder.resolve().parts[-2:]), weights)
            for folder in options.pictures
        ]
    demo.draw(scratch / "demo", {"train": 64 if options.quick else 400}, 160, seed=1, faults=False)
    return [race.Plan(options.quick, str(scratch / "demo" / demo.TOP / "train"), "demo, 160 px", weights)]


def _table(rows: Sequence[race.Row]) -> Table:
    table = Table(title="What is fast, and beside whom", title_justify="left")
    for name in ("job", "theirs", "ours"):
        table.add_column(name)
    table.add_column("times as fast", justify="right")
    table.add_column("limit")
    table.add_column("measured")
    for row in rows:
        table.add_row(row.job, row.theirs, row.ours, _times(row), row.limit, row.how)
    return table


def _times(row: race.Row) -> str:
    if row.times is None:
        return ""
    low, high = row.spread
    return f"[bold]{row.times:.1f}[/bold]\n[dim]{low:.1f} to {high:.1f}[/dim]"


def _versions() -> str:
    tools = " · ".join(f"{name} {_version(name)}" for name in TOOLS)
    return f"Python {platform.python_version()} · {tools}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=(sys.modules["benchmarks"].__doc__))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller jobs, in a minute")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*JOBS, *AT_LENGTH),
        default=JOBS,
        metavar="JOB",
        help=f"{', '.join(JOBS)}; and {', '.join(AT_LENGTH)}, which is run where it is asked for only",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FOLDER",
        help="published weights: VGG19 in Keras' layout, magenta_stylization/saved_model (made-up values)",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="JPEGs in class folders (pictures of the demo)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
