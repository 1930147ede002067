"""A journal that loses nothing that it has acknowledged, and delivers each row once."""

import json
import subprocess
import sys
import threading

import pytest

from pawtrait import clock
from pawtrait.adapters.store.feedback import StyleSaid
from pawtrait.errors import BadFeedback, BadStore
from pawtrait.serving import outbox as outboxes
from pawtrait.serving import rows
from pawtrait.serving.outbox import REFUSED, Outbox
from tests.serving.callers import wait_for


class Store:
    """Takes rows by their id, where it is not down; refuses those that are bad."""

    def __init__(self):
        self.rows, self.down, self.calls = {}, False, 0

    def __call__(self, rows):
        self.calls += 1
        if self.down:
            raise BadStore("away")
        for row in rows:
            if row["id"] == "bad":
                raise BadFeedback("no such label")
        self.rows |= {row["id"]: row for row in rows}


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def outbox(tmp_path, store):
    return Outbox(tmp_path / "box", store, durable=True)


def lines(folder):
    return [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def test_rows_are_delivered_and_the_journal_is_gone(outbox, store, tmp_path):
    for name in "abc":
        outbox.put({"id": name})
    assert outbox.waiting == 3 and outbox.flush()
    assert set(store.rows) == set("abc") and lines(tmp_path / "box") == []
    assert (outbox.waiting, outbox.delivered) == (0, 3)


def test_what_waited_long_is_delivered_in_parts_with_rests_that_leave_the_answers_their_turn(
    outbox, store, monkeypatch
):
    rests = []
    monkeypatch.setattr(outbox._closed, "wait", rests.append)
    for number in range(2 * outboxes.PART + 1):
        outbox.put({"id": str(number)})
    assert outbox.flush()
    assert (store.calls, len(store.rows), len(rests)) == (3, 2 * outboxes.PART + 1, 2)
    assert min(rests) > 0
    outbox.put({"id": "one more"})
    assert outbox.flush() and len(rests) == 2  # what comes in day by day is sent at once


def test_a_store_that_goes_away_between_two_parts_gets_all_of_them_again(tmp_path, store):
    def gone_after_one(rows):
        store.down = store.calls == 1
        store(rows)

    outbox = Outbox(tmp_path / "box", gone_after_one, durable=False)
    for number in range(outboxes.PART + 1):
        outbox.put({"id": str(number)})
    assert not outbox.flush() and (outbox.delivered, outbox.waiting) == (0, outboxes.PART + 1)
    assert outbox.flush() and (outbox.delivered, len(store.rows)) == (outboxes.PART + 1,) * 2


def test_rows_wait_for_a_store_that_is_down(outbox, store):
    store.down = True
    outbox.put({"id": "a"})
    assert not outbox.flush() and outbox.waiting == 1 and outbox.problem == "away"
    store.down = False
    outbox.put({"id": "b"})
    assert outbox.flush() and list(store.rows) == ["a", "b"]


def test_the_thread_delivers_by_itself(outbox, store):
    outbox.start()
    outbox.put({"id": "a"})
    wait_for(lambda: store.rows)
    outbox.close()


def test_what_comes_in_until_the_end_is_delivered(outbox, store):
    outbox.start()
    outbox.put({"id": "a"})
    outbox.close()
    assert list(store.rows) == ["a"] and outbox.waiting == 0


def test_a_database_that_hangs_keeps_nobody_from_ending(tmp_path, monkeypatch):
    monkeypatch.setattr(outboxes, "LEAVING", 0.05)
    begun, free = threading.Event(), threading.Event()

    def hang(rows):
        begun.set()
        free.wait(60)

    outbox = Outbox(tmp_path / "box", hang, durable=True)
    outbox.start()
    outbox.put({"id": "a"})
    assert begun.wait(60)
    outbox.close()
    assert [json.loads(line) for line in lines(tmp_path / "box")] == [{"id": "a"}]
    free.set()


def test_a_row_that_is_refused_for_ever_blocks_no_other(outbox, store, tmp_path):
    for name in ("a", "bad", "b"):
        outbox.put({"id": name})
    assert outbox.flush() and set(store.rows) == {"a", "b"}
    assert json.loads((tmp_path / "box" / REFUSED).read_text())["id"] == "bad"
    assert outbox.flush() and outbox.waiting == 0


def test_what_was_refused_can_be_struck_out(outbox, tmp_path):
    assert outbox.strike(lambda row: True) == 0
    for name in ("bad", "bad"):
        outbox.put({"id": name, "about": f"{outbox.dropped}"})
        assert outbox.flush()
    assert outbox.strike(lambda row: row["about"] == "1") == 1
    assert (tmp_path / "box" / REFUSED).read_text() == '{"id": "bad", "about": "0"}\n'


def test_a_row_that_a_disk_does_not_take_when_forced_to_is_not_kept(outbox, store, monkeypatch):
    def full(stream):
        raise OSError(28, "No space left on device")

    outbox.put({"id": "a"})
    with monkeypatch.context() as without:
        without.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            outbox.put({"id": "who sends it again would say it twice"})
    assert outbox.waiting == 1 and outbox.flush() and list(store.rows) == ["a"]


def test_half_a_line_is_no_row(outbox, store, tmp_path):
    (tmp_path / "box/0-dead.jsonl").write_bytes(b'{"id": "a"}\n{"id": "b", "lab')
    assert outbox.flush() and list(store.rows) == ["a"]


def test_what_may_not_be_read_holds_up_nothing_behind_it_and_is_told_once(outbox, store, tmp_path, caplog):
    locked = tmp_path / "box/0-another-users.jsonl"
    locked.symlink_to(locked)  # which nobody can open, root neither
    for name in "ab":
        outbox.put({"id": name})
        assert outbox.flush()
    assert set(store.rows) == set("ab") and caplog.text.count("waits until this service may read it") == 1
    locked.unlink()
    locked.write_text('{"id": "c"}\n')
    assert outbox.flush() and set(store.rows) == set("abc")


def test_a_journal_that_is_bounded_drops_what_is_too_much(tmp_path, store):
    outbox = Outbox(tmp_path / "box", store, durable=False, most=2)
    assert [outbox.put({"id": name}) for name in "abc"] == [True, True, False]
    assert outbox.dropped == 1 and outbox.flush() and outbox.put({"id": "d"})


def test_a_living_process_keeps_its_journal_and_a_dead_one_leaves_it(tmp_path, outbox, store):
    code = (
        "import sys; from pathlib import Path; from pawtrait.serving.outbox import Outbox\n"
        f"box = Outbox(Path({str(tmp_path / 'box')!r}), lambda rows: None, durable=True)\n"
        "box.put({'id': 'theirs'}); print('kept', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"kept\n"
        assert outbox.flush() and store.rows == {}
        other.kill()
    assert outbox.flush() and list(store.rows) == ["theirs"]


def test_many_threads_lose_nothing(outbox, store):
    def put(start):
        for number in range(start, start + 25):
            outbox.put({"id": str(number)})

    outbox.start()
    threads = [threading.Thread(target=put, args=(25 * place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert len(store.rows) == 100 and outbox.waiting == 0


def test_two_that_share_a_folder_deliver_each_row_once(tmp_path, store):
    boxes = [Outbox(tmp_path / "box", store, durable=False) for _ in range(2)]
    for number in range(20):
        boxes[number % 2].put({"id": str(number)})
        boxes[(number + 1) % 2].flush()
    assert all(box.flush() for box in boxes)
    assert len(store.rows) == 20 and [box.waiting for box in boxes] == [0, 0]


def test_a_line_that_is_no_row_blocks_none_behind_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outbox = Outbox(tmp_path / "box", rows.delivery(f"sqlite:///{tmp_path}/feedback.db"), durable=True)
    known = {"method": "fast", "style": "ink", "strength": 1.0, "thumbs": 1, "seconds": 2.0}
    thumb = StyleSaid(id="a", time=clock.now(), client="me", **known)
    for line in ({"kind": "none", "row": {}}, {}, {"kind": "said", "row": {"time": "2026-01-01"}}):
        outbox.put(line)
    outbox.put(rows.packed(thumb))
    assert outbox.flush() and (outbox.delivered, outbox.dropped) == (1, 3)


def test_what_another_one_delivered_after_an_outage_waits_no_more(tmp_path, store):
    mine, other = (Outbox(tmp_path / "box", store, durable=False) for _ in range(2))
    store.down = True
    mine.put({"id": "a"})
    assert not mine.flush() and mine.waiting == 1
    store.down = False
    assert other.flush() and list(store.rows) == ["a"]
    assert mine.flush() and mine.waiting == 0


def test_what_an_earlier_process_left_waits_and_is_told_so(tmp_path, store, request):
    store.down = True
    earlier, later = (Outbox(tmp_path / "box", store, durable=True) for _ in range(2))
    request.addfinalizer(later.close)
    for name in "ab":
        earlier.put({"id": name})
    assert not earlier.flush()
    (tmp_path / "box/0-dead.jsonl").write_bytes(b'{"id": "c"}\n{"id": "d", "lab')
    (tmp_path / "box" / REFUSED).write_bytes(b'{"id": "bad"}\n')
    later.start()
    assert later.waiting == 3
    store.down = False
    assert later.flush() and set(store.rows) == set("abc") and later.waiting == 0


def test_what_another_one_still_writes_is_its_own(tmp_path, store, request):
    mine, other = (Outbox(tmp_path / "box", store, durable=True) for _ in range(2))
    request.addfinalizer(mine.close)
    other.put({"id": "a"})
    mine.start()
    assert (mine.waiting, other.waiting) == (0, 1)
