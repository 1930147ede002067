"""The models in MLflow: logged with each training, registered under their name, found by alias.

Reading it takes neither pandas nor the rest of MLflow, which the service does without.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.entities import LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema

import pawtrait
from pawtrait import champion, environment, sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadModel, BadRegistry
from pawtrait.files import whole_folder

if TYPE_CHECKING:
    import pandas as pd

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
FOLDER = "pawtrait.folder"  # tag of a registered model: the version last registered from its folder
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # what MLflow says of what is not there
LONGEST = 5000  # characters of a description: MLflow's column; PostgreSQL refuses more, SQLite takes any
COPIES = Path("data/versions")  # of models that MLflow keeps elsewhere; the champion's note may name one
MODEL = Path("artifacts/model")  # within what MLflow keeps of a version
IMAGE = "image"  # tag of a version: the container image that holds it, where one was built
REQUIREMENTS = ("mlflow", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a registered model of one name is made of.

    Attributes:
        name: in the registry.
        code: the file beside this one that MLflow makes the model from.
        served: what an answer needs of a model folder; the first is the model's identity.
        folder: where its folders lie, by the name in model.json.
        stage: the DVC stage that makes it, by the same name.
        signature: what goes in and what comes out.
        example: an input, from what model.json says.
    """

    name: str
    code: str
    served: tuple[str, ...]
    folder: str
    stage: str
    signature: tuple[Schema, Schema]
    example: Callable[[Mapping[str, Any]], pd.DataFrame]


def example(facts: Mapping[str, Any]) -> pd.DataFrame:
    """One encoded grey picture in the form that the model takes."""
    import pandas as pd  # late: only who logs a model has it

    side = int(facts["side"])
    return pd.DataFrame({"picture": [images.encode_png(np.full((side, side, 3), 128, np.uint8))]})


def styled_example(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A picture, a painting and a strength."""
    grey = example(facts)
    return grey.assign(style=grey["picture"], strength=1.0)


_PICTURE = ColSpec(DataType.binary, "picture")
_PAINTED = Schema([ColSpec(DataType.binary, "portrait"), ColSpec(DataType.string, "problem")])
_MOODS = [ColSpec(DataType.double, label) for label in LABELS]

EXPRESSION = Kind(
    champion.MODEL,
    "pyfunc.py",
    ("model.onnx", "model.json"),
    "data/models",
    "train@{}",
    (
        Schema([_PICTURE]),
        Schema([ColSpec(DataType.string, "label"), *_MOODS, ColSpec(DataType.string, "problem")]),
    ),
    example,
)
CYCLEGAN = Kind(
    champion.PAINTER.format("cyclegan"),
    "pyfunc_portrait.py",
    ("photo_to_painting.onnx", "painting_to_photo.onnx", "model.json"),
    "data/painters",
    "train_{}",
    (Schema([_PICTURE]), _PAINTED),
    example,
)
FAST = Kind(
    champion.PAINTER.format("fast"),
    "pyfunc_portrait.py",
    ("transformer.onnx", "style.onnx", "model.json"),
    "data/painters",
    "export_{}",
    (Schema([_PICTURE, ColSpec(DataType.binary, "style"), ColSpec(DataType.double, "strength")]), _PAINTED),
    styled_example,
)
KINDS = {kind.name: kind for kind in (EXPRESSION, CYCLEGAN, FAST)}


def log(run: tracking.Run, folder: Path, kind: Kind = EXPRESSION) -> None:
    """Log a sealed model folder as a pyfunc of the active run, and tag the run with the model's SHA-256."""
    from mlflow.models import ModelSignature  # late, as it loads pandas

    digest = sealed.check(folder, *kind.served)[kind.served[0]]
    facts = sealed.facts(folder)
    with tempfile.TemporaryDirectory() as scratch, environment.without_bytecode():
        served = Path(scratch) / "model"
        served.mkdir()
        for name in kind.served:
            copyfile(folder / name, served / name)
        sealed.seal(served)
        mlflow.pyfunc.log_model(  # which imports the code where it lies among the artifacts
            name=facts["name"],
            python_model=str(Path(__file__).with_name(kind.code)),
            artifacts={"model": str(served)},
            code_paths=[str(Path(pawtrait.__file__).parent)],
            signature=ModelSignature(*kind.signature),
            input_example=kind.example(facts),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
    run.tags(
        {
            "model.sha256": digest,
            "model.start": facts["start"],
            "model.parity": facts["parity"],
        }
    )


@tracking.answering()
def register(digest: str, tags: Mapping[str, Any], description: str, kind: Kind = EXPRESSION) -> ModelVersion:
    """Make the model with this SHA-256 a version under its kind's name; the first one becomes champion.

    A model that is registered already keeps its version. A later model gets the alias challenger.

    Raises:
        BadRegistry: the tracking store does not know the model.
    """
    opened = tracking.client()
    known = find(digest, kind) or _registered(opened, digest, tags, description, kind)
    crowned = by_alias(opened, CHAMPION, kind)
    if crowned is None:
        opened.set_registered_model_alias(kind.name, CHAMPION, known.version)
    elif crowned.version != known.version:
        opened.set_registered_model_alias(kind.name, CHALLENGER, known.version)
    return opened.get_model_version(kind.name, known.version)


@tracking.answering()
def find(digest: str, kind: Kind = EXPRESSION) -> ModelVersion | None:
    """The version that holds the model with this SHA-256."""
    opened = tracking.client()
    versions = opened.search_model_versions(f"name = '{kind.name}'")
    return next((one for one in versions if one.tags.get("model.sha256") == digest), None)


@tracking.answering()
def by_alias(opened: MlflowClient, alias: str, kind: Kind = EXPRESSION) -> ModelVersion | None:
    """The version that carries an alias, or None."""
    try:
        return opened.get_model_version_by_alias(kind.name, alias)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None


def aliases(kind: Kind = EXPRESSION) -> dict[str, str]:
    """Which version carries which alias; nothing where none is registered."""
    known = _model(kind)
    return {alias: str(version) for alias, version in known.aliases.items()} if known else {}


def from_folder(kind: Kind) -> str | None:
    """The version that lay in a kind's folder when that was last registered, as ``remember`` noted it."""
    known = _model(kind)
    return known.tags.get(FOLDER) if known else None


@tracking.answering()
def remember(version: str, kind: Kind) -> None:
    """Note on a registered model which version lies in its folder."""
    tracking.client().set_registered_model_tag(kind.name, FOLDER, version)


def numbered(version: str, kind: Kind = EXPRESSION) -> ModelVersion:
    """The version of that number.

    Raises:
        BadRegistry: there is none.
    """
    return resolve(f"models:/{kind.name}/{version}")


@tracking.answering()
def versions(kind: Kind = EXPRESSION) -> list[ModelVersion]:
    """Every version of a kind, oldest first."""
    found = tracking.client().search_model_versions(f"name = '{kind.name}'")
    return sorted(found, key=lambda one: int(one.version))


def all_tags() -> list[dict[str, str]]:
    """The tags of every version of every kind, with the id of the run that logged it."""
    found = [one for kind in KINDS.values() for one in versions(kind)]
    return [{**one.tags, "logged.run_id": one.run_id or ""} for one in found]


@tracking.answering()
def crown(version: str, previous: str | None, kind: Kind = EXPRESSION) -> None:
    """Make a version champion, the former one previous; twice does nothing. A champion is no challenger."""
    opened, known = tracking.client(), aliases(kind)
    for alias, wanted in ((PREVIOUS, previous), (CHAMPION, version)):
        if wanted is not None and known.get(alias) != wanted:
            opened.set_registered_model_alias(kind.name, alias, wanted)
    if known.get(CHALLENGER) == version:
        opened.delete_registered_model_alias(kind.name, CHALLENGER)


@tracking.answering()
def annotate(
    version: str, tags: Mapping[str, Any], description: str | None = None, kind: Kind = EXPRESSION
) -> None:
    """Set tags of a version, and its description where one is given."""
    opened = tracking.client()
    for key, value in _texts(tags).items():
        opened.set_model_version_tag(kind.name, version, key, value)
    if description is not None:
        _describe(opened, version, description, kind)


@tracking.answering()
def resolve(uri: str) -> ModelVersion:
    """The version that ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` means.

    Raises:
        BadRegistry: there is no such version, the text is no such address, or MLflow cannot be reached.
    """
    body = uri.removeprefix("models:/")
    try:
        if "@" in body:
            return tracking.client().get_model_version_by_alias(*body.split("@", 1))
        if "/" in body:
            return tracking.client().get_model_version(*body.split("/", 1))
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        raise BadRegistry(
            f"{uri} is not in the registry at {tracking.shown()}; run `pawtrait register`"
        ) from error
    raise BadRegistry(
        f"{uri} names no model; write models:/{EXPRESSION.name}@{CHAMPION} or models:/{EXPRESSION.name}/1"
    )


@tracking.answering()
def folder_of(registered: ModelVersion, into: Path | None = None) -> Path:
    """The model folder inside a version, copied ``into`` a folder that is there.

    Where none is named, it is MLflow's own; where that lies elsewhere, a copy in ``COPIES``, fetched once.

    Raises:
        BadRegistry: it cannot be fetched.
    """
    if into is not None:
        return _fetched(registered, into)
    location = tracking.client().get_model_version_download_uri(registered.name, registered.version)
    if tracking.near(location) is not None:
        return _fetched(registered, None)
    copy = COPIES / f"{registered.name}-{registered.version}"
    if not _whole(copy / MODEL, registered):
        with whole_folder(copy) as draft:
            _fetched(registered, draft)
    return copy / MODEL


@tracking.answering()
def tags_of_run(run_id: str) -> dict[str, str]:
    """A run's tags."""
    return dict(tracking.client().get_run(run_id).data.tags)


@tracking.answering()
def _model(kind: Kind) -> RegisteredModel | None:
    """The registered model of a kind, where one is registered."""
    try:
        return tracking.client().get_registered_model(kind.name)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None


def _fetched(registered: ModelVersion, into: Path | None) -> Path:
    """The model folder in what MLflow gives: a copy, or its own files where it has them here."""
    uri = f"models:/{registered.name}/{registered.version}"
    return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(into) if into else None)) / MODEL


def _whole(folder: Path, registered: ModelVersion) -> bool:
    """Whether a copy is the version's, unchanged: another registry numbers its versions alike."""
    try:
        return registered.tags.get("model.sha256") in sealed.check(folder).values()
    except BadModel:
        return False


def _registered(
    opened: MlflowClient, digest: str, tags: Mapping[str, Any], description: str, kind: Kind
) -> ModelVersion:
    """A new version of the model that some run logged."""
    run = tracking.of_model(digest)
    logged = _logged(opened, run.id) if run else None
    if run is None or logged is None:
        stage = kind.stage.format("MODEL" if kind is EXPRESSION else kind.name.rpartition("-")[2])
        raise BadRegistry(
            f"no run at {tracking.shown()} trained the model {digest[:12]}; point"
            " MLFLOW_TRACKING_URI at the store that has it, or train it here:"
            f" `dvc repro --force --single-item {stage}`"
        )
    known = mlflow.register_model(
        f"models:/{logged}", kind.name, tags={"model.sha256": digest, **_texts(tags)}
    )
    _describe(opened, known.version, description, kind)
    opened.set_model_version_tag(kind.name, known.version, "mlflow.run_id", run.id)
    return known


def _logged(opened: MlflowClient, run_id: str) -> str | None:
    """The id of the newest model of a run that has its files, or None.

    MLflow notes a model in its run before it uploads a file, so a training that was cut off in between and
    went on in the same run leaves an empty one too.
    """
    outputs = opened.get_run(run_id).outputs
    models = [opened.get_logged_model(one.model_id) for one in outputs.model_outputs] if outputs else []
    whole = [one for one in models if one.status == LoggedModelStatus.READY]
    return max(whole, key=lambda one: one.creation_timestamp).model_id if whole else None


def _describe(opened: MlflowClient, version: str, description: str, kind: Kind) -> None:
    opened.update_model_version(kind.name, version, description[:LONGEST])


def _texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in tags.items()}
