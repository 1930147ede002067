"""The service beside a bare loop and other servers, and the largest rate in time."""

import asyncio
import json
import shutil
import socket

import numpy as np
import pytest

from benchmarks import machine
from benchmarks.serving import __main__ as command
from benchmarks.serving import drive, generator, material, overload, rates, services, sheet
from benchmarks.serving.drive import Answers
from benchmarks.serving.generator import Stream
from pawtrait.adapters import lineage
from pawtrait.adapters.lineage import Commit
from pipelines.postgres import free_port
from tests.holds import ROOT, record

pytestmark = pytest.mark.usefixtures("own_cores")


def test_the_search_finds_the_rate_that_is_answered_in_time():
    def ask(rate, seconds):  # a service that is in time up to 300 a second
        taken = np.full(1000, 0.01 if rate <= 300 else 0.5)
        return Answers(np.linspace(0, seconds, 1000), taken, np.full(1000, 200), [], 0.0, seconds)

    found = rates.largest(ask, 500, rates.Counts(1, 1, 12, 1, 1))
    assert 299 < found.rate <= 300


def test_a_rate_that_does_not_hold_is_lowered():
    def ask(rate, seconds):
        taken = np.full(1000, 0.01 if rate <= (300 if seconds < 60 else 200) else 0.5)
        return Answers(np.linspace(0, seconds, 1000), taken, np.full(1000, 200), [], 0.0, seconds)

    assert 190 <= rates.largest(ask, 500, rates.Counts(1, 1, 10, 1, 60)).rate <= 200


def test_refusals_and_lost_requests_are_not_in_time():
    answers = Answers(np.zeros(4), np.array([0.1, 0.1, 0.1, 0.3]), np.array([200, 429, 0, 200]), [], 0.0, 1.0)
    assert answers.in_time == 0.25 and answers.rate == 2


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([500, 500], "0 of 2 requests well, by status {'500': 2}"),
        ([], "0 of 0 requests well, by status {}"),
        ([200] * 49 + [500], "49 of 50 requests well, by status {'200': 49, '500': 1}"),
    ],
    ids=["errors alone", "nothing", "some errors"],
)
def test_a_peer_that_does_not_answer_well_is_not_beaten(statuses, said, tmp_path, monkeypatch):
    (tmp_path / "server.log").write_text("no such model")
    peer = services.Server(0, None, "/predict", "image/jpeg", [], tmp_path / "server.log")
    answers = Answers(np.zeros(len(statuses)), np.zeros(len(statuses)), np.array(statuses, int), [], 0.0, 1.0)
    monkeypatch.setattr(drive, "most", lambda server, seconds: answers)
    with pytest.raises(RuntimeError) as raised:
        rates._rounds(rates.QUICK, tmp_path, tmp_path, {rates.PLAIN: peer})
    assert f"{rates.PLAIN} answered {said}" in str(raised.value) and "no such model" in str(raised.value)


def test_the_generator_counts_from_when_a_request_was_due(tmp_path, running, png_file):
    service = running()
    streams = [Stream("/v1/moods", "image/png", [str(png_file)], 50)]
    found = drive.send(service.port, streams, 1.0)[0]
    assert found.counts() == {"200": len(found.status)} and 20 < len(found.status) < 100
    assert (np.diff(found.due) >= 0).all() and (found.seconds > 0).all()


def test_a_stream_of_an_order_begins_when_another_ends(png_file):
    rate, bodies = 200, [str(png_file)]
    first, second = drive.send(
        free_port(),
        [
            Stream("/v1/moods", "image/png", bodies, rate, lasts=0.5),
            Stream("/v1/moods", "image/png", bodies, rate, after=0.5, lasts=0.5),
        ],
        1.0,
    )
    assert (first.due >= 0).all() and (first.due < 0.5).all() and len(first.due) > 20
    assert (second.due >= 0.5).all() and (second.due < 1.0).all() and len(second.due) > 20
    assert first.length == second.length == 0.5


def test_requests_one_by_one_begin_when_their_stream_does(running, png_file):
    stream = Stream("/v1/moods", "image/png", [str(png_file)], 0, at_once=2, after=0.3, lasts=0.2)
    (found,) = drive.send(running().port, [stream], 0.5)
    assert found.good > 0 and (found.due >= 0.3).all() and (found.due < 0.5).all()


def test_a_service_that_is_gone_is_counted_as_lost(tmp_path, png_file):
    streams = [Stream("/v1/moods", "image/png", [str(png_file)], 50)]
    found = drive.send(free_port(), streams, 0.5)[0]
    assert set(found.counts()) == {str(generator.LOST)}


def test_a_request_that_is_never_answered_is_lost_when_it_was_due(tmp_path, png_file, monkeypatch):
    """By the end of the run it was due before: ``between`` leaves out what is due at the end."""
    monkeypatch.setattr(generator, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        streams = [Stream("/v1/moods", "image/png", [str(png_file)], 50)]
        order = generator.Order(silent.getsockname()[1], 0.5, streams, str(tmp_path / "answers.npz"))
        asyncio.run(generator._carry_out(order))
    with np.load(order.out) as found:
        due, status = found["due_0"], found["status_0"]
    assert len(due) > 10 and set(status) == {generator.LOST}
    assert (np.diff(due) > 0).all() and (due < order.seconds).all()


def test_a_part_is_of_the_commit_at_which_it_began(monkeypatch):
    commits = [Commit("cd" * 20, "", "", False, ""), Commit("ab" * 20, "", "", True, "")]
    monkeypatch.setattr(lineage, "commit", lambda also: commits[-1])
    found = command._measured(lambda: {"most": {}, "of": commits.pop()})
    assert (found["commit"], found["dirty"]) == ("ab" * 20, True)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The command in a project whose table was made on another machine; to measure takes no time."""
    for name in (command.OUT, command.DOCUMENT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    earlier = json.loads(command.OUT.read_text(encoding="utf-8"))
    for name in command.PARTS:
        earlier[name]["machine"] = "a slow one, Python 3.11.7"
    command.OUT.write_text(json.dumps(earlier), encoding="utf-8")
    monkeypatch.setattr(material, "model", lambda: tmp_path)
    monkeypatch.setattr(machine, "processor", lambda: "a fast one")
    monkeypatch.setattr(rates, "measure", lambda *_: earlier["load"])
    asked = []
    monkeypatch.setattr(overload, "measure", lambda _, *how: asked.append(how) or earlier["overload"])
    return asked


def test_each_part_keeps_the_machine_that_it_was_measured_on(written):
    assert command.main(["--only", "load"]) == 0
    results = json.loads(command.OUT.read_text(encoding="utf-8"))
    assert results["load"]["machine"].startswith("a fast one, Python ")
    assert results["overload"]["machine"] == "a slow one, Python 3.11.7"
    said = results["sentences"][-1]
    assert ", a fast one, Python " in said and " and a slow one, Python 3.11.7; other work" in said
    assert said in command.DOCUMENT.read_text(encoding="utf-8")


def test_an_overload_alone_is_of_no_other_machines_rate(written):
    assert command.main(["--only", "overload"]) == 0
    assert command.main(["--only", "load", "overload"]) == 0
    assert [rate for rate, *_ in written] == [
        None,
        json.loads(command.OUT.read_text())["load"]["largest"]["rate"],
    ]


def test_what_was_refused_after_the_overload_stands_in_the_table(written):
    results = json.loads(command.OUT.read_text(encoding="utf-8"))
    results["overload"]["first_second_after"] |= {"in_time": 0.4, "p99_ms": 40.0}
    assert any("40 ms (40.0% in time)" in line for line in sheet.lines(results))


@pytest.mark.parametrize(("part", "other"), [("load", "minutes at"), ("overload", "a bare loop")])
def test_a_quick_run_prints_nothing_that_was_measured_elsewhere(part, other, written, capsys):
    before = command.OUT.read_bytes()
    assert command.main(["--quick", "--only", part]) == 0
    said = capsys.readouterr().out
    assert "a fast one" in said and "a slow one" not in said and other not in said
    assert written == ([(None, 20.0, 5.0)] if part == "overload" else [])  # no rate of another machine's
    assert command.OUT.read_bytes() == before


def test_the_table_says_where_something_was_not_committed(written):
    results = json.loads(command.OUT.read_text(encoding="utf-8"))
    results["load"] |= {"commit": "ab" * 20, "dirty": True}
    results["overload"] |= {"commit": "ab" * 20, "dirty": False}
    assert "commit `ababababab-dirty` and `ababababab`, " in sheet.lines(results)[-1]


@pytest.fixture
def png_file(tmp_path):
    from tests.serving.callers import png

    path = tmp_path / "cat.png"
    path.write_bytes(png())
    return path


@pytest.mark.slow
@pytest.mark.alone
def test_the_service_keeps_up_with_a_bare_loop_and_leaves_others_behind():
    found = rates.measure(rates.FULL, material.model())
    record("load", **found)
    ratios = {name: ratio["median"] for name, ratio in found["ratios"].items()}
    assert ratios[rates.BARE] >= sheet.SHARE, json.dumps(found)
    assert ratios[rates.KERAS] >= sheet.TIMES and ratios[rates.PLAIN] >= sheet.TIMES, json.dumps(found)
    assert found["largest"]["in_time"] >= drive.SHARE
