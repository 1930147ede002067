"""What must hold, counted in full on services in their own processes; small counts are beside each part."""

import io
import os
import re
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from pawtrait import champion, clock, params
from pawtrait.adapters.store import database, feedback
from pawtrait.adapters.store.ledger import Decision
from tests.holds import record
from tests.serving import hostile, swarms
from tests.serving.callers import jpeg, png, wait_for
from tests.serving.test_running import EVER, NOBODY

pytestmark = pytest.mark.slow

FILES, SLOWEST, GROWTH = 1_200, 2.0, 1_200  # seconds, MB
REQUESTS, LATE = 10_000, 5.0  # s after a move until which the one before may still answer
ROUNDS = 20


def test_hostile_files_do_no_harm(running):
    """Bombs, truncated, polyglots, of many parts, as large as may be, and a fuzzer's work on valid ones."""
    # On a busy machine it takes longer, and how much work it is counts; memory grows with the workers.
    service = running(PAWTRAIT_TIMEOUT="120", PAWTRAIT_WORKERS="2")
    files = [*hostile.corpus(FILES), *swarms.corpus(), *_largest()]
    files += [("two frames", swarms.two_frames(32_000)), ("two headers", swarms.two_headers(32_000))]
    kind = {"content-type": "image/jpeg"}
    seconds: dict[str, float] = {}
    worked: dict[str, float] = {}  # seconds of the processor, which do not depend on who else is at work
    quiet = [os.getloadavg()[0]]
    codes: Counter[int] = Counter()
    with httpx.Client(base_url=service.url, timeout=150) as client:
        client.post("/v1/moods", content=png(), headers=kind)
        family = _family(service.process.pid)
        before = _most_memory(family)
        for name, data in files:
            began, before_it = time.perf_counter(), _spent(family)
            codes[client.post("/v1/moods", content=data, headers=kind).status_code] += 1
            seconds[name] = time.perf_counter() - began
            worked[name] = _spent(family) - before_it
        assert client.post("/v1/moods", content=png(), headers=kind).status_code == 200
    growth = _most_memory(family) - before
    quiet.append(os.getloadavg()[0])
    alone = max(quiet) < (os.cpu_count() or 1)
    slowest, hardest = max(seconds, key=seconds.__getitem__), max(worked, key=worked.__getitem__)
    record(
        "hostile files",
        files=len(files),
        answers={str(code): count for code, count in sorted(codes.items())},
        slowest={"file": slowest, "seconds": round(seconds[slowest], 3)},
        hardest={"file": hardest, "processor_seconds": round(worked[hardest], 3)},
        later_than_2_s=sum(one > SLOWEST for one in seconds.values()),
        alone_on_the_machine=alone,
        memory_growth_mb=round(growth),
        crashed=service.process.poll() is not None,
    )
    assert set(codes) <= {200, 413, 415, 422} and service.process.poll() is None
    assert worked[hardest] < SLOWEST, hardest
    assert seconds[slowest] < SLOWEST or not alone, slowest
    assert growth < GROWTH
    assert _family(service.process.pid) == family, "a process was replaced"
    assert '"trace"' not in service.log.read_text()


def _largest():
    """Pictures of 39.7 million pixels, which is just allowed; few bytes each."""
    for mode, kind in (("RGB", "PNG"), ("RGBA", "PNG"), ("I;16", "PNG"), ("P", "GIF"), ("CMYK", "JPEG")):
        stream = io.BytesIO()
        Image.new(mode, (6300, 6300)).save(stream, kind)
        yield f"largest {mode} {kind}", stream.getvalue()
    for kind in ("WEBP", "TIFF"):
        stream = io.BytesIO()
        options = {"lossless": True} if kind == "WEBP" else {"compression": "tiff_deflate"}
        Image.new("RGB", (6300, 6300)).save(stream, kind, **options)
        yield f"largest {kind}", stream.getvalue()
    yield "largest progressive JPEG", hostile.large(6300, progressive=True)


def _family(pid):
    """The service and its processes."""
    return [psutil.Process(pid), *psutil.Process(pid).children()]


def _most_memory(family):
    """MB that they have ever had."""
    said = (Path(f"/proc/{one.pid}/status").read_text() for one in family)
    return sum(int(re.search(r"VmHWM:\s+(\d+) kB", one)[1]) for one in said) / 1e3


def _spent(family):
    """Seconds of the processor."""
    return sum(sum(one.cpu_times()[:2]) for one in family)


@dataclass(frozen=True)
class Answer:
    """One answer of a mood: when it was asked for and came, by which version, how sure."""

    asked: float
    came: float
    version: str
    confidence: float


class Asking:
    """Asks a service for moods from several threads until told to stop."""

    def __init__(self, url: str, threads: int) -> None:
        self.answers: list[Answer] = []
        self.failed: list[str] = []
        self._url, self._done = url, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        picture, kind = jpeg("sad"), {"content-type": "image/jpeg"}
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._done.is_set():
                began = time.monotonic()
                try:
                    done = client.post("/v1/moods", content=picture, headers=kind)
                    body = done.json()
                    answer = body["answers"][0]
                    self.answers.append(
                        Answer(began, time.monotonic(), body["model"]["version"], answer["confidence"])
                    )
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.failed.append(repr(error))

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


def test_ten_thousand_requests_while_the_champion_changes_five_times(
    running, project, colour_model, mlflow_store, monkeypatch
):
    """Promotions and rollbacks as the project does them; one service follows the note, one the alias."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{project}/feedback.db")
    versions = _registered([colour_model(f"net{n}", sharpness=0.01 * n) for n in range(1, 5)])
    reigns = [(versions[0], time.monotonic(), time.monotonic())]
    _promote(versions[0], None)
    services = {
        "note": running(PAWTRAIT_WAIT="60"),
        "registry": running(
            *("--model", "models:/pet-expression@champion"),
            MLFLOW_TRACKING_URI=mlflow_store,
            PAWTRAIT_WAIT="60",
        ),
    }
    asking = {source: Asking(service.url, 3) for source, service in services.items()}
    moves = [
        lambda: _promote(versions[1], versions[0]),
        lambda: _promote(versions[2], versions[1]),
        lambda: _back(None),
        lambda: _promote(versions[3], versions[1]),
        lambda: _back(versions[0]),
    ]
    now = [versions[1], versions[2], versions[1], versions[3], versions[0]]
    for place, (move, version) in enumerate(zip(moves, now, strict=True), 1):
        _wait_for_answers(asking, place * REQUESTS // 6)
        began = time.monotonic()
        move()
        reigns.append((version, began, time.monotonic()))
        assert champion.read().version == version
    _wait_for_answers(asking, REQUESTS)
    for one in asking.values():
        one.stop()
    lags = {source: _lags(one.answers, reigns) for source, one in asking.items()}
    for source, one in asking.items():
        record(
            f"hot swap by {source}",
            requests=len(one.answers),
            failed=len(one.failed),
            changes=len(moves),
            rollbacks=2,
            invalid=sum(lag is None for lag in lags[source]),
            longest_lag_seconds=round(max(lag or 0.0 for lag in lags[source]), 3),
            answers_by_version=[sum(a.version == version for a in one.answers) for version in versions],
        )
    for source, one in asking.items():
        sure = {version: {a.confidence for a in one.answers if a.version == version} for version in versions}
        assert one.failed == []
        assert all(lag is not None and lag <= LATE for lag in lags[source])
        assert all(len(found) == 1 for found in sure.values())  # a version's answers are its own
        assert len(set.union(*sure.values())) == len(versions)
        assert services[source].process.poll() is None


def _registered(folders):
    from pawtrait.adapters import registry, tracking  # late: MLflow takes seconds

    numbers = []
    for folder in folders:
        with tracking.training(params.load(), folder.name, []) as run:
            registry.log(run, folder)
        digest = next(
            line.split()[0]
            for line in (folder / "SHA256SUMS").read_text().splitlines()
            if line.endswith("model.onnx")
        )
        numbers.append(str(registry.register(digest, {}, "a test's").version))
    return numbers


def _promote(version, previous):
    from pawtrait.adapters import succession
    from pawtrait.champion import NOTE

    succession.move(
        Decision(
            time=clock.now(),
            action="promoted",
            actor="a test",
            champion=version,
            previous=previous,
            version=version,
        ),
        NOTE,
    )


def _back(version):
    from pawtrait.champion import NOTE
    from pawtrait.stages import rollback

    rollback.run(actor="a test", reasons=["it is counted"], note=NOTE, version=version)


def _wait_for_answers(asking, count):
    wait_for(lambda: all(len(one.answers) >= count or one.failed for one in asking.values()), 600)


def _lags(answers, reigns):
    """How long an answer's version had reigned no more when it was asked for; None where it never had."""
    ends = [began for _, began, _ in reigns[1:]] + [float("inf")]
    found = []
    for answer in answers:
        begun = [
            max(answer.asked - after, 0.0)
            for (version, began, _), after in zip(
                reigns, [*(end for *_, end in reigns[1:]), ends[-1]], strict=True
            )
            if version == answer.version and began <= answer.came
        ]
        found.append(min(begun) if begun else None)
    return found


def test_a_signal_leaves_nothing_in_hand_unanswered(running, project, cyclegan_folder):
    """Moods by the dozen, a portrait and feedback are under way when SIGTERM comes, again and again."""
    codes: Counter[int] = Counter()
    thanked: list[str] = []
    longest = 0.0
    for _ in range(ROUNDS):
        answered, names, seconds = _ended(running(PAWTRAIT_WAIT="60"))
        codes.update(answered)
        thanked += names
        longest = max(longest, seconds)
    with database.opened(f"sqlite:///{project}/feedback.db") as engine:
        kept = {row.id for row in feedback.between(engine, *EVER)}
    record(
        "shutdown",
        rounds=ROUNDS,
        answers={str(code): count for code, count in sorted(codes.items())},
        feedback={"acknowledged": len(thanked), "lost": len(set(thanked) - kept)},
        longest_end_seconds=round(longest, 2),
    )
    assert codes == {200: 5 * ROUNDS} and set(thanked) <= kept


def _ended(service):
    """What was answered though a signal came: status codes, ids of feedback, seconds until it had ended."""
    with ThreadPoolExecutor(8) as pool:
        moods = [pool.submit(_many, service.url, number) for number in range(4)]
        painted = pool.submit(_portrait, service.url)
        said = [pool.submit(_say, service.url) for _ in range(3)]
        wait_for(lambda: _taken_in(service.url, moods, painted, said), 30)
        service.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert service.process.wait(40) in (0, -signal.SIGTERM)
        seconds = time.monotonic() - began
        return [one.result() for one in (*moods, painted)], [one.result() for one in said], seconds


def _many(url, number):
    files = [("pictures", jpeg(side=600 + 10 * number + n)) for n in range(16)]
    return httpx.post(f"{url}/v1/moods", files=files, timeout=60).status_code


def _portrait(url):
    form = {"method": "cyclegan"}
    return httpx.post(
        f"{url}/v1/portraits", data=form, files={"picture": jpeg(side=512)}, timeout=60
    ).status_code


def _say(url):
    return httpx.post(f"{url}/v1/feedback", json={"picture": NOBODY, "thumbs": 1}, timeout=60).json()["id"]


def _taken_in(url, moods, painted, said):
    """Whether all bodies are there: pictures that wait and those that are answered make up all of them."""
    figures = dict(
        line.split(" ", 1)
        for line in httpx.get(f"{url}/metrics").text.splitlines()
        if not line.startswith("#")
    )
    answered = 16 * sum(one.done() for one in moods)
    portrait = painted.done() or float(figures["pawtrait_portraits_pending"]) > 0
    all_in = float(figures["pawtrait_queue_pictures"]) + answered >= 64
    return all_in and portrait and all(one.done() for one in said)
