"""What Prefect shows of a month: tags and Markdown artifacts, small pictures inline."""

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.states import Running

from pawtrait import champion
from pawtrait.adapters import dvc, lineage, tracking
from pawtrait.evaluation import tables
from pipelines.workspace import Workspace

COMPARISON = Path("data/reports/compare.json")
FOREST = Path("data/reports/forest.png")
BROWSED = "PAWTRAIT_MLFLOW_UI"  # where browsers find MLflow, if not where programs do, as between containers
LARGEST = 300_000  # bytes of a picture that is shown inline


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a month ended."""

    action: str  # of the ledger: promoted kept waiting skipped
    sentence: str


def month(ws: Workspace, said: str, verdict: Mapping[str, Any], ended: Outcome, image: str) -> None:
    """The page of a month that ran, and its tags: what became of it, whatever the gate had said."""
    data = data_version(ws.path)
    facts = {
        "month": ws.month,
        "branch": f"`{ws.branch}`",
        "commit": f"`{verdict['commit'][:9]}`",
        "data": f"`{data[:9]}`",
        "stages": said,
        "registered": f"[version {verdict['challenger']}]({_registry(ws, verdict['challenger'])})",
        "image": image,
    }
    parts = [
        f"# {ws.month}: {ended.sentence}",
        _table(facts),
        _bullets("Objections", verdict["objections"]),
        _bullets("Verdict", verdict["sentences"]),
        leaderboard(ws.path / COMPARISON),
        _picture(ws.path / FOREST, "the models, with intervals"),
    ]
    create_markdown_artifact(
        key=f"retrain-{ws.month}", markdown="\n\n".join(filter(None, parts)), description=ended.sentence
    )
    tag([ws.month, f"commit:{verdict['commit'][:9]}", f"data:{data[:9]}", f"verdict:{ended.action}"])


def skipped(ws: Workspace, sentence: str) -> None:
    """The page of a month without news."""
    create_markdown_artifact(
        key=f"retrain-{ws.month}", markdown=f"# {ws.month}\n\n{sentence}", description=sentence
    )
    tag([ws.month, "verdict:skipped"])


def question(of: str, verdict: Mapping[str, Any]) -> str:
    """What a person is asked, as Markdown."""
    parts = [
        f"**{of}: should version {verdict['challenger']} become champion?**",
        _bullets("Objections", verdict["objections"]),
        _bullets("What was found", verdict["sentences"]),
    ]
    return "\n\n".join(filter(None, parts))


def leaderboard(path: Path) -> str:
    """The table of models as Markdown.

    Raises:
        BadData: there is none, or it is in pieces.
    """
    return tables.markdown(dvc.kept(path)["rows"])


def data_version(folder: Path) -> str:
    """The hash that dvc.lock has of the pictures, or ``none``."""
    try:
        lock = lineage.parsed((folder / "dvc.lock").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "none"
    outs = lock.get("stages", {}).get("ingest", {}).get("outs", [])
    return str(outs[0]["md5"]) if outs else "none"


def go_on() -> None:
    """Let the flow run end as it will: the server would fail one that paused and that nobody resumed."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(context.flow_run.id, Running(), force=True)


def tag(tags: Iterable[str]) -> None:
    """Add tags to the flow run that this is called in."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, tags={*context.flow_run.tags, *tags})


def _registry(ws: Workspace, version: str) -> str:
    """Where browsers find a version: where it is said, at the server, or at what `make ui` opens."""
    store = ws.environment()["MLFLOW_TRACKING_URI"]
    base = os.environ.get(BROWSED) or (store if store.startswith("http") else "http://127.0.0.1:5000")
    return f"{tracking.shown(base).rstrip('/')}/#/models/{champion.MODEL}/versions/{version}"


def _table(facts: Mapping[str, str]) -> str:
    """Facts in two columns; a bar in one, as in the last words of a build that failed, would end its cell."""
    bar = r"\|"
    rows = [f"| {key} | {value.replace('|', bar)} |" for key, value in facts.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _bullets(title: str, sentences: Iterable[str]) -> str:
    lines = [f"- {sentence}" for sentence in sentences]
    return "\n".join([f"**{title}**", "", *lines]) if lines else ""


def _picture(path: Path, title: str) -> str:
    """A small picture inside the page: Prefect takes no uploads, and nobody else can see an address here."""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    return f"![{title}](data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()})"
