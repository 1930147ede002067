"""Bad input through the real commands: one line that says what to mend, exit code 2, nothing half-written."""

import csv
import resource
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pawtrait.dataset import demo

Project = Any  # of conftest.py, which cannot be imported here
MOODS = ("happy", "sad", "angry", "other")
VALIDATE = {
    "manifest": "data/tables/manifest.csv",
    "accepted": "data/tables/accepted.csv",
    "rejected": "data/tables/rejected.csv",
    "summary": "data/reports/validation.json",
    "docs": "data/reports/data_docs",
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight good pictures of each mood, in a folder a mood."""
    folder = tmp_path_factory.mktemp("drawn")
    demo.draw(folder / "demo", {"train": 32}, 96, seed=1, faults=False)
    return folder / "demo" / demo.TOP / "train"


@pytest.fixture
def pets(drawn: Path, tmp_path: Path) -> Path:
    """A copy of them to spoil."""
    return Path(shutil.copytree(drawn, tmp_path / "pets"))


@pytest.fixture
def bare(bare_project: Callable[[Path], Project], tmp_path: Path, mlflow_store: str) -> Project:
    """A project without git whose runs go to the session's store, which is migrated already."""
    return bare_project(tmp_path / "project", MLFLOW_TRACKING_URI=mlflow_store)


def test_a_misspelt_key_in_params_yaml_is_named(bare: Project) -> None:
    params = bare.root / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("epochs:", "epoch:", 1), encoding="utf-8")
    said = bare.stage("manifest", *_paths(raw="data/raw", manifest="data/m.csv"), code=2)
    assert _line(said).startswith("manifest: params.yaml: models.")
    assert "epoch is no known key; check its spelling" in said
    assert "epochs is missing" in said


def test_an_empty_folder_stops_at_the_door(bare: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = _bring(bare, tmp_path / "empty", code=2)
    assert _line(said) == (
        "ingest: the folder has no pictures (0 other files); expected SPLIT/LABEL/NAME or LABEL/NAME"
    )
    assert not (bare.root / "data/raw").exists()


@pytest.mark.slow  # tests/stages/test_validate.py has it within one process
def test_one_class_only_stops_with_the_missing_ones_named(bare: Project, pets: Path) -> None:
    for mood in ("Sad", "Angry", "Other"):
        shutil.rmtree(pets / mood)
    line = _line(_validated(bare, pets, code=2))
    assert all(mood in line for mood in ("sad", "angry", "other"))


@pytest.mark.slow  # and this
def test_a_class_with_one_picture_stops(bare: Project, pets: Path) -> None:
    for path in sorted((pets / "Angry").iterdir())[1:]:
        path.unlink()
    line = _line(_validated(bare, pets, code=2))
    assert "angry" in line
    assert "sad" not in line


def test_what_is_no_good_picture_is_rejected_with_its_reason_and_the_rest_goes_on(
    bare: Project, pets: Path
) -> None:
    (pets / "sleepy").mkdir()
    one, *_ = sorted((pets / "happy").iterdir())
    one.rename(pets / "sleepy" / "ein schläfriger Hund.jpg")
    (pets / "Sad" / "nothing.jpg").touch()
    (pets / "Sad" / "text.jpg").write_text("a note", encoding="utf-8")
    assert "ephemeral docs site" not in _validated(bare, pets)  # what Great Expectations does is its own
    with (bare.root / VALIDATE["rejected"]).open(encoding="utf-8") as stream:
        reasons = {row["path"]: row["reason"] for row in csv.DictReader(stream)}
    assert sorted(Path(path).name for path in reasons) == [
        "ein schläfriger Hund.jpg",
        "nothing.jpg",
        "text.jpg",
    ]
    assert "sleepy" in reasons["unsplit/sleepy/ein schläfriger Hund.jpg"]
    assert "empty" in reasons["unsplit/sad/nothing.jpg"]
    assert "not a picture" in reasons["unsplit/sad/text.jpg"]
    with (bare.root / VALIDATE["accepted"]).open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 31


def test_a_damaged_file_in_a_weights_mirror_is_refused(bare: Project, tmp_path: Path) -> None:
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / name).write_bytes(b"half of what it was")
    bare.set(weights__mirror=str(tmp_path / "mirror"))
    line = _line(bare.stage("weights", "--out", "data/pretrained", "--styles", "data/style_weights", code=2))
    assert line.startswith(f"weights: weights.files.mobilenet_v2: {name} from the mirror has the SHA-256 ")
    assert "fetch it again" in line
    assert not (bare.root / "data/pretrained").exists()


def test_a_full_disk_leaves_no_arrays(project: Project, tmp_path: Path) -> None:
    paths = _paths(
        raw="data/raw",
        splits="data/tables/splits.csv",
        arrays=f"{tmp_path}/full/arrays",
        preview=f"{tmp_path}/full/augmentation.png",
        samples=f"{tmp_path}/full/samples.png",
        pies=f"{tmp_path}/full/classes.png",
    )
    line = _line(project.stage("augment", *paths, code=2, preexec_fn=partial(_no_file_above, 1_000_000)))
    assert line.startswith("augment: the disk is full (")
    assert list((tmp_path / "full").iterdir()) == []


def test_a_full_disk_leaves_no_model(project: Project, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"  # small enough, and a failed run is remembered
    elsewhere = type(project)(project.root, MLFLOW_TRACKING_URI=store)
    paths = _paths(
        name="cnn",
        arrays="data/arrays",
        splits="data/tables/splits.csv",
        weights="data/pretrained",
        out=f"{tmp_path}/full/cnn",
    )
    line = _line(elsewhere.stage("train", *paths, code=2, preexec_fn=partial(_no_file_above, 4_000_000)))
    assert line.startswith("train: the disk is full (")
    assert list((tmp_path / "full").iterdir()) == []


def test_a_model_with_a_changed_byte_predicts_nothing(project: Project, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(project.root / "data/models/cnn", tmp_path / "cnn"))
    changed = bytearray((folder / "model.onnx").read_bytes())
    changed[len(changed) // 2] ^= 1
    (folder / "model.onnx").write_bytes(changed)
    said = project.run("pawtrait", "predict", "--model", str(folder), "data/raw/test/happy", code=2)
    assert _line(said).endswith(
        "model.onnx is not the file that was sealed; train or download the model again"
    )


def _bring(project: Project, source: Path, code: int = 0) -> str:
    """Fingerprint and ingest a folder."""
    project.set(ingest__source=str(source))
    project.look()
    paths = _paths(fingerprint="data/source.json", feedback="data/feedback", raw="data/raw")
    return str(project.stage("ingest", *paths, code=code))


def _validated(project: Project, source: Path, code: int = 0) -> str:
    """From a folder to the verdict on it."""
    _bring(project, source)
    project.stage("manifest", *_paths(raw="data/raw", manifest=VALIDATE["manifest"]))
    return str(project.stage("validate", *_paths(**VALIDATE), code=code))


def _paths(**paths: str) -> list[str]:
    return [word for name, path in paths.items() for word in (f"--{name}", path)]


def _line(said: str) -> str:
    """The last line, after which nothing comes; there is no traceback."""
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


def _no_file_above(size: int) -> None:
    """The operating system itself refuses to write more: a real failure at a real write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
