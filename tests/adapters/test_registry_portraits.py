"""From a painter's folder to a registered painter that answers with portraits, pickles refused."""

import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest

from pawtrait import sealed
from pawtrait.adapters import recovery, registry, tracking
from pawtrait.dataset import images
from pawtrait.errors import BadRegistry

KINDS = {"cyclegan": registry.CYCLEGAN, "fast": registry.FAST}
GAN, FAST = "models:/pet-portrait-cyclegan@champion", "models:/pet-portrait-fast@champion"


@pytest.fixture(autouse=True)
def _empty_registry(client, monkeypatch):
    """No painter is registered yet, and MLflow refuses pickles."""
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    for kind in KINDS.values():
        if client.search_registered_models(f"name = '{kind.name}'"):
            client.delete_registered_model(kind.name)


@pytest.fixture
def registered(tracked):
    """Logs a painter as its stage does and registers it; gives the version."""

    def make(folder, **tags):
        kind = KINDS[folder.name]
        with tracking.training(tracked, folder.name, [], "painter") as run:
            registry.log(run, folder, kind)
        known = {"name": folder.name, "start": "made by hand", "pipeline.run_id": "parent"}
        return registry.register(sealed.check(folder)[kind.served[0]], known | tags, "a painter", kind)

    return make


def png(height, width, colour):
    return images.encode_png(np.full((height, width, 3), colour, np.uint8))


def ask(uri, **columns):
    """The answers of a registered painter: a row each."""
    answers = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame(columns))
    assert list(answers.columns) == ["portrait", "problem"]
    return answers


def pixels(answers, row):
    return images.decode(answers.loc[row, "portrait"], largest_pixels=10_000, name="portrait")


def test_cyclegan_answers_with_a_png_of_the_photos_size(registered, cyclegan_folder):
    registered(cyclegan_folder)
    answers = ask(GAN, picture=[png(40, 70, (200, 120, 40)), png(65, 33, 0)])
    assert answers.loc[0, "portrait"].startswith(b"\x89PNG")
    np.testing.assert_array_equal(pixels(answers, 0), np.full((40, 70, 3), (55, 135, 215)))
    assert pixels(answers, 1).shape == (65, 33, 3)
    assert list(answers["problem"]) == ["", ""]


def test_fast_transfer_answers_in_the_style_of_the_painting_at_the_strength_that_is_asked(
    registered, fast_folder
):
    registered(fast_folder)
    photo, painting = png(40, 50, (40, 20, 10)), png(64, 64, (100, 50, 0))
    answers = ask(
        FAST,
        picture=[photo, photo, photo],
        style=[painting, painting, painting],
        strength=[1.0, 0.0, 0.5],
    )
    colours = [pixels(answers, row)[0, 0].tolist() for row in range(3)]
    assert colours == [[140, 70, 10], [80, 40, 20], [110, 55, 15]]  # its style is its colour, and adds up


def test_a_bad_picture_has_its_problem_and_the_others_their_portraits(registered, cyclegan_folder):
    registered(cyclegan_folder)
    answers = ask(GAN, picture=[png(40, 40, 9), b"no picture", b"", png(40, 40, 9)])
    assert [bool(portrait) for portrait in answers["portrait"]] == [True, False, False, True]
    assert answers.loc[1, "problem"].startswith("picture: not a picture")
    assert "the file is empty" in answers.loc[2, "problem"]


def test_a_bad_style_or_strength_stops_no_other_row(registered, fast_folder):
    registered(fast_folder)
    painting = png(64, 64, 50)
    answers = ask(
        FAST,
        picture=[png(40, 40, 9)] * 5,
        style=[b"no picture", painting, painting, painting, painting],
        strength=[1.0, 1.5, -0.5, float("nan"), 1.0],
    )
    said = ["style: not a picture", "strength 1.5: expected 0", "strength -0.5: ", "strength nan: ", ""]
    for problem, start in zip(answers["problem"], said, strict=True):
        assert problem.startswith(start) and bool(problem) == bool(start)
    assert [bool(portrait) for portrait in answers["portrait"]] == [False, False, False, False, True]


def test_a_version_serves_only_what_painting_needs_and_no_pickle(registered, cyclegan_folder, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as on most machines
    (cyclegan_folder / "discriminators.safetensors").write_bytes(b"large")
    sealed.seal(cyclegan_folder)
    folder = registry.folder_of(registered(cyclegan_folder))
    assert set(sealed.check(folder)) == set(registry.CYCLEGAN.served)
    root = folder.parents[1]
    assert (root / "code/pawtrait/style_transfer/painter.py").is_file()
    assert not [path for path in root.rglob("*") if path.suffix in {".pkl", ".pickle", ".pyc", ".joblib"}]


def test_the_input_example_of_each_painter_is_painted(registered, cyclegan_folder, fast_folder):
    for folder, example in ((cyclegan_folder, registry.example), (fast_folder, registry.styled_example)):
        version = registered(folder)
        model = mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
        assert model.predict(example(sealed.facts(folder))).loc[0, "problem"] == ""


def test_signatures_name_what_comes_in_and_what_goes_out(registered, cyclegan_folder, fast_folder):
    wanted = {"cyclegan": ["picture"], "fast": ["picture", "style", "strength"]}
    for folder in (cyclegan_folder, fast_folder):
        version = registered(folder)
        signature = mlflow.models.get_model_info(f"models:/{version.name}/{version.version}").signature
        assert signature.inputs.input_names() == wanted[folder.name]
        assert signature.outputs.input_names() == ["portrait", "problem"]


def test_painters_have_names_and_champions_of_their_own(registered, cyclegan_folder, fast_folder):
    versions = [registered(cyclegan_folder), registered(fast_folder)]
    assert [str(version.version) for version in versions] == ["1", "1"]
    assert [registry.resolve(uri).name for uri in (GAN, FAST)] == [
        "pet-portrait-cyclegan",
        "pet-portrait-fast",
    ]
    again = registry.register(versions[0].tags["model.sha256"], {}, "", registry.CYCLEGAN)
    assert again.version == versions[0].version


def test_a_changed_byte_is_refused_on_loading(registered, cyclegan_folder):
    folder = registry.folder_of(registered(cyclegan_folder))
    with (folder / "painting_to_photo.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(Exception, match="is not the file that was sealed"):
        mlflow.pyfunc.load_model(str(folder.parents[1]))


@pytest.mark.parametrize(
    ("name", "stage", "file"),
    [
        ("cyclegan", "train_cyclegan", "photo_to_painting.onnx"),
        ("fast", "export_fast", "transformer.onnx"),
    ],
)
def test_the_way_back_leads_to_the_painters_stage_and_folder(
    registered, cyclegan_folder, fast_folder, tmp_path, name, stage, file
):
    version = registered(tmp_path / "data/painters" / name, **{"git.commit": "c0ffee"})
    lines = list(recovery.commands(f"models:/pet-portrait-{name}@champion"))
    assert lines[0] == f"# pet-portrait-{name} version 1: {name}, made by hand"
    assert f"dvc checkout --force data/painters/{name} || dvc pull data/painters/{name}" in lines
    assert f"dvc repro {stage}" in lines
    digest = version.tags["model.sha256"]
    assert lines[-1] == f"echo '{digest}  data/painters/{name}/{file}' | sha256sum --check"
    assert subprocess.run(["bash", "-c", lines[-1]], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", KINDS)
def test_a_painter_that_no_run_made_names_the_stage_that_makes_it(tracked, name):
    stage = KINDS[name].stage.format(name)
    with pytest.raises(BadRegistry, match=rf"train it here: `dvc repro --force --single-item {stage}`"):
        registry.register("f" * 64, {}, "", KINDS[name])
