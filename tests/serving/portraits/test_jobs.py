"""Jobs in real painting processes: killed, stopped, too large, too slow, too many."""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from pawtrait.dataset import images
from pawtrait.errors import BadParams
from pawtrait.serving import worker
from pawtrait.serving.hands import Order, Setup
from pawtrait.serving.job import Job, View
from pawtrait.serving.jobs import Jobs
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings
from pawtrait.serving.shelf import Shelf
from pawtrait.style_transfer import runners
from tests.serving.portraits.conftest import PATIENCE, ROOT, kill, photo, plain, until, workers

SETTINGS = Settings.of(
    {},
    portraits_waiting=2,
    portrait_seconds=PATIENCE,
    portrait_grace=0.5,
    portraits_most=5,
    portraits_kept=60,
    portrait_memory=900,
    portrait_threads=1,
    portrait_polite=0,
    grace=0.6,
)
ENDLESS = 100_000  # steps


@pytest.fixture
def queue(here):
    """Makes a queue, started; all are closed after the test, and no process is left."""
    made = []

    def make(**changes):
        jobs = Jobs(SETTINGS.model_copy(update=changes), Shelf(here / "shelf", 60, 5))
        jobs.start()
        made.append(jobs)
        return jobs

    yield make
    for jobs in made:
        jobs.close()
    assert workers() == []


def order(side=48, steps=2, method="nst"):
    return Order(method, photo(side * 4 // 5, side), plain(32, 32, (200, 40, 40)), 1.0, side, steps)


def submit(jobs, *given, told=None, **known):
    return jobs.submit(uuid4().hex, order(*given, **known), 6, (told if told is not None else []).append)


def over(job):
    return until(lambda: job.view.over and job.view)


def under_way(job):
    """The process that paints it, once it has made a step."""
    until(lambda: job.view.done)
    (process,) = workers()
    return process


def test_a_photo_becomes_a_portrait_told_step_by_step_and_is_forgotten(queue):
    jobs, views, ends = queue(), [], []
    job = submit(jobs, told=ends)
    with job.heard(lambda: views.append(job.view)):
        assert over(job).status == "done"
    assert [view.done for view in views if view.status == "painting" and view.done] == [1, 2, 3, 4]
    assert [view.number for view in views] == sorted({view.number for view in views})
    assert any(images.sniff(view.preview) == "jpeg" for view in views if view.preview)
    assert {"content", "style", "variation", "total"} == set(job.view.losses)
    assert images.decode(jobs.picture(job), largest_pixels=10**6, name="portrait").shape == (38, 48, 3)
    jobs.cancel(job)
    assert (job.order, [view.status for view in ends]) == (None, ["done"])  # told once, whatever follows


def test_a_process_that_is_killed_is_replaced_and_its_job_tried_again(queue):
    jobs = queue()
    job = submit(jobs, steps=600)
    kill(under_way(job))
    assert (over(job).status, job.view.attempt, job.view.done) == ("done", 2, 602)
    assert jobs.deaths == 1


def test_a_job_whose_process_is_killed_twice_has_failed_with_the_reason(queue):
    jobs = queue()
    job = submit(jobs, steps=ENDLESS)
    kill(under_way(job))
    until(lambda: job.view.attempt == 2)
    kill(under_way(job))
    assert (over(job).status, job.view.kind) == ("failed", "WorkerDied")
    assert "was ended by SIGKILL, twice" in job.view.problem
    assert over(submit(jobs)).status == "done"


@pytest.mark.slow  # one that is killed at work is the rule
def test_a_process_killed_between_two_jobs_costs_no_attempt(queue):
    jobs = queue()
    over(submit(jobs))
    kill(*workers())
    job = submit(jobs)
    assert (over(job).status, job.view.attempt) == ("done", 1)


def test_what_cannot_be_painted_here_fails_and_names_no_file(queue):
    jobs = queue()
    job = submit(jobs, method="hybrid")
    assert (over(job).status, job.view.kind) == ("failed", "BadModel")
    assert "data" not in job.view.problem


@pytest.mark.parametrize(("setting", "threads"), [(1, 1), (0, None)])
def test_a_process_paints_by_onnxruntime_with_the_services_threads(painted, monkeypatch, setting, threads):
    """Where ``auto`` would take OpenVINO, and all cores."""
    opened = []
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)  # they are this process's too
    monkeypatch.setattr(runners, "choose", lambda engine: "openvino" if engine == "auto" else engine)
    monkeypatch.setattr(runners, "open_file", lambda path, *how: opened.append((path.name, *how)))
    before = gc.get_freeze_count()
    studio = replace(
        worker._opened(replace(Setup.of(SETTINGS), threads=setting)), painters=Path("data/painters")
    )
    assert gc.get_freeze_count() > before  # of what torch brought
    studio.open("hybrid")
    studio.open("fast")
    names = ("photo_to_painting", "style", "transformer")
    assert opened == [(f"{name}.onnx", "onnxruntime", threads) for name in names]


def test_too_large_for_the_memory_fails_in_words_and_the_next_one_is_painted(queue):
    jobs = queue()
    large = submit(jobs, side=1024)
    assert over(large).status == "failed"
    assert large.view.problem == (
        "painting at 1024 px takes more than the 900 MB that one portrait may use; ask for a smaller side"
    )
    assert over(submit(jobs)).status == "done"


def test_a_small_photo_needs_little_memory_whatever_side_was_wished(queue):
    jobs = queue()
    job = jobs.submit(uuid4().hex, replace(order(), side=1024), 6, lambda view: None)
    assert over(job).status == "done"


def test_the_kernel_holds_the_limit_and_other_work_goes_first(queue):
    jobs = queue(portrait_polite=5)
    job = submit(jobs, steps=ENDLESS)
    process = under_way(job)
    assert resource.prlimit(process.pid, resource.RLIMIT_DATA) == (900_000_000, 900_000_000)
    assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
    assert process.nice() == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)


@pytest.mark.parametrize(
    "words",
    ["std::bad_alloc", "could not create a primitive", "DefaultCPUAllocator: not enough memory: you tried"],
)
def test_memory_that_runs_out_is_told_by_name_under_our_own_sentence_too(words):
    error = BadParams("side 512: 512x512 px cannot be painted here; lower it")
    assert worker._told(error) == {"kind": "BadParams", "reason": str(error)}
    error.__cause__ = RuntimeError(words)
    assert worker._told(error) == {"kind": "memory", "reason": ""}


def test_memory_that_runs_out_before_any_step_fails_in_words_too(queue):
    """So little that torch cannot even be loaded."""
    job = submit(queue(portrait_memory=150))
    assert over(job).status == "failed"
    assert "the process that painted it" in job.view.problem and "twice" in job.view.problem


def test_a_cancelled_job_stops_between_two_steps_and_its_process_goes_on(queue):
    jobs = queue(portrait_grace=PATIENCE)
    job = submit(jobs, steps=ENDLESS)
    before = under_way(job)
    jobs.cancel(job)
    assert (job.view.status, job.view.preview, job.order) == ("cancelled", None, None)
    assert over(submit(jobs)).status == "done"
    assert [one.pid for one in workers()] == [before.pid]


def test_a_process_that_does_not_stop_is_killed(queue):
    jobs = queue()
    job = submit(jobs, steps=ENDLESS)
    before = under_way(job)
    os.kill(before.pid, signal.SIGSTOP)
    jobs.cancel(job)
    assert over(submit(jobs)).status == "done"
    assert before.pid not in [one.pid for one in workers()]


def test_a_job_that_waits_is_cancelled_at_once_and_makes_room(queue):
    jobs = queue()
    first = submit(jobs, steps=ENDLESS)
    under_way(first)
    waiting = [submit(jobs), submit(jobs)]
    with pytest.raises(Problem) as full:
        submit(jobs)
    assert 1 <= int(full.value.headers["Retry-After"]) <= 600
    jobs.cancel(waiting[0])
    assert jobs.counts() == (1, 1) and submit(jobs).view.status == "waiting"


def test_a_photo_that_is_forgotten_takes_all_its_portraits_along(queue):
    jobs = queue(portraits_waiting=3)
    made, other = (jobs.submit(uuid4().hex, order(), 6, [].append, one) for one in ("a" * 64, "b" * 64))
    over(made), over(other)
    painting = jobs.submit(uuid4().hex, order(side=200, steps=ENDLESS), ENDLESS, [].append, "a" * 64)
    under_way(painting)
    assert jobs.forget("a" * 64)
    assert painting.view.status == "cancelled"
    assert jobs.find(made.id) is None and jobs.picture(other)
    assert not jobs.forget("c" * 64)


def test_portraits_of_a_service_that_is_gone_are_forgotten_too(queue, here):
    jobs = queue()
    made = jobs.submit(uuid4().hex, order(), 6, [].append, "a" * 64)
    over(made)
    jobs.close()
    after = queue()
    assert after.find(made.id).view.picture == "a" * 64
    assert after.forget("a" * 64)
    assert after.find(made.id) is None


def test_without_a_queue_an_idle_process_still_takes_a_job(queue):
    jobs = queue(portraits_waiting=0)
    under_way(submit(jobs, steps=ENDLESS))
    with pytest.raises(Problem):
        submit(jobs)


def test_what_nobody_had_foreseen_fails_one_job_and_no_other(queue, monkeypatch):
    jobs = queue()
    monkeypatch.setattr(jobs, "_take", lambda job, report: 1 / 0)
    job = submit(jobs)
    assert (over(job).status, job.view.kind) == ("failed", "Unforeseen")
    monkeypatch.undo()
    monkeypatch.chdir(jobs._shelf._folder.parent)
    assert over(submit(jobs)).status == "done"


def test_what_a_process_logs_names_its_job_and_has_the_stack(queue, capfd):
    odd = replace(order(), strength="full")
    job = queue().submit(uuid4().hex, odd, 6, print)
    assert (over(job).status, job.view.kind) == ("failed", "TypeError")
    log = until(lambda: '"trace"' in (read := capfd.readouterr().err) and read)
    (told,) = [one for one in map(json.loads, log.splitlines()) if "trace" in one]
    assert (told["logger"], told["request"]) == ("pawtrait.serving.worker", job.id)
    assert "in _paint" in told["trace"] and "TypeError" in told["trace"]


def test_a_job_that_takes_too_long_fails_in_words(queue):
    jobs = queue(portrait_seconds=0.5)
    job = submit(jobs, steps=ENDLESS)
    assert over(job).status == "failed"
    assert job.view.problem == "painting took longer than 0.5 seconds; ask for less"


def test_closing_cancels_what_waits_and_what_is_not_painted_in_time(queue):
    jobs = queue()
    jobs_there = [submit(jobs, steps=ENDLESS), submit(jobs)]
    under_way(jobs_there[0])
    jobs.close()
    assert workers() == []
    assert {(job.view.status, job.view.kind) for job in jobs_there} == {("cancelled", "Stopping")}
    with pytest.raises(Problem):
        submit(jobs)


def test_closing_finishes_what_is_painted_and_who_comes_after_a_restart_finds_it(queue):
    jobs = queue(grace=PATIENCE)
    painted, waiting = submit(jobs, steps=40), submit(jobs)
    process = under_way(painted)
    process.suspend()
    for number in (signal.SIGTERM, signal.SIGINT):  # as systemd stops a service: every process of it is told
        process.send_signal(number)
    jobs.leave()
    assert over(waiting).status == "cancelled" and not painted.view.over
    process.resume()
    jobs.close()
    assert painted.view.status == "done"
    later = queue()
    found = later.find(painted.id)
    was = painted.view
    assert (found.id, found.view.status, found.view.method) == (painted.id, "done", "nst")
    assert (found.view.done, found.view.of) == (was.of, was.of)
    assert found.view.seconds == pytest.approx(was.seconds, abs=1)
    assert later.picture(found) == jobs.picture(painted) and jobs.picture(painted)
    later.cancel(found)
    assert later.find(painted.id) is None and later.find(waiting.id) is None


def test_a_process_ends_with_a_service_that_was_killed(here):
    service = """
        import sys, time
        from pathlib import Path
        import psutil
        from pawtrait.serving.jobs import Jobs
        from pawtrait.serving.shelf import Shelf
        sys.path.insert(0, sys.argv[1])
        from tests.serving.portraits.test_jobs import SETTINGS, order
        jobs = Jobs(SETTINGS, Shelf(Path("shelf"), 60, 5))
        jobs.start()
        job = jobs.submit("0" * 32, order(steps=100000), 6, print)
        while not job.view.done:
            time.sleep(0.02)
        print(psutil.Process().children()[0].pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(service), str(ROOT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_process_whose_service_ended_while_it_was_loading_ends_without_a_word(monkeypatch):
    ours, theirs = Pipe()
    monkeypatch.setattr(worker.logs, "configure", lambda level: None)  # logs and limits stay this one's own
    monkeypatch.setattr(worker, "_settle_down", lambda memory, polite: None)
    monkeypatch.setattr(worker, "_opened", lambda setup: ours.close())
    worker.main(theirs, Setup.of(SETTINGS))


def test_who_sees_that_a_job_is_over_sees_since_when():
    """One that had been over for ever would be swept away, with the portrait that was just finished."""
    seen = []

    class Watched(Job):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "view" and value.over:
                seen.append((self.ended > 0, value.preview))

    Watched(View("a", "nst", preview=b"small"), None, lambda view: None).set(status="done")
    assert seen == [(True, None)]


def test_old_jobs_and_too_many_are_forgotten_with_their_portraits(queue, monkeypatch):
    monkeypatch.setattr("pawtrait.serving.jobs.IDLE", 0.05)
    jobs = queue(portraits_kept=1.0)
    job = submit(jobs)
    over(job)
    assert jobs.find(job.id) is job
    until(lambda: jobs.find(job.id) is None)
    until(lambda: jobs.picture(job) is None)


def test_where_nobody_paints_what_an_earlier_service_left_goes_all_the_same(queue, here, monkeypatch):
    monkeypatch.setattr("pawtrait.serving.jobs.IDLE", 0.01)
    jobs = queue(painters_at_work=0)
    left = here / "shelf" / f"{'a' * 32}.nst.6.1250..png"
    left.write_bytes(b"picture")
    os.utime(left, (0, 0))
    until(lambda: not left.exists())
    jobs.close()
    assert not jobs._tidying._thread.is_alive()


def test_a_sweep_that_fails_is_not_the_last(queue, monkeypatch):
    swept = []

    def broken(gone):
        swept.append(gone)
        raise RuntimeError("no shelf today")

    monkeypatch.setattr("pawtrait.serving.jobs.IDLE", 0.01)
    jobs = queue()
    monkeypatch.setattr(jobs._shelf, "sweep", broken)
    until(lambda: len(swept) > 1)


def test_who_asks_and_cancels_again_and_again_fills_no_memory(queue):
    jobs = queue(painters_at_work=0)
    first = submit(jobs)
    jobs.cancel(first)
    assert jobs.find(first.id) is first
    for _ in range(30):
        jobs.cancel(submit(jobs))
    assert jobs.find(first.id) is None


def test_who_asks_and_cancels_again_and_again_costs_nobody_a_portrait(queue):
    jobs = queue(painters_at_work=0)
    finished = submit(jobs)
    jobs._finish(finished, b"picture")
    for _ in range(30):
        jobs.cancel(submit(jobs))
    jobs._sweep()
    assert jobs.find(finished.id) is finished and jobs.picture(finished) == b"picture"


def test_as_many_portraits_as_there_may_be_hide_no_reason_why_one_failed(queue):
    jobs = queue(painters_at_work=0, portraits_waiting=30)
    failed, *finished = [submit(jobs) for _ in range(10)]
    failed.set(status="failed", problem="why")
    for job in finished:
        jobs._finish(job, b"picture")
    jobs._sweep()
    assert jobs.find(failed.id) is failed
    assert [jobs.find(job.id) is job for job in finished] == [False] * 4 + [True] * 5
