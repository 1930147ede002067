"""Runs in MLflow: a parent for each pipeline run, a child for each model.

No file holds a run's id, but beside a training's checkpoints. A stage finds the parent by its key (commit,
parameters, data) and a child by the SHA-256 of the model that it trained. So the output of a stage that DVC
skips, or restores from its cache, leads to the run that made it.
"""

import logging
import math
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import mlflow
import numpy as np
from filelock import FileLock
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, LifecycleStage, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from pawtrait.adapters import lineage, relocation
from pawtrait.errors import BadRegistry
from pawtrait.files import sha256, write_text
from pawtrait.params import Params

EXPERIMENT = "pawtrait"
ABOUT = {
    "mlflow.experimentKind": "custom_model_development",  # the UI then shows training runs, not chats
    "mlflow.note.content": "A parent is a run of the pipeline, its children are the models. Show them alone"
    " with the filter `tags.\"pawtrait.kind\" = 'model'`; the probe pictures line up under Charts.",
}
ORIGIN = tuple(  # what says where data comes from and how it is split, committed or not
    Path("data") / name for name in ("source.json", "paintings.json", "weights.json", "recorded_splits.csv")
)
LOCK = Path(".cache/mlflow.lock")
NAME = 80  # characters of a source in a run's name: PostgreSQL takes 250 in all
NOTE = "run_id"  # a file beside a training's checkpoints
SECRET = re.compile(  # in addresses: the password between user and @ (no port), or libpq's password=
    r"(://[^\s:/@]*):(?!\d+/)(?:[^\s/?#]*|[^\s@]*)(?=@)|(?<=[?&])password=[^\s&]*"
)

log = logging.getLogger(__name__)


class Run:
    """One MLflow run, written to by its id, so that threads and processes do not matter."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.id = run_id

    def tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; values become text."""
        for key, value in tags.items():
            self._client.set_tag(self.id, key, str(value))

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters, nested ones under dotted names."""
        known = [Param(key, str(value)[:6000]) for key, value in _flat(values).items()]
        for start in range(0, len(known), 100):  # MLflow's limit for a batch
            self._client.log_batch(self.id, params=known[start : start + 100])

    def metrics(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Log finite numbers; others are left out, since MLflow would store infinity as a number."""
        self.history([{**values, "epoch": step}])

    def history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Log a row of numbers for each ``epoch``, in one batch for all of them.

        Of several numbers for one step MLflow shows the latest; of those with the same time, the largest.
        """
        now = time.time_ns() // 1_000_000
        entries = [
            Metric(key, float(value), now, int(row["epoch"]))
            for row in rows
            for key, value in row.items()
            if key != "epoch" and isinstance(value, Real) and math.isfinite(value)
        ]
        for start in range(0, len(entries), 1000):  # MLflow's limit for a batch
            self._client.log_batch(self.id, metrics=entries[start : start + 1000])

    def steps(self, key: str) -> set[int]:
        """The steps at which a figure is known."""
        return {one.step for one in self._client.get_metric_history(self.id, key)}

    def picture(self, path: Path) -> None:
        """Keep a PNG as an artifact."""
        self._client.log_artifact(self.id, str(path), "pictures")

    def probe(self, pixels: NDArray[np.uint8], key: str, step: int = 0) -> None:
        """Show uint8 (H, W, 3) RGB under a key that every run has, so that the UI lines them up."""
        self._client.log_image(self.id, pixels, key=key, step=step, synchronous=True)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Keep a file or a folder."""
        keep = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
        keep(self.id, str(path), folder)

    def text(self, text: str, name: str) -> None:
        """Keep a text as a file."""
        self._client.log_text(self.id, text, name)

    def dataset(self, path: str, context: str) -> None:
        """Record data by its path and DVC hash, without loading it."""
        md5 = lineage.outputs().get(path, "unknown")
        source = CodeDatasetSource(tags={"dvc.path": path, "dvc.md5": md5})
        known = MetaDataset(source=source, name=Path(path).name, digest=md5[:36])  # type: ignore[abstract]
        entity = known._to_mlflow_entity()
        tag = InputTag("mlflow.data.context", context)
        self._client.log_inputs(self.id, datasets=[DatasetInput(entity, [tag])])


def shown(said: object | None = None) -> str:
    """MLflow's address, or another text that may hold it, in one line and without a password."""
    text = str(mlflow.get_tracking_uri() if said is None else said)
    return SECRET.sub(r"\1", " ".join(text.split()))


@contextmanager
def answering() -> Iterator[None]:
    """Turn MLflow's errors, in the block or in a function that this decorates, into one line of ours.

    Raises:
        BadRegistry: MLflow cannot be reached, or refuses.
    """
    try:
        yield
    except MlflowException as error:
        raise BadRegistry(
            f"MLflow at {shown()} (MLFLOW_TRACKING_URI) cannot be reached or refuses: {shown(error)};"
            " try again when it is back"
        ) from error


def address() -> str:
    """The address of the database in which MLflow keeps its runs.

    Raises:
        BadRegistry: MLflow is a server, and MLFLOW_BACKEND_STORE_URI does not name its database.
    """
    known = mlflow.get_tracking_uri()
    if known.startswith("http"):
        known = os.environ.get("MLFLOW_BACKEND_STORE_URI", known)
    if not known.startswith(("sqlite:", "postgresql")):
        raise BadRegistry(
            f"{shown(known)} is a server; set MLFLOW_BACKEND_STORE_URI to its database, sqlite:///… or postgresql://…"
        )
    return str(known)


def home() -> Path:
    """The folder that holds mlruns: that of the SQLite file, or the current one."""
    known = address()
    beside = Path(known.removeprefix("sqlite:///")).parent if known.startswith("sqlite:///") else Path()
    return beside.resolve()


def folder(location: str) -> Path:
    """The folder that MLflow's address of artifacts means.

    Raises:
        BadRegistry: a server or a bucket has them.
    """
    found = near(location)
    if found is None:
        raise BadRegistry(f"artifacts lie at {shown(location)}; expected a folder of this machine")
    return found


def near(location: str) -> Path | None:
    """The same; None where a server or a bucket has them."""
    parts = urlparse(location)
    return Path(unquote(parts.path)).absolute() if parts.scheme in ("", "file") else None


def client() -> MlflowClient:
    """A client for ``MLFLOW_TRACKING_URI``, by default mlflow.db here, made and migrated under a lock.

    No lock for a server: it migrates its own database, and this folder may be read-only.
    """
    if mlflow.get_tracking_uri().startswith("http"):
        return MlflowClient()
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK):
        opened = MlflowClient()
        known = opened.get_experiment_by_name(EXPERIMENT)  # the first touch migrates the database
        if known is not None:
            _follow(known.artifact_location)
    return opened


@contextmanager
def pipeline(knobs: Params) -> Iterator[Run]:
    """The parent run of this state of code, parameters and data; the first stage makes it.

    Raises:
        BadRegistry: MLflow cannot be reached, or refuses.
    """
    commit = lineage.commit()
    data = [sha256(file) if file.is_file() else "" for file in ORIGIN]
    key = lineage.digest(commit.tree, commit.diff, knobs.model_dump_json(), *data, lineage.feedback())
    with answering():
        opened = client()
        with FileLock(LOCK):
            experiment = _experiment(opened)
            found = opened.search_runs([experiment], f"tags.\"pawtrait.key\" = '{key}'", max_results=1)
            begun = found[0].info.run_id if found else _begin(opened, experiment, key, knobs, commit)
            run = Run(opened, begun)
        try:
            yield run
        except BaseException:
            opened.set_terminated(run.id, "FAILED")
            raise
        opened.set_terminated(run.id)


@contextmanager
def training(
    knobs: Params, name: str, inputs: Sequence[Path], kind: str = "model", place: Path | None = None
) -> Iterator[Run]:
    """A child run for one model, with system metrics and the data it reads; it fails with the block.

    ``place`` is the folder of a training's checkpoints. The run's id is noted there, so that a training that
    was cut off goes on in its run if the store knows it. Once the block has ended well the folder is removed.
    """
    with pipeline(knobs) as parent:
        opened = client()
        about = {"pawtrait.model": name, "pawtrait.kind": kind, **origin(inputs)}
        note = place / NOTE if place else None
        resumed = note.read_text(encoding="utf-8").strip() if note and note.is_file() else ""
        if resumed and _knows(opened, resumed):
            context = mlflow.start_run(run_id=resumed, log_system_metrics=True)
            log.info("%s goes on in run %s", name, resumed)
        else:
            context = mlflow.start_run(
                experiment_id=_experiment(opened),
                run_name=name,
                parent_run_id=parent.id,
                log_system_metrics=True,
                tags=about,
            )
        with context as started:
            run = Run(opened, started.info.run_id)
            if note:
                write_text(note, run.id)
            for path in inputs:
                run.dataset(path.as_posix(), "training")
            yield run
    if place:
        shutil.rmtree(place, ignore_errors=True)  # the next training of this kind begins anew


@answering()
def of_model(digest: str) -> Run | None:
    """The newest run that trained the model with this SHA-256, or None, which is logged."""
    opened = client()
    query = f"tags.\"model.sha256\" = '{digest}'"
    found = opened.search_runs([_experiment(opened)], query, order_by=["start_time DESC"], max_results=1)
    if not found:
        log.warning("no run at %s trained the model %s", shown(), digest[:12])
        return None
    return Run(opened, found[0].info.run_id)


def keeps(run_id: str, folder: str) -> bool:
    """Whether a run, if the store knows it, has artifacts in a folder."""
    try:
        return bool(client().list_artifacts(run_id, folder))
    except MlflowException:
        return False


@answering()
def kept(run_id: str, name: str) -> str:
    """The text of a file that a run keeps, wherever its artifacts lie; "" where it keeps no such file."""
    if all(one.path != name for one in client().list_artifacts(run_id)):
        return ""
    return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))


def maker(parent: Run, name: str, digest: str) -> dict[str, str]:
    """Tags for a parent: which run made a model, and whether that was in another pipeline run."""
    made = of_model(digest)
    if made is None:
        return {f"model.{name}": "unknown"}
    elsewhere = client().get_run(made.id).data.tags.get("mlflow.parentRunId") != parent.id
    if elsewhere:
        log.info("%s is unchanged: reused from run %s", name, made.id)
    return {f"model.{name}": made.id + (" (reused)" if elsewhere else "")}


def origin(inputs: Sequence[Path]) -> dict[str, str]:
    """Tags that say where a run comes from: commit, dirtiness, DVC stage and the hashes of what it read."""
    commit = lineage.commit()
    known = lineage.outputs()
    tags = {
        "git.commit": commit.sha or "none",
        "git.branch": commit.branch or "none",
        "git.dirty": str(commit.dirty).lower(),
        "dvc.stage": os.environ.get("DVC_STAGE", "none"),
    }
    return tags | {f"dvc.deps.{path.as_posix()}": known.get(path.as_posix(), "unknown") for path in inputs}


def _knows(opened: MlflowClient, run_id: str) -> bool:
    """Whether a run can be gone on with; MLflow gives deleted ones too, but does not start them."""
    try:
        return bool(opened.get_run(run_id).info.lifecycle_stage == LifecycleStage.ACTIVE)
    except MlflowException:
        return False


def _experiment(opened: MlflowClient) -> str:
    found = opened.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id if found else opened.create_experiment(EXPERIMENT, _artifacts(), ABOUT))


def _artifacts() -> str | None:
    """Where artifacts go: mlruns beside the SQLite file, from whatever folder; a server decides by itself."""
    if not mlflow.get_tracking_uri().startswith("sqlite:///"):
        return None
    return (home() / "mlruns" / EXPERIMENT).as_uri()


def _follow(location: str) -> None:
    """If this checkout was moved or copied, let MLflow's paths lead into it instead of where it was.

    A database that may only be read stays as it is, and so does a place that ``_experiment`` did not choose.
    """
    here = _artifacts()
    if here is None or location == here or not location.startswith("file:"):
        return
    old, new = folder(location), folder(here)
    database = Path(address().removeprefix("sqlite:///"))
    if relocation.strayed(old, new) and os.access(database, os.W_OK):
        log.warning("this folder was moved or copied: MLflow's paths now lead to %s instead of %s", new, old)
        relocation.follow(database, new, location, here)


def _begin(opened: MlflowClient, experiment: str, key: str, knobs: Params, commit: lineage.Commit) -> str:
    short = f" {commit.sha[:7]}{'+' if commit.dirty else ''}" if commit.sha else ""
    told = knobs.public()
    source = told.ingest.source.rstrip("/").rpartition("/")[2]
    name = f"pipeline {source[:NAME]}{short}"
    made = opened.create_run(
        experiment, run_name=name, tags={"pawtrait.key": key, "pawtrait.kind": "pipeline"}
    )
    run = Run(opened, made.info.run_id)
    run.tags(origin([]))
    run.params(told.model_dump(by_alias=True))
    run.text(told.model_dump_json(by_alias=True, indent=1), "params.json")
    if commit.diff:
        run.text(commit.diff + "\n", "uncommitted.diff")
    return run.id


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings under dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
