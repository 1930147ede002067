"""From a sealed model folder to a registered model that answers, in a real store, with pickles refused."""

import pickletools
import shutil
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient

from pawtrait import champion, sealed
from pawtrait.adapters import registry, runs, succession, tracking
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadRegistry

URI = "models:/pet-expression@champion"


@pytest.fixture(autouse=True)
def _empty_registry(client, monkeypatch):
    """No version of pet-expression yet, and MLflow refuses pickles."""
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    if client.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        client.delete_registered_model(registry.EXPRESSION.name)


@pytest.fixture
def logged(tracked, colour_model):
    """Logs a model as training does; gives its digest."""

    def log(name="cnn", sharpness=1.0):
        folder = colour_model(name, sharpness)
        with tracking.training(tracked, name, []) as run:
            registry.log(run, folder)
        return sealed.check(folder)["model.onnx"]

    return log


def register(digest, **tags):
    return registry.register(digest, tags, "the best of them")


def aliases(client):
    return {
        alias: str(number)
        for alias, number in client.get_registered_model(registry.EXPRESSION.name).aliases.items()
    }


def test_a_registered_model_answers_for_encoded_pictures_and_names_a_bad_one(logged, coloured_picture):
    register(logged())
    pictures = [coloured_picture("angry").read_bytes(), b"no picture", coloured_picture("sad").read_bytes()]
    answers = mlflow.pyfunc.load_model(URI).predict(pd.DataFrame({"picture": pictures}))
    assert list(answers.columns) == ["label", *LABELS, "problem"]
    assert list(answers["label"]) == ["angry", "", "sad"]
    assert answers.loc[[0, 2], list(LABELS)].sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert answers.loc[1, list(LABELS)].isna().all()
    assert "picture: not a picture" in answers.loc[1, "problem"]
    assert list(answers.loc[[0, 2], "problem"]) == ["", ""]


def test_no_file_of_a_logged_model_is_a_pickle(logged, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as on most machines
    root = Path(mlflow.artifacts.download_artifacts(f"models:/pet-expression/{register(logged()).version}"))
    paths = [path for path in root.rglob("*") if path.is_file()]
    assert root / "artifacts" / "model" / "model.onnx" in paths
    assert [path.name for path in paths if is_pickle(path)] == []
    assert not [path for path in paths if path.suffix in {".pkl", ".pickle", ".pyc", ".joblib"}]


def is_pickle(path):
    """Whether a pickle machine would accept the file."""
    data = path.read_bytes()
    try:
        operations = [operation.name for operation, _, _ in pickletools.genops(data)]
    except Exception:  # whatever pickletools says of what is none
        return False
    return operations[-1:] == ["STOP"] and len(operations) > 1


def test_the_pickle_test_knows_a_pickle(tmp_path):
    import pickle

    (tmp_path / "a.bin").write_bytes(pickle.dumps({"a": [1, 2]}))
    assert is_pickle(tmp_path / "a.bin")


def test_a_model_carries_its_code_requirements_and_signature(logged):
    version = register(logged())
    root = Path(mlflow.artifacts.download_artifacts(f"models:/pet-expression/{version.version}"))
    assert (root / "code/pawtrait/classification/predict.py").is_file()
    wanted = (root / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in wanted} == set(registry.REQUIREMENTS)
    assert all("==" in line for line in wanted)
    info = mlflow.models.get_model_info(f"models:/pet-expression/{version.version}")
    assert [str(column.type) for column in info.signature.inputs] == ["DataType.binary"]
    assert info.signature.outputs.input_names() == ["label", *LABELS, "problem"]


def test_the_input_example_is_a_picture_that_the_model_takes(logged):
    register(logged())
    model = mlflow.pyfunc.load_model(URI)
    assert model.predict(registry.example({"side": 32})).loc[0, "problem"] == ""


def test_a_changed_byte_in_the_registered_files_is_refused_on_loading(logged):
    version = register(logged())
    folder = registry.folder_of(version)
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(Exception, match="is not the file that was sealed"):
        mlflow.pyfunc.load_model(str(folder.parents[1]))


def test_the_first_model_becomes_champion(logged, client):
    version = register(logged())
    assert aliases(client) == {"champion": "1"}
    assert str(version.version) == "1"


def test_the_second_becomes_challenger_and_the_champion_stays(logged, client):
    register(logged("cnn"))
    register(logged("mobilenet_v2", sharpness=2.0))
    assert aliases(client) == {"champion": "1", "challenger": "2"}


def test_the_same_model_registered_twice_keeps_its_version(logged, client):
    digest = logged()
    assert register(digest).version == register(digest).version
    assert len(client.search_model_versions(f"name = '{registry.EXPRESSION.name}'")) == 1
    assert aliases(client) == {"champion": "1"}


def test_of_a_model_trained_twice_the_same_way_there_is_one_version(tracked, colour_model, client):
    folder = colour_model()
    for _ in range(2):
        with tracking.training(tracked, "cnn", []) as run:
            registry.log(run, folder)
    digest = sealed.check(folder)["model.onnx"]
    assert register(digest).version == register(digest).version


def test_a_training_cut_off_while_it_logged_goes_on_and_its_version_has_the_files(
    tracked, colour_model, client, tmp_path, monkeypatch
):
    """MLflow has noted a first, empty model in the run by then, and names a run's models in any order."""
    folder, place, runs = colour_model(), tmp_path / "checkpoints", []
    digest = sealed.check(folder)["model.onnx"]

    def train():
        with tracking.training(tracked, "cnn", [], place=place) as run:
            runs.append(run.id)
            registry.log(run, folder)

    place.mkdir()
    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(MlflowClient, "log_model_artifacts", interrupted)
        train()
    train()
    assert runs[0] == runs[1]
    monkeypatch.setattr(MlflowClient, "get_run", oldest_first(MlflowClient.get_run))
    assert len(client.get_run(runs[0]).outputs.model_outputs) == 2
    assert sealed.check(registry.folder_of(register(digest)))["model.onnx"] == digest


def test_an_empty_model_behind_a_whole_one_is_passed_over(tracked, colour_model, tmp_path, monkeypatch):
    """Killed after it had logged, and again, when it went on, while it logged once more."""
    folder, place, runs = colour_model(), tmp_path / "checkpoints", []
    digest = sealed.check(folder)["model.onnx"]
    place.mkdir()
    for cut_off in (False, True):
        with (
            monkeypatch.context() as cut,
            pytest.raises(KeyboardInterrupt),
            tracking.training(tracked, "cnn", [], place=place) as run,
        ):
            runs.append(run.id)
            if cut_off:
                cut.setattr(MlflowClient, "log_model_artifacts", interrupted)
            registry.log(run, folder)
            interrupted()
    assert runs[0] == runs[1]
    assert sealed.check(registry.folder_of(register(digest)))["model.onnx"] == digest


def interrupted(*_):
    raise KeyboardInterrupt


def oldest_first(get_run):
    """A run whose models come in the order in which they were made."""

    def get(client, run_id):
        run = get_run(client, run_id)
        run.outputs.model_outputs.sort(
            key=lambda one: client.get_logged_model(one.model_id).creation_timestamp
        )
        return run

    return get


def test_a_version_says_what_it_is(logged):
    digest = logged()
    version = register(digest, name="cnn", valid_macro_f1=0.5)
    assert version.description == "the best of them"
    assert version.tags["valid_macro_f1"] == "0.5"
    assert version.tags["model.sha256"] == digest
    run = tracking.of_model(digest)
    assert version.tags["mlflow.run_id"] == run.id
    assert registry.tags_of_run(run.id)["model.start"] == "random start"


def test_a_model_that_the_store_does_not_know_is_named_with_what_to_do(tracked):
    with pytest.raises(BadRegistry, match=r"trained the model ffffffffffff; point MLFLOW_TRACKING_URI at"):
        register("f" * 64)


def test_addresses_find_their_version(logged):
    version = register(logged())
    for address in (URI, "models:/pet-expression/1", "pet-expression@champion"):
        assert registry.resolve(address).version == version.version
    folder = registry.folder_of(version)
    assert set(sealed.check(folder)) == {"model.json", "model.onnx"}
    assert not registry.COPIES.exists()  # where MLflow's own files are at hand


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("models:/pet-expression@champion", "is not in the registry at sqlite:.*run `pawtrait register`"),
        ("models:/pet-expression/7", "is not in the registry"),
        ("models:/pet-expression/latest", "is not in the registry"),
        ("models:/nobody@champion", "is not in the registry"),
        ("pet-expression", "names no model; write models:/pet-expression@champion"),
        ("", "names no model"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(tracked, address, said):
    with pytest.raises(BadRegistry, match=said) as caught:
        registry.resolve(address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: registry.resolve(URI),
        lambda: registry.numbered("1"),
        lambda: registry.aliases(),
        lambda: registry.versions(),
        lambda: registry.crown("2", "1"),
        lambda: registry.folder_of(ModelVersion("pet-expression", "1", 0)),
        lambda: tracking.of_model("f" * 64),
        lambda: runs.known(),
        lambda: registry.by_alias(tracking.client(), registry.CHAMPION),
    ],
)
def test_a_registry_that_is_away_is_not_taken_for_an_empty_one(tracked, monkeypatch, ask):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:9")
    with pytest.raises(BadRegistry, match=r"ann@127.* or refuses: .*; try again when it is back$") as caught:
        ask()
    said = str(caught.value)
    assert "secret" not in said and "\n" not in said and "pawtrait register" not in said


@pytest.fixture
def served(tracked, tmp_path, new_server, monkeypatch):
    """MLflow's server, which keeps artifacts itself."""
    stores = ("--backend-store-uri", "sqlite:///mlflow.db", "--workers", "1")
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = new_server(tmp_path / "server", "/health", "mlflow", "server", *stores, **quiet)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return server


@pytest.mark.slow  # MLflow sends this package file by file, four times
def test_what_a_server_keeps_is_fetched_once_and_stays(served, logged, tmp_path):
    version = register(logged())
    folder = registry.folder_of(version)
    assert folder == Path("data/versions/pet-expression-1/artifacts/model")
    (folder / "here").touch()
    assert registry.folder_of(version) == folder and (folder / "here").is_file()
    (folder / "model.onnx").write_bytes(b"damaged")
    registry.folder_of(version)
    assert sealed.check(folder) and not (folder / "here").exists()
    other = register(logged("mobilenet_v2", sharpness=2.0))
    shutil.copytree(folder.parents[1], Path("data/versions/pet-expression-2"))  # as of another registry
    assert sealed.facts(registry.folder_of(other))["name"] == "mobilenet_v2"
    note = tmp_path / "data/champion.json"
    succession.write_note("2", note)
    served.kill()
    said = champion.read(note)
    assert sealed.check(Path(said.folder))["model.onnx"] == said.sha256


def test_pixels_reach_the_network_as_rgb(logged):
    register(logged())
    from pawtrait.dataset import images

    blue = np.zeros((20, 30, 3), np.uint8)
    blue[..., 2] = 255  # nearest to the blue of sad
    answers = mlflow.pyfunc.load_model(URI).predict(pd.DataFrame({"picture": [images.encode_png(blue)]}))
    assert answers.loc[0, "label"] == "sad"
