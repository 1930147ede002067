"""What a month learns from: earlier results, the sources as they are now, and feedback that was accepted."""

import shutil
import sys
from pathlib import Path

from prefect import get_run_logger

from pawtrait import newest
from pawtrait.adapters.store import database, forgetting, settling
from pawtrait.dataset import snapshots
from pawtrait.dataset.layout import is_junk
from pipelines import stages as dvc_stages
from pipelines import workspace
from pipelines.processes import Children, CommandError
from pipelines.steps import step
from pipelines.workspace import DVC, Workspace

FINGERPRINT = [
    *(sys.executable, "-m", "pawtrait.stages", "fingerprint"),
    *("--out", "data/source.json", "--paintings", "data/paintings.json", "--weights", "data/weights.json"),
]
FREEZE = ["pawtrait", "feedback", "freeze", "--month"]
KNOW = [*DVC, "--wait-for-lock", "repro", "manifest"]
FEEDBACK = Path("data/feedback")


def gather(ws: Workspace, again: bool, children: Children) -> dvc_stages.Graph:
    """Bring all of it to the month's clone, and give DVC's graph there.

    Args:
        again: what was accepted since the month was settled is a part more of it.

    Raises:
        PawtraitError: a step failed.
    """
    _forget(ws, complete=restore(ws, children))
    step("fingerprint", FINGERPRINT, children, network=True)
    graph = dvc_stages.read(ws.path)
    if "manifest" in graph and not (ws.path / newest.MANIFEST).exists():  # feedback may be copies: of what?
        step("know-pictures", KNOW, children, network=True)
    settled = _settled()
    out = _taken_out(ws, settled)
    _bring_back(ws, settled - out, children)
    step("freeze-feedback", [*FREEZE, ws.month, *(["--again"] if again else [])], children)
    for month in out:  # the store has it yet, and froze it with the other parts of its month
        shutil.rmtree(ws.path / FEEDBACK / month, ignore_errors=True)
    _track(ws, children)
    return graph


def restore(ws: Workspace, children: Children) -> bool:
    """Bring back what earlier months computed, and say whether that worked; else it is computed again."""
    pull = ["pull", "--quiet", "--force", "--allow-missing"]
    remote = bool(workspace.remotes(ws))
    wanted = pull if remote else ["checkout", "--quiet", "--force", "--allow-missing"]
    try:
        step("restore", [*DVC, *wanted], children, network=remote)
    except CommandError as error:
        get_run_logger().info("some earlier results are missing and will be computed again: %s", error)
        return False
    return True


def _forget(ws: Workspace, *, complete: bool) -> None:
    """Remove the snapshots of which every picture was forgotten.

    ``complete``: one that is not there is empty; else it may only have failed to come, and stays.

    One that the store has merely closed may hold pictures that were judged anew, after an older backup: it
    stays, though others of it were forgotten.
    """
    with database.opened() as engine:
        gone = forgetting.months(engine) - {row.month for row in settling.accepted(engine)}
        forgotten = {picture[:16] for picture in forgetting.pictures(engine)}
    for month in gone:
        found = (ws.path / FEEDBACK / month).glob("pictures/*/*")
        held = {picture.stem for picture in found if not is_junk(picture.name)}
        if held - forgotten or not (held or complete):
            continue
        shutil.rmtree(ws.path / FEEDBACK / month, ignore_errors=True)
        (ws.path / FEEDBACK / f"{month}.dvc").unlink(missing_ok=True)


def _settled() -> set[str]:
    """The snapshots, and parts of them, that the store has accepted pictures of."""
    with database.opened() as engine:
        return {row.month for row in settling.accepted(engine)}


def _taken_out(ws: Workspace, settled: set[str]) -> set[str]:
    """Snapshots that somebody removed from git: they stay out, whatever the store knows."""
    notes = {
        month: FEEDBACK / f"{month}.dvc" for month in settled.union(snapshots.months(ws.path / FEEDBACK))
    }
    return {
        month for month, note in notes.items() if not (ws.path / note).exists() and workspace.ever(ws, note)
    }


def _bring_back(ws: Workspace, settled: set[str], children: Children) -> None:
    """Freeze again what the store settled in other months and is not here: a branch or a cache was lost.

    Or this month is turned late, from before the months that followed it: it learns what these accepted too.
    The store knows each picture of it, so the bytes are the same, but for what was forgotten since.
    """
    for month in sorted(month for month in settled if month[:7] != ws.month):
        folder = ws.path / FEEDBACK / month
        if not folder.exists():
            step(f"freeze-{month}", [*FREEZE, month[:7]], children)
            if folder.exists():  # at once: a note that is missing says that somebody took the month out
                step(f"track-{month}", [*DVC, "add", "--quiet", str(FEEDBACK / month)], children)


def _track(ws: Workspace, children: Children) -> None:
    """Months of feedback become DVC's: an immutable input each."""
    for month in snapshots.months(ws.path / FEEDBACK):
        if not (ws.path / FEEDBACK / f"{month}.dvc").exists():
            step(f"track-{month}", [*DVC, "add", "--quiet", str(FEEDBACK / month)], children)
