"""How much the service takes: most at once, the largest rate in time, and beside whom."""

import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import race
from benchmarks.serving import drive, material, services
from benchmarks.serving.drive import SHARE, Answers
from benchmarks.serving.services import Server
from pawtrait import progress

OURS, BARE, PLAIN = "pawtrait", "bare loop", "FastAPI and Keras"
KERAS, ONNX = "mlflow models serve, Keras", "mlflow models serve, onnxruntime"
BACK = 0.95  # so much less is tried where a rate that was found does not hold for longer

Ask = Callable[[float, float], Answers]  # a rate, seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """How long to look.

    Attributes:
        rounds, seconds: of the most that each takes, and how long each time.
        steps, step_seconds: of the search for the largest rate.
        hold: seconds that it has to hold in the end.
    """

    rounds: int
    seconds: float
    steps: int
    step_seconds: float
    hold: float


QUICK, FULL = Counts(2, 2, 4, 3, 5), Counts(5, 8, 6, 12, 30)


@dataclass(frozen=True, slots=True)
class Held:
    """A rate and how it was answered."""

    rate: float
    in_time: float
    median_ms: float
    p99_ms: float

    @classmethod
    def of(cls, rate: float, answers: Answers) -> "Held":
        """What came back."""
        return cls(
            round(rate, 1),
            round(answers.in_time, 5),
            round(answers.percentile(0.5), 1),
            round(answers.percentile(0.99), 1),
        )


def measure(counts: Counts, model: Path) -> dict[str, Any]:
    """All of it, in one run: rates by name and round, ratios, the largest rate in time."""
    with everything(model) as (pictures, running):
        most = _rounds(counts, model, pictures, running)
        ours, rate = running[OURS], statistics.median(most[OURS])
        low = alone(ours)
        held = largest(asking(ours), rate, counts)
    return {
        "most": {name: [round(one, 1) for one in found] for name, found in most.items()},
        "ratios": {name: _ratio(most[OURS], found) for name, found in most.items() if name != OURS},
        "largest": asdict(held),
        "alone": asdict(low),
    }


def asking(server: Server) -> Ask:
    """Sends pictures there at a rate, for some seconds."""
    return lambda rate, seconds: drive.send(server.port, [drive.at(server, rate)], seconds)[0]


def alone(server: Server, seconds: float = 3.0) -> Held:
    """One request at a time."""
    answers = drive.most(server, seconds, at_once=1)
    return Held.of(answers.rate, answers)


def largest(ask: Ask, most: float, counts: Counts) -> Held:
    """The largest rate a second at which ``SHARE`` of all requests are answered in time, by halving.

    Args:
        ask: sends at a rate for some seconds.
        most: about as many as the service answers when nobody minds the time; no rate far above is tried.
    """
    low, high = 0.0, most * 1.2
    for _ in progress.track(range(counts.steps), counts.steps, "largest rate in time"):
        rate = (low + high) / 2
        if ask(rate, counts.step_seconds).in_time >= SHARE:
            low = rate
        else:
            high = rate
    rate = low or most / 2 ** (counts.steps + 1)
    while True:
        answers = ask(rate, counts.hold)
        if answers.in_time >= SHARE or rate < 1:
            return Held.of(rate, answers)
        rate *= BACK


@contextmanager
def everything(model: Path) -> Iterator[tuple[Path, dict[str, Server]]]:
    """All servers side by side, idle but for the one that is asked."""
    services.stay_on_two_cores()
    with ExitStack() as stack, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {
            kind: folder / kind for kind in ("pictures", "ours", "plain", "tracked", "keras", "onnx", "sink")
        }
        for place in places.values():
            place.mkdir()
        pictures = material.pictures(places["pictures"])
        _tracked(model, places["tracked"])
        enter = stack.enter_context
        yield (
            places["pictures"],
            {
                OURS: enter(services.ours(model, pictures, places["ours"])),
                PLAIN: enter(services.plain(model, pictures, places["plain"])),
                KERAS: enter(services.mlflow(places["tracked"], "keras", pictures, places["keras"])),
                ONNX: enter(services.mlflow(places["tracked"], "onnx", pictures, places["onnx"])),
                BARE: enter(services.sink(places["sink"], pictures)),
            },
        )


def _tracked(model: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.serving.tracked", str(model), str(folder)]
    done = subprocess.run(command, env=services.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _rounds(
    counts: Counts, model: Path, pictures: Path, running: Mapping[str, Server]
) -> dict[str, list[float]]:
    """Answers a second of each in every round; each round begins with another, the first is not counted.

    Raises:
        RuntimeError: one does not answer as it should.
    """
    taken: dict[str, list[float]] = {name: [] for name in running}
    names, rate = list(running), 100.0
    for number in progress.track(range(-1, counts.rounds), counts.rounds + 1, "servers in turn"):
        start = max(number, 0) % len(names)
        for name in names[start:] + names[:start]:
            if name == BARE:
                found = _bare(model, pictures, running[name], rate, counts.seconds)
            else:
                found = _most(name, running[name], counts.seconds if number >= 0 else 2.0)
            rate = found if name == OURS else rate
            if number >= 0:
                taken[name].append(found)
    return taken


def _most(name: str, server: Server, seconds: float) -> float:
    """Good answers a second; whoever is out of order would count as beaten, so then nothing is compared."""
    answers = drive.most(server, seconds)
    if not answers.good or answers.good < SHARE * len(answers.status):
        raise RuntimeError(
            f"{name} answered {answers.good} of {len(answers.status)} requests well, by status"
            f" {answers.counts()}; expected are {SHARE:.0%}; its log ends:\n"
            f"{server.log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
        )
    return answers.rate


def _bare(model: Path, pictures: Path, sink: Server, rate: float, seconds: float) -> float:
    """The bare loop's pictures a second; beside it the generator sends as many as the service answers."""
    beside = threading.Thread(target=drive.send, args=(sink.port, [drive.at(sink, rate)], seconds + 3.0))
    beside.start()
    command = [sys.executable, "-m", "benchmarks.serving.bare", str(model), str(pictures), str(seconds)]
    done = subprocess.run(command, env=services.environment(), capture_output=True, text=True, check=True)
    beside.join()
    return float(done.stdout)


def _ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Ours by theirs: the median of the rounds' ratios, the lowest and the highest."""
    middle, (low, high) = race.ratios(ours, theirs)
    found = {"median": middle, "lowest": low, "highest": high}
    return {name: round(value, 3) for name, value in found.items()}
