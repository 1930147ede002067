"""MLflow's old runs: those that no registered version, no recent pipeline and nothing here needs any more."""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pawtrait import sealed
from pawtrait.adapters import cache, registry, tracking

PARENT, KIND = "mlflow.parentRunId", "pawtrait.kind"


@dataclass(frozen=True, slots=True)
class Run:
    """A run with what it left behind.

    Attributes:
        id: MLflow's.
        name: as the UI shows it.
        parent: of a model's run, the pipeline's.
        tags: all of them.
        folder: its artifacts; None where they lie with a server or in a bucket.
        models: id → folder of those that it logged, likewise.
        started: in UTC.
        going: it has not ended.
    """

    id: str
    name: str
    parent: str | None
    tags: dict[str, str]
    folder: Path | None
    models: dict[str, Path | None]
    started: datetime
    going: bool

    @property
    def lock(self) -> str:
        """The text of the dvc.lock that it keeps, or nothing."""
        if self.folder is None:  # asked for over the network, so of those alone that keep one
            return tracking.kept(self.id, "dvc.lock") if self.tags.get(KIND) == "pipeline" else ""
        path = self.folder / "dvc.lock"
        return path.read_text(encoding="utf-8") if path.is_file() else ""


@tracking.answering()
def known() -> list[Run]:
    """Every run of ours, the newest first."""
    opened = tracking.client()
    experiment = opened.get_experiment_by_name(tracking.EXPERIMENT)
    if experiment is None:
        return []
    models: dict[str, dict[str, Path | None]] = {}
    for model in _pages(opened.search_logged_models, [experiment.experiment_id]):
        place = tracking.near(model.artifact_location)
        models.setdefault(model.source_run_id, {})[model.model_id] = place
    found = _pages(opened.search_runs, [experiment.experiment_id], order_by=["start_time DESC"])
    return [_run(one, models.get(one.info.run_id, {})) for one in found]


def needed(runs: Collection[Run], newest: int, digests: Collection[str]) -> set[str]:
    """Ids of the runs that have to stay.

    Args:
        runs: all, the newest first.
        newest: so many pipeline runs stay whole.
        digests: SHA-256 of the models that lie here; what trained them stays.
    """
    ids = {one.id for one in runs}
    kept = {tag for tags in registry.all_tags() for key, tag in tags.items() if key.endswith("run_id")}
    recent = pipelines(runs)[:newest]
    kept |= {one.id for one in recent}
    for one in recent:  # a model that a pipeline run took from an earlier one stands in its tags
        kept |= {tag.split(" ")[0] for key, tag in one.tags.items() if key.startswith("model.")}
    for one in runs:
        if one.going or one.tags.get("model.sha256") in digests or one.parent in {run.id for run in recent}:
            kept.add(one.id)
    kept |= {one.parent for one in runs if one.id in kept and one.parent is not None}
    return kept & ids


def pipelines(runs: Iterable[Run]) -> list[Run]:
    """Those of whole pipelines, in the same order."""
    return [one for one in runs if one.tags.get(KIND) == "pipeline"]


def trained_here() -> set[str]:
    """SHA-256 of every file of the models and painters in this project, and where its months are turned."""
    kinds = [home / "data" / kind for home in cache.homes() for kind in ("models", "painters")]
    sums = (path for kind in kinds for path in kind.glob(f"*/{sealed.SUMS}"))
    return {line.split(" ")[0] for path in sums for line in path.read_text(encoding="utf-8").splitlines()}


def size(run: Run) -> int:
    """Bytes of its artifacts and models on this machine."""
    return sum(map(cache.size, filter(None, (run.folder, *run.models.values()))))


def away(run: Run) -> bool:
    """Whether files of it lie elsewhere, where ``free`` leaves them."""
    return None in (run.folder, *run.models.values())


@tracking.answering()
def free(run: Run) -> None:
    """Delete a run with all it left; files first, so that a process that dies here begins again with it."""
    opened = tracking.client()
    for model, folder in run.models.items():
        _remove(folder, model)
        opened.delete_logged_model(model)
    _remove(run.folder, run.id)
    opened.delete_run(run.id)


def _remove(folder: Path | None, name: str) -> None:
    """A folder called NAME/artifacts goes, with its NAME; any other stays."""
    if folder and folder.name == "artifacts" and folder.parent.name == name:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _run(found: Any, models: dict[str, Path | None]) -> Run:
    info, tags = found.info, dict(found.data.tags)
    return Run(
        info.run_id,
        info.run_name,
        tags.get(PARENT),
        tags,
        tracking.near(info.artifact_uri),
        models,
        datetime.fromtimestamp(info.start_time / 1000, UTC),
        info.status == "RUNNING",
    )


def _pages(search: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    """Everything that MLflow finds, page by page."""
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield from page
        token = page.token
        if not token:
            return
