"""One stage a GPU: Prefect's limit for real, while the GPUs are only names in CUDA_VISIBLE_DEVICES."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Lock

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed

from pawtrait import environment
from pipelines import lease, retrain
from pipelines.processes import CommandError

SMI = """\
#!/bin/sh
test "$*" = "--query-gpu=index --format=csv,noheader" && printf '0\\n1\\n'
"""


@pytest.fixture(autouse=True)
def own(passable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of this test alone."""
    monkeypatch.setattr(lease, "LOCKS", passable / "gpus")


@pytest.fixture
def limit(server: str) -> Iterator[Callable[[], tuple[int, int]]]:
    """No limit at first; asks for its size and how many places are taken."""

    def look() -> tuple[int, int]:
        with get_client(sync_client=True) as client:
            found = client.read_global_concurrency_limit_by_name("gpu")
            return found.limit, found.active_slots

    _remove()
    yield look
    _remove()


def _remove() -> None:
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        client.delete_global_concurrency_limit_by_name("gpu")


def test_without_a_gpu_nothing_is_leased_and_the_variable_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with lease.gpu(True) as first, lease.gpu(True) as second:
        assert (first, second) == (None, None)


def test_a_stage_that_wants_none_sees_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with lease.gpu(False) as mine:
        assert mine == ""


def test_a_limit_that_other_tests_left_behind_binds_none_here(
    server: str, request: pytest.FixtureRequest
) -> None:
    lease._make_sure(1)
    look = request.getfixturevalue("limit")
    with pytest.raises(ObjectNotFound):
        look()


def test_two_stages_on_two_gpus_have_one_each(
    limit: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    with lease.gpu(True) as first, lease.gpu(True) as second:
        assert (first, second) == ("2", "3")
        assert limit() == (2, 2)
    assert limit() == (2, 0)


def test_two_stages_on_one_gpu_take_turns(
    limit: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits a moment inside for the other to come in, and nobody ever does."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    together, inside, most, lock = Barrier(2), 0, 0, Lock()

    def stage(_: int) -> str | None:
        nonlocal inside, most
        with lease.gpu(True) as mine:
            with lock:
                inside += 1
                most = max(most, inside)
            with pytest.raises(BrokenBarrierError):
                together.wait(0.5)
            with lock:
                inside -= 1
            return mine

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(stage, range(2))) == ["0", "0"]
    assert most == 1
    assert limit() == (1, 0)


def test_a_stage_that_fails_gives_its_gpu_back(
    limit: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ZeroDivisionError), lease.gpu(True):
        1 / 0  # noqa: B018
    assert limit() == (1, 0)
    with lease.gpu(True) as again:
        assert again == "0"


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
@pytest.mark.parametrize(
    "said",
    [
        httpx.ConnectError("All connection attempts failed"),
        httpx.HTTPStatusError("503", request=httpx.Request("POST", "http://x"), response=httpx.Response(503)),
    ],
)
def test_a_server_that_is_away_when_a_gpu_is_given_back_fails_no_stage(
    limit: Callable[[], tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    said: httpx.HTTPError,
    error: type[Exception] | None,
) -> None:
    """What the stage itself says comes through."""

    def away(_: object) -> None:
        raise said

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr("prefect.concurrency._sync.release_concurrency_slots_with_lease", away)
    with pytest.raises(error) if error else nullcontext(), lease.gpu(True):
        if error:
            raise error
    assert limit() == (1, 1)  # until its lease runs out


def test_places_of_a_temporary_server_that_was_killed_are_free_again(
    limit: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for those of stages that live, whichever GPUs this process may see."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    lease.free()  # where there never was a limit
    lease._make_sure(2)
    with get_client(sync_client=True) as client:
        client.update_global_concurrency_limit("gpu", GlobalConcurrencyLimitUpdate(active_slots=2))
    with lease._one(["0"]):
        lease.free()
        assert limit() == (2, 1)
    lease.free()
    assert limit() == (2, 0)
    with lease._one(["0"]):  # of somebody with another server
        lease.free()
        assert limit() == (2, 0)


@pytest.mark.parametrize(("url", "freed"), [(None, 1), ("http://127.0.0.1:9/api", 0)])
def test_only_a_run_with_a_server_of_its_own_frees_places(
    monkeypatch: pytest.MonkeyPatch, url: str | None, freed: int
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr("pipelines.server.reach", lambda: None)
    monkeypatch.setattr(retrain, "heed", lambda *_: None)
    monkeypatch.setattr(retrain, "here", lambda *_, **__: Completed(message="done"))
    monkeypatch.setattr(lease, "free", lambda: calls.append(True))
    with temporary_settings({PREFECT_API_URL: url} if url else None, restore_defaults={PREFECT_API_URL}):
        assert retrain.main(["--here"]) == 0
    assert len(calls) == freed


def test_a_limit_above_the_number_of_gpus_is_one_line(
    limit: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    lease._make_sure(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with lease.gpu(True), pytest.raises(CommandError, match=r"gcl update gpu --limit 1$"), lease.gpu(True):
        pass


@contextmanager
def somebody_else() -> Iterator[None]:
    """Another user of the machine, where this one is root; who is not root is barred by a mode."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_every_user_may_take_a_lock_whatever_the_umask() -> None:
    before = os.umask(0o077)
    try:
        with lease._one(["0"]):
            pass
    finally:
        os.umask(before)
    assert lease.LOCKS.stat().st_mode & 0o7777 == 0o777
    assert (lease.LOCKS / "0.lock").stat().st_mode & 0o777 == 0o666


def test_locks_that_a_user_may_not_take_are_one_line() -> None:
    lease.LOCKS.mkdir()
    lease.LOCKS.chmod(0o777)  # so that it is the lock's own mode that bars them
    (lease.LOCKS / "0.lock").touch(mode=0o400)
    said = rf"^{lease.LOCKS}: this user may not take the lock of a GPU there \(.*owner remove"
    with somebody_else(), pytest.raises(CommandError, match=said), lease._one(["0"]):
        pass


def test_gpus_are_those_that_nvidia_smi_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of two lines for nvidia-smi, which this machine lacks."""
    program = tmp_path / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert environment.gpus() == ["0", "1"]
