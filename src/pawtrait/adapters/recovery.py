"""The way back: the commands that bring back exactly one registered model."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from pawtrait.adapters import registry, tracking
from pawtrait.errors import BadRegistry

KEPT = "data"  # the pipeline run's folder of what says where its pictures came from, as in the project
MONTHS = (  # git ignores what is beside each note, so a clone has the notes alone, or none
    'for month in data/feedback/*.dvc; do [ ! -e "$month" ] || dvc checkout --force "$month" ||'
    ' dvc pull "$month"; done'
)


def commands(uri: str) -> Iterator[str]:
    """Shell lines, comments between them; the last one proves that the model is the same.

    Raises:
        BadRegistry: there is no such model, or it was registered by other hands.
    """
    version = registry.resolve(uri)
    tags = version.tags
    lack = [key for key in ("name", "start", "pipeline.run_id", "model.sha256") if key not in tags]
    if lack:
        raise BadRegistry(f"{uri} lacks the tags {', '.join(lack)}; register it with `pawtrait register`")
    model, commit = tags["name"], tags.get("git.commit", "none")
    kind = registry.KINDS.get(version.name, registry.EXPRESSION)
    folder, stage = f"{kind.folder}/{model}", kind.stage.format(model)
    parent = tags["pipeline.run_id"]
    yield f"# {version.name} version {version.version}: {model}, {tags['start']}"
    yield "# this overwrites params.yaml, dvc.lock and data; in a clone, say first where the runs are:"
    yield f"# export MLFLOW_TRACKING_URI={shlex.quote(_runs())}"
    if commit == "none":
        yield "# trained outside a git repository, so the code's commit is not known"
    else:
        yield f"git checkout {commit}"
    if tags.get("git.dirty") == "true":
        yield "# changes that were not committed:"
        yield f"mlflow artifacts download --run-id {parent} --artifact-path uncommitted.diff --dst-path ."
        yield "git apply uncommitted.diff"
    for name in ("params.yaml", "dvc.lock"):
        yield f"mlflow artifacts download --run-id {parent} --artifact-path {name} --dst-path ."
    if tracking.keeps(parent, KEPT):  # runs of before do not
        yield "# where its pictures came from:"
        yield f"mlflow artifacts download --run-id {parent} --artifact-path {KEPT} --dst-path ."
    yield "# the feedback that it learned from, where there was any:"
    yield MONTHS
    yield "# from the cache or the remote:"
    yield f"dvc checkout --force {folder} || dvc pull {folder}"
    yield "# or train it again, to the same bytes on the same machine:"
    yield f"dvc repro {stage}"
    yield f"echo '{tags['model.sha256']}  {folder}/{kind.served[0]}' | sha256sum --check"


def _runs() -> str:
    """Where the runs are, as a command elsewhere can name it: a SQLite file by its path; no password."""
    known = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    scheme, _, path = known.partition(":///")
    return f"{scheme}:///{Path(path).resolve()}" if scheme.startswith("sqlite") else tracking.shown(known)
