"""One stage a GPU: a strict concurrency limit in Prefect counts, and CUDA_VISIBLE_DEVICES says which one."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
from filelock import FileLock, Timeout
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from pawtrait import environment
from pipelines.processes import CommandError

LIMIT = "gpu"
LOCKS = Path(tempfile.gettempdir()) / "pawtrait-gpus"  # of this machine: which of its GPUs is whose


@contextmanager
def gpu(wanted: bool) -> Iterator[str | None]:
    """A GPU of its own while the block runs, once one is free; gives CUDA_VISIBLE_DEVICES for a child.

    Without a GPU on this machine there is nothing to share: ``None``, leave the variable as it is. Where
    there is one and it is not ``wanted``, the variable is empty, so that no framework takes its memory.
    A server that is gone for a while takes no GPU away: the lock of this machine still holds it.

    Raises:
        CommandError: the limit counts more GPUs than this machine has.
    """
    found = environment.gpus()
    if not (found and wanted):
        yield "" if found else None
        return
    _make_sure(len(found))
    with _place(), _one(found) as mine:
        yield mine


def free() -> None:
    """Let the limit count no more than this machine's locks: with a temporary server nobody else has a place.

    The leases of a server that was killed lay in its memory; their places would stay taken for ever. More
    locks than places are of others, with servers of their own, who give nothing back here.
    """
    if not environment.gpus():
        return
    taken = sum(map(_taken, LOCKS.glob("*.lock")))
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        if client.read_global_concurrency_limit_by_name(LIMIT).active_slots > taken:
            client.update_global_concurrency_limit(LIMIT, GlobalConcurrencyLimitUpdate(active_slots=taken))


@contextmanager
def _place() -> Iterator[None]:
    """A place of the limit; one that could not be given back, as no server is fit to, runs out by itself."""
    with ExitStack() as given:
        # strict, since otherwise a limit that is missing lets everybody in
        given.enter_context(concurrency(LIMIT, strict=True, raise_on_lease_renewal_failure=False))
        try:
            yield
        finally:
            with suppress(httpx.HTTPError):
                given.close()


def _make_sure(count: int) -> None:
    """The limit exists; one that is there stands as it is, since a person may have set it."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            try:
                client.create_global_concurrency_limit(
                    GlobalConcurrencyLimitCreate(name=LIMIT, limit=count, active=True)
                )
            except ObjectAlreadyExists:
                return  # another run was quicker


@contextmanager
def _one(found: Sequence[str]) -> Iterator[str]:
    """The first GPU that nobody else on this machine holds; the lock of a dead process counts no more."""
    for name in found:
        with ExitStack() as held:
            try:
                held.enter_context(_lock(name))
            except Timeout:
                continue
            except PermissionError as error:
                raise CommandError(
                    f"{LOCKS}: this user may not take the lock of a GPU there ({error}); have its owner"
                    " remove that folder while no retraining runs, and start again"
                ) from error
            yield name
            return
    raise CommandError(
        f"all {len(found)} GPUs of this machine are taken, but Prefect's limit {LIMIT!r} allows more; set it"
        f" to their number: prefect gcl update {LIMIT} --limit {len(found)}"
    )


def _taken(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0, mode=0o666):
            return False
    except Timeout:
        return True
    except PermissionError:  # whoever wants this GPU is told
        return False


def _lock(name: str) -> FileLock:
    """A GPU's lock, which every user of this machine may take, whoever made its file.

    The folder has no sticky bit: with it, a lock's file that another made could not be opened.
    """
    LOCKS.mkdir(exist_ok=True)
    if LOCKS.stat().st_uid == os.geteuid():
        LOCKS.chmod(0o777)  # the mode that mkdir is given is cut by the umask
    return FileLock(LOCKS / f"{name.replace('/', '-')}.lock", timeout=0, mode=0o666)
