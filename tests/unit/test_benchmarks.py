"""The table of `make bench`: what becomes of it where a job fails."""

from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.context import BaseContext

import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import gpu, race


class Here:
    """An executor that runs what it is given at once, in this process."""

    def __init__(self, workers: int, context: BaseContext) -> None:
        pass

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def submit(self, work: Callable[..., list[race.Row]], *arguments: object) -> Future[list[race.Row]]:
        done: Future[list[race.Row]] = Future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs take no time, and \"exporting\" fails."""

    def measure(job: str, plan: race.Plan, pinned: bool) -> list[race.Row]:
        if job == "exporting":
            raise ValueError("no [bold]opset[/bold]\nof many lines")
        return [race.Row(f"the job {job}", "slow", "fast", "", 2.0, (1.5, 2.5), "once")]

    monkeypatch.setattr(bench, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(race, "measure", measure)
    monkeypatch.setattr(bench.demo, "draw", lambda *_, **__: None)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_job_that_fails_leaves_the_others_their_rows(
    measured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--only", "scanning", "exporting", "fast"]) == 1
    said = capsys.readouterr()
    assert "the job scanning" in said.out and "the job fast" in said.out
    assert "failed: ValueError: no [bold]opset[/bold]" in said.out and "of many lines" not in said.out
    assert "of many lines" in said.err and "Traceback" in said.err


def test_where_no_job_fails_the_end_is_good(measured: None) -> None:
    assert bench.main(["--only", "scanning"]) == 0


def test_without_a_gpu_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (row,) = gpu.run(race.Plan(quick=True, pictures="", called=""))
    assert (row.how, row.times, row.failed) == ("no GPU here, so nothing is measured", None, False)
