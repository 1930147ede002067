"""``make year``: twelve months in minutes. Flow, stores and registry are real, the people simulated.

A project of its own with two tiny classifiers: people send pictures and corrections, one of them poison, the
light changes, a month brings nothing, a model gets worse, a run is killed. A table says what became of each.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import yaml
from rich.console import Console

from pawtrait import environment, newest
from pawtrait.adapters.store import database, settling
from pawtrait.dataset import manifest
from pawtrait.errors import PawtraitError
from pawtrait.files import write_text
from pipelines import chronicle, people, postgres, readme, real, up
from pipelines.git import git, own
from pipelines.processes import CommandError

OVERLAY = Path("docs/year.yaml")
WORSE = "learn a little at a time"  # what somebody thought of a recipe
PROJECT = Path(".cache/year")
AUTHOR = "Pawtrait year"  # of every commit there
KEPT_STAGES = (
    "train_cyclegan",
    "stylize",
    "compare_styles",
    "train_augmented",
)  # the first month's, for the year
COMMITTED = (*real.COPIED, "data/recorded_splits.csv")
FIRST = 2026, 1
WIDTH = 200  # of the table where it does not go to a terminal


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the year: its name, what happens before its retraining, and in words."""

    number: int
    story: str
    happens: Callable[[str], None] | None = None
    killed: bool = False
    poison: bool = False  # no picture of it may get in with what was said of it
    worse: bool = False  # its model may not be promoted

    @property
    def name(self) -> str:
        return f"{FIRST[0]}-{self.number:02d}"

    @property
    def now(self) -> datetime:
        """When its retraining starts: the month's first, 03:00 UTC."""
        return datetime(FIRST[0], self.number, 1, 3, tzinfo=UTC)


def year() -> list[Month]:
    """What happens in which month."""
    return [
        Month(1, "the first training"),
        Month(2, "60 pictures, reviewed by two people", lambda month: people.show(month, 15)),
        Month(3, "nothing new"),
        Month(4, "40 wrong moods of one client; reviewers see half of them", people.poison, poison=True),
        Month(
            5, "60 pictures more, and the run is killed", lambda month: people.show(month, 15), killed=True
        ),
        Month(6, "the light fails: 60 dark pictures", lambda month: people.show(month, 15, dark=True)),
        Month(7, "a worse recipe is committed", _worse_recipe, worse=True),
        Month(8, "the recipe is taken back", _recipe_taken_back),
        Month(9, "nothing new"),
        Month(10, "60 pictures", lambda month: people.show(month, 15)),
        Month(11, "60 pictures", lambda month: people.show(month, 15)),
        Month(12, "60 pictures", lambda month: people.show(month, 15)),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the year, and print what happened; 2 after one line where it could not go on."""
    parser = argparse.ArgumentParser("python -m pipelines.year", description=__doc__)
    parser.add_argument("--months", type=int, default=12, help="how many of them (%(default)s)")
    parser.add_argument("--only", type=int, nargs="+", help="only these, by number")
    parser.add_argument(
        "--project",
        type=Path,
        default=PROJECT,
        help="a folder, replaced: new, empty or an earlier year's (%(default)s)",
    )
    parser.add_argument(
        "--write", action="store_true", help="write the results to docs/results and docs/months.md"
    )
    chosen = parser.parse_args(arguments)
    months = [one for one in year() if one.number in (chosen.only or range(1, chosen.months + 1))]
    began, commit = time.monotonic(), readme.made_of()
    try:
        found(chosen.project)
        with _inside(chosen.project):
            for month in months:
                live(month)
            told = chronicle.rows([(one.name, one.story, one.now) for one in months])
            breaches = [*broken(months, told), *poisoned(months), *lost([one.name for one in months])]
            Console(width=None if sys.stdout.isatty() else WIDTH).print(chronicle.table(told))
    except (PawtraitError, OSError) as error:  # of files and disks Python's own words are plain
        print(f"year: {error}", file=sys.stderr)
        return 2
    minutes = (time.monotonic() - began) / 60
    for breach in breaches:
        print(f"year: {breach}", file=sys.stderr)
    if breaches:
        return 2
    if chosen.write:
        _written(told, minutes, commit)
    print(f"{len(months)} months in {minutes:.1f} minutes; the project is {chosen.project}")
    return 0


def found(project: Path) -> None:
    """A project of its own, committed: this code under small parameters.

    Raises:
        CommandError: the folder holds what no earlier year left.
    """
    own(project, f"{AUTHOR}: ")
    shutil.rmtree(project, ignore_errors=True)
    real.copy(COMMITTED, project)
    knobs = real.merged(yaml.safe_load(Path("params.yaml").read_text()), yaml.safe_load(OVERLAY.read_text()))
    write_text(project / "params.yaml", yaml.safe_dump(knobs, sort_keys=False))
    write_text(project / ".gitignore", ".cache/\nmlruns/\nmlflow.db*\nfeedback.db*\n__pycache__/\n")
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "config", "user.name", AUTHOR)
    git(project, "config", "user.email", "year@localhost")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "A year's project")


def broken(months: Sequence[Month], told: Sequence[chronicle.Row]) -> Iterator[str]:
    """What a month promised and did not keep, in a sentence each."""
    for month, row in zip(months, told, strict=True):
        if month.worse and row.decision == "promoted":
            yield f"{month.name}: the worse model was promoted: {row.why}"


def poisoned(months: Sequence[Month]) -> Iterator[str]:
    """Pictures that entered with the wrong mood that was said of them, a sentence each, in this folder."""
    lies = {
        name: label for month in months if month.poison for name, label in people.lies(month.name).items()
    }
    with database.opened() as engine:
        for one in settling.accepted(engine):
            if one.label == lies.get(one.picture):
                yield f"{one.month}: the poison {one.picture[:12]} was accepted as {one.label}"


def lost(months: Sequence[str]) -> Iterator[str]:
    """Accepted pictures of which the newest tables know nothing, a sentence each, in the current folder."""
    tables = newest.CLONE / "data/tables"
    records = manifest.read(tables / "manifest.csv", manifest.Record)
    ids = {one.path: one.id for one in records}
    placed = {ids[one.path] for one in manifest.read(tables / "splits.csv", manifest.Placed)}
    for name in ("dropped", "rejected"):
        placed |= {ids[one.path] for one in manifest.read(tables / f"{name}.csv", manifest.Rejected)}
    with database.opened() as engine:
        for month in months:
            for one in settling.of_month(engine, month):
                if one.label and one.picture not in placed:
                    yield f"{month}: the accepted picture {one.picture[:12]} is in no table"


def live(month: Month) -> None:
    """One month: what people do, the daily look at it, then the retraining, as a process that may be killed.

    Raises:
        CommandError: the look or the retraining failed.
    """
    Console(stderr=True).rule(f"{month.name}: {month.story}")
    os.environ["PAWTRAIT_NOW"] = month.now.isoformat()
    if month.happens:
        month.happens(month.name)
    if month.number > 1:
        _run(month, "pipelines.monitor")
    if month.killed:
        _kill_midway(month.name)
    _run(month, "pipelines.retrain", "--month", month.name)
    if month.number == 1:
        _keep_portraits()


def _run(month: Month, *module: str) -> None:
    done = subprocess.run([sys.executable, "-m", *module], check=False)
    if done.returncode:
        raise CommandError(f"{month.name}: {' '.join(module)} ended with {done.returncode}; see above")


def _worse_recipe(month: str) -> None:
    """Somebody commits a recipe by which no model learns."""
    knobs = yaml.safe_load(Path("params.yaml").read_text())
    for name in knobs["selected"]:
        knobs["models"][name] |= {"learning_rate": 1e-7, "inverse_strength": 3e-7}
    write_text(Path("params.yaml"), yaml.safe_dump(knobs, sort_keys=False))
    git(Path(), "commit", "--quiet", "--all", "--message", f"{month}: {WORSE}")


def _recipe_taken_back(month: str) -> None:
    """Somebody sees it, and takes that commit back."""
    bad = git(Path(), "log", f"--grep={WORSE}", "--format=%H", "-1")
    git(Path(), "revert", "--no-edit", bad.strip())


def _kill_midway(month: str) -> None:
    """Start the retraining, and kill it with all its children once training has begun.

    Raises:
        CommandError: it ended before that, so that nothing was killed.
    """
    run = subprocess.Popen(
        [sys.executable, "-m", "pipelines.retrain", "--month", month],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in run.stdout or ():
        print(line, end="", file=sys.stderr)
        if "dvc-augment" in line and "Completed" in line:
            for one in (parent := psutil.Process(run.pid), *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            break
    else:
        code = run.wait()
        raise CommandError(f"{month}: the run ended by itself ({code}) before it could be killed")
    run.wait()
    Console(stderr=True).print(f"[bold]killed in the middle of {month}; started again[/bold]")


def _keep_portraits() -> None:
    """From the second month on the portraits' stages are frozen: the first month's stand for the year.

    Written by hand: ``dvc freeze`` does not know how where a stage has parameters in its command.
    """
    wiring = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))
    for name in KEPT_STAGES:
        wiring["stages"][name]["frozen"] = True
    write_text(Path("dvc.yaml"), yaml.safe_dump(wiring, sort_keys=False))
    git(Path(), "commit", "--quiet", "--all", "--message", "The first month's portraits stand for the year")


def _written(told: Sequence[chronicle.Row], minutes: float, commit: str) -> None:
    """Keep it for docs/months.md, with the commit that it ran on."""
    said = chronicle.results(told, minutes, commit, f"{environment.cores()} cores")
    write_text(readme.RESULTS / "year.json", json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    readme.refresh(readme.RESULTS)


@contextmanager
def _inside(project: Path) -> Iterator[None]:
    """In the project, on its own stores, with this code's pipelines."""
    before, here = dict(os.environ), Path.cwd()
    for name in real.STORES:
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here), str(here / "src")])
    os.chdir(project)
    try:
        with _served():
            yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _served() -> Iterator[None]:
    """One Prefect server for all months, with its own database; each run would start one, for 10 seconds."""
    if "PREFECT_API_URL" in os.environ:
        yield
        return
    home = Path(os.environ.setdefault("PREFECT_HOME", str(Path(".cache/prefect").resolve())))
    home.mkdir(parents=True, exist_ok=True)
    with up.server(postgres.free_port()) as url:
        os.environ["PREFECT_API_URL"] = url
        yield


if __name__ == "__main__":
    sys.exit(main())
