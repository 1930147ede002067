"""The models in MLflow: logged with each training, registered as ``pet-expression``, found by alias."""

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema

import pawtrait
from pawtrait import sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadRegistry

NAME = "pet-expression"
CHAMPION, CHALLENGER = "champion", "challenger"
SERVED = ("model.onnx", "model.json")  # what a prediction needs of a model folder
REQUIREMENTS = ("mlflow", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow")

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.binary, "picture")]),
    outputs=Schema(
        [
            ColSpec(DataType.string, "label"),
            *(ColSpec(DataType.double, label) for label in LABELS),
            ColSpec(DataType.string, "problem"),
        ]
    ),
)


def log(run: tracking.Run, folder: Path) -> None:
    """Log a sealed model folder as a pyfunc of the active run, and tag the run with the model's SHA-256."""
    facts = sealed.facts(folder)
    with tempfile.TemporaryDirectory() as scratch:
        served = Path(scratch) / "model"
        served.mkdir()
        for name in SERVED:
            copyfile(folder / name, served / name)
        sealed.seal(served)
        mlflow.pyfunc.log_model(
            name=facts["name"],
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={"model": str(served)},
            code_paths=[str(Path(pawtrait.__file__).parent)],
            signature=SIGNATURE,
            input_example=example(int(facts["side"])),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
    run.tags(
        {
            "model.sha256": sealed.check(folder)["model.onnx"],
            "model.start": facts["start"],
            "model.parity": facts["parity"],
        }
    )


def example(side: int) -> pd.DataFrame:
    """One encoded grey picture in the form that the model takes."""
    return pd.DataFrame({"picture": [images.encode_png(np.full((side, side, 3), 128, np.uint8))]})


def register(digest: str, tags: Mapping[str, Any], description: str) -> ModelVersion:
    """Make the model with this SHA-256 a version of ``pet-expression``; the first one becomes champion.

    A model that is registered already keeps its version. A later model gets the alias challenger.

    Raises:
        BadRegistry: the tracking store does not know the model.
    """
    opened = tracking.client()
    known = find(digest)
    if known is None:
        run = tracking.of_model(digest)
        if run is None:
            raise BadRegistry(
                f"no run at {mlflow.get_tracking_uri()} trained the model {digest[:12]}; point"
                " MLFLOW_TRACKING_URI at the store that has it, or train it here:"
                " `dvc repro --force --single-item train@MODEL`"
            )
        outputs = opened.get_run(run.id).outputs
        logged = outputs.model_outputs if outputs else []
        known = mlflow.register_model(
            f"models:/{logged[0].model_id}", NAME, tags={"model.sha256": digest, **_texts(tags)}
        )
        opened.update_model_version(NAME, known.version, description)
        opened.set_model_version_tag(NAME, known.version, "mlflow.run_id", run.id)
    champion = by_alias(opened, CHAMPION)
    if champion is None:
        opened.set_registered_model_alias(NAME, CHAMPION, known.version)
    elif champion.version != known.version:
        opened.set_registered_model_alias(NAME, CHALLENGER, known.version)
    return opened.get_model_version(NAME, known.version)


def find(digest: str) -> ModelVersion | None:
    """The version that holds the model with this SHA-256."""
    opened = tracking.client()
    versions = opened.search_model_versions(f"name = '{NAME}'")
    return next((one for one in versions if one.tags.get("model.sha256") == digest), None)


def by_alias(opened: MlflowClient, alias: str) -> ModelVersion | None:
    """The version that carries an alias, or None."""
    try:
        return opened.get_model_version_by_alias(NAME, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise BadRegistry(f"{mlflow.get_tracking_uri()}: {error}") from error


def resolve(uri: str) -> ModelVersion:
    """The version that ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` means.

    Raises:
        BadRegistry: there is no such version, or the text is no such address.
    """
    body = uri.removeprefix("models:/")
    opened = tracking.client()
    try:
        if "@" in body:
            return opened.get_model_version_by_alias(*body.split("@", 1))
        if "/" in body:
            return opened.get_model_version(*body.split("/", 1))
    except MlflowException as error:
        raise BadRegistry(
            f"{uri} is not in the registry at {mlflow.get_tracking_uri()}; run `pawtrait register`"
        ) from error
    raise BadRegistry(f"{uri} names no model; write models:/{NAME}@{CHAMPION} or models:/{NAME}/1")


def folder_of(registered: ModelVersion) -> Path:
    """The model folder inside a version, downloaded where the artifacts lie elsewhere."""
    root = mlflow.artifacts.download_artifacts(f"models:/{registered.name}/{registered.version}")
    return Path(root) / "artifacts" / "model"


def tags_of_run(run_id: str) -> dict[str, str]:
    """A run's tags."""
    return dict(tracking.client().get_run(run_id).data.tags)


def _texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in tags.items()}
