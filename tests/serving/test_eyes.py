"""Reading processes: the same answers, replaced when they die, done without where none can be had."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pawtrait.serving import eyes, models, places, processes, reader, reading, slips, wire
from pawtrait.serving.eyes import Eyes
from pawtrait.serving.intake import Sent
from pawtrait.serving.problems import Problem
from pawtrait.serving.reading import Wanted
from tests.serving.callers import crown, jpeg, png, wait_for


@pytest.fixture
def served(project):
    return models.load(places.source(eyes.Settings.of({}))())


@pytest.fixture
def opened(settings):
    """A process, ended after the test."""
    found = Eyes(settings())
    yield found
    found.close()


PICTURES = [
    Wanted(Sent("a.jpg", jpeg()), request="7f"),
    Wanted(Sent("b.png", png()), shown=True),
    Wanted(Sent("c.jpg", b"\xff\xd8\xff no picture")),
]
NOTED = Wanted(Sent("d.jpg", jpeg()[:2] + b"\xff\xfe\x00\x07hello" + jpeg()[2:]))  # which is not kept


def same(one, other):
    if isinstance(one, Problem):
        return (one.status, one.kind, one.detail) == (other.status, other.kind, other.detail)
    assert (one.ready.seen, one.ready.data, one.ready.id) == (
        other.ready.seen,
        other.ready.data,
        other.ready.id,
    )
    assert np.array_equal(one.ready.shown, other.ready.shown) if one.ready.shown is not None else True
    return np.array_equal(one.probabilities, other.probabilities)


def test_a_process_answers_as_the_service_would(opened, served, settings):
    here = reading.read([*PICTURES, NOTED], served.classifier, settings())
    there = opened.read([*PICTURES, NOTED], served)
    assert all(same(one, other) for one, other in zip(here, there, strict=True))
    assert there[3].ready.data == jpeg() != NOTED.sent.data
    assert there[0].ready.square is None and there[1].ready.square.shape[2] == 3


def test_a_picture_that_was_decoded_before_is_not_sent_as_a_file(opened, served, settings):
    ready = reading.ready(PICTURES[1], served.classifier.side, settings())
    known = Wanted(Sent("b.png", b"gone"), shown=True, ready=ready)
    [answer], [plain] = opened.read([known], served), opened.read([PICTURES[1]], served)
    assert answer.ready is ready and np.array_equal(answer.probabilities, plain.probabilities)


def test_a_process_that_dies_is_replaced_and_its_pictures_are_answered(opened, served):
    opened.read(PICTURES[:1], served)
    os.kill(opened._child.process.pid, signal.SIGKILL)
    assert [type(one).__name__ for one in opened.read(PICTURES, served)] == ["Read", "Read", "Problem"]
    assert opened.deaths == 1 and opened._child.process.poll() is None


def test_a_picture_that_ends_every_process_is_the_only_one_without_an_answer(
    opened, served, monkeypatch, caplog
):
    """No such file is known; so one of the names is made to be one."""
    ask = opened._ask

    def deadly(head, parts, seconds):
        if any(one.get("name") == "deadly" for one in head.get("wanted", ())):
            os.kill(opened._child.process.pid, signal.SIGKILL)
        return ask(head, parts, seconds)

    monkeypatch.setattr(opened, "_ask", deadly)
    wanted = [*PICTURES[:2], Wanted(Sent("deadly", jpeg()), request="d1e")]
    first, second, third = opened.read(wanted, served)
    assert isinstance(third, Problem) and (third.status, third.kind) == (500, "internal")
    assert isinstance(first, reading.Read) and isinstance(second, reading.Read)
    assert opened.deaths == 2
    assert [one.request for one in caplog.records if "ended twice" in one.getMessage()] == ["d1e"]
    assert isinstance(opened.read(PICTURES[:1], served)[0], reading.Read)


def test_the_service_never_reads_what_its_processes_die_of(opened, served, monkeypatch):
    ask = opened._ask

    def deadly(head, parts, seconds):
        if head.get("wanted"):
            os.kill(opened._child.process.pid, signal.SIGKILL)
        return ask(head, parts, seconds)

    def refuse(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    opened.read(PICTURES[:1], served)
    monkeypatch.setattr(opened, "_ask", deadly)
    for _ in range(eyes.TRIES):
        [answer] = opened.read(PICTURES[:1], served)
        assert isinstance(answer, Problem) and answer.status == 500
    monkeypatch.setattr(eyes, "Child", refuse)  # none takes its place any more
    [answer] = opened.read(PICTURES[:1], served)
    assert isinstance(answer, Problem) and answer.status == 500
    [answer] = opened.read(PICTURES[:1], served)  # it comes again, and no process has seen it
    assert isinstance(answer, reading.Read)


def test_one_that_hangs_is_ended(settings, served):
    slow = Eyes(settings(timeout=2.0))
    slow.read(PICTURES[:1], served)
    os.kill(slow._child.process.pid, signal.SIGSTOP)
    [answer] = slow.read(PICTURES[:1], served)
    assert isinstance(answer, reading.Read) and slow.deaths == 1
    slow.close()


@pytest.mark.parametrize("harm", ["start", "reader", "model"])
def test_the_service_reads_by_itself_where_no_process_can(settings, served, monkeypatch, harm, caplog):
    if harm == "start":

        def refuse(*_):
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(eyes, "Child", refuse)
    if harm == "reader":
        monkeypatch.setattr(eyes, "READER", "pawtrait.no_such_module")
    alone = Eyes(settings())
    if harm == "model":
        (served.place.folder / "model.onnx").unlink()  # pruned, while the service still has it
    for _ in range(3):
        answers = alone.read(PICTURES[:1], served)
    assert isinstance(answers[0], reading.Read)
    assert (
        harm != "model" or caplog.text.count("cannot load version 1") == 1
    )  # it is not asked again and again
    alone.close()


def test_a_version_that_was_let_go_is_loaded_again(opened, colour_model, project):
    versions = []
    for number in range(1, places.KEPT + 2):
        crown(colour_model(f"net{number}", sharpness=float(number)), str(number))
        versions.append(models.load(places.source(eyes.Settings.of({}))()))
    for served in (*versions, versions[0]):
        [answer] = opened.read(PICTURES[:1], served)
        [here] = reading.read(PICTURES[:1], served.classifier, eyes.Settings.of({}))
        assert same(here, answer)
    assert opened.deaths == 0
    known = {}
    for served in versions:
        assert reader._loaded(slips.load(served.place), known) == {"event": "loaded"}
    assert len(known) == places.KEPT


def test_a_signal_to_the_group_ends_no_process_before_its_service(opened, served):
    opened.read(PICTURES[:1], served)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(opened._child.process.pid, number)
    assert isinstance(opened.read(PICTURES[:1], served)[0], reading.Read) and opened.deaths == 0


def test_a_process_ends_with_its_channel(settings):
    gone = Eyes(settings())
    process = gone._child.process
    gone.close()
    assert process.poll() is not None


def test_a_process_that_waits_has_nothing_of_the_last_pictures_left(settings, served, squares, monkeypatch):
    """Its loop, in a thread of this process, where that can be seen."""
    monkeypatch.setattr(reader, "_settle_down", lambda log: None)  # signals are this process's own
    ours, theirs = processes.multiprocessing.Pipe()
    loop = threading.Thread(target=reader.main, args=(theirs, settings()))
    loop.start()
    for head, parts in ((slips.load(served.place), []), slips.asked(PICTURES[:2], served.place)):
        wire.send(ours, head, *parts)
    assert [wire.receive(ours)[0]["event"] for _ in range(3)] == ["ready", "loaded", "answers"]
    wait_for(lambda: [square() is None for square in squares] == [True, True])
    ours.close()
    loop.join()


def test_settings_that_are_nobodys_business_are_not_on_the_command_line(settings):
    seen = Eyes(settings(salt="a secret", database="postgresql://user:password@host/base"))
    said = wait_for(Path(f"/proc/{seen._child.process.pid}/cmdline").read_text)  # empty at first
    assert "largest_bytes" in said and "secret" not in said and "password" not in said
    seen.close()


def test_a_slip_says_no_more_than_it_must(served):
    head, parts = slips.asked(PICTURES[:1], served.place)
    assert parts == [PICTURES[0].sent.data] and slips.wanted(head, parts) == PICTURES[:1]


def test_a_square_says_whose_it_is_too(served, settings):
    ready = reading.ready(PICTURES[0], served.classifier.side, settings())
    (one,) = slips.wanted(*slips.asked([replace(PICTURES[0], ready=ready)], served.place))
    assert (one.request, one.sent.data) == ("7f", b"")
    assert np.array_equal(one.ready.square, ready.square)


def test_a_message_is_one_piece():
    ours, theirs = processes.multiprocessing.Pipe()
    wire.send(ours, {"event": "x"}, b"", b"abc")
    assert wire.receive(theirs) == ({"event": "x"}, [b"", b"abc"])
