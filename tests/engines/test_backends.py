"""Which frameworks are loaded by what, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from pawtrait.errors import BadTraining
from pawtrait.stages import train, train_augmented

ROOT = Path(__file__).parents[2]

TORCH = """
import json, sys


class Without:  # a machine that holds torch and no TensorFlow: nobody finds it
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *more):
        return None if name.split(".")[0] == "tensorflow" else self.finder.find_spec(name, *more)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import numpy as np
from pathlib import Path
from pawtrait import params
from pawtrait.classification import train
from pawtrait.classification.fit import Examples, Recipe

knobs = params.load(Path("params.yaml"))
moods = np.arange(32) % 4
pixels = np.zeros((32, 32, 32, 3), np.uint8) + (moods * 60)[:, None, None, None].astype(np.uint8)
examples = Examples(pixels, np.eye(4, dtype=np.float32)[moods], np.ones(32, np.float32))
tuned = knobs.models["cnn"].model_copy(update={"epochs": 8, "augment": True})
recipe = Recipe("cnn", tuned, knobs.train.model_copy(update={"capped": False}), knobs.augment, 32, None)
trained = train.train(recipe, examples, examples, 7, "cnn on torch")
answers = train.probabilities(trained.model, pixels, 32)
import keras
print(json.dumps({
    "backend": keras.backend.backend(),
    "losses": [row.loss for row in trained.history],
    "sums": answers.sum(axis=1).tolist(),
}))
"""

SETTLED = "from pawtrait import environment; environment.settle()"
FACTS = """
import json, keras
facts = keras.config.backend(), keras.config.image_data_format(), keras.config.floatx()
print(json.dumps(facts))
"""


def told(code, forgotten=(), **environment):
    """What a Python process prints last, as JSON; it inherits all but what is ``forgotten``."""
    inherited = {name: value for name, value in os.environ.items() if name not in forgotten}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**inherited, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_network_trains_on_a_machine_that_holds_torch_and_no_tensorflow():
    found = told(TORCH, KERAS_BACKEND="torch")
    assert found["backend"] == "torch"
    assert len(found["losses"]) == 8
    assert found["losses"][-1] < found["losses"][0]
    assert found["sums"] == pytest.approx([1.0] * 32, abs=1e-5)


@pytest.mark.parametrize(
    ("stage", "name", "paths"),
    [
        (train, {"name": "cnn"}, ("arrays", "splits", "weights", "out")),
        (train_augmented, {}, ("arrays", "splits", "weights", "painter", "out")),
    ],
    ids=["train", "train_augmented"],
)
def test_the_stage_says_at_once_that_it_needs_tensorflow(tmp_path, monkeypatch, stage, name, paths):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(BadTraining, match=r"KERAS_BACKEND=torch: .*tensorflow; unset it, "):
        stage.run(**name, **dict.fromkeys(paths, tmp_path))


@pytest.fixture
def persons_home(tmp_path):
    """A home whose Keras is set up for everything that this project does not expect."""
    config = {"backend": "torch", "image_data_format": "channels_first", "floatx": "float64", "epsilon": 1e-7}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(json.dumps(config))
    return tmp_path


@pytest.mark.parametrize("settled", [SETTLED, "import tests.conftest"], ids=["stages", "tests"])
def test_a_persons_keras_json_is_not_heeded(persons_home, settled):
    forgotten = ("KERAS_BACKEND", "KERAS_HOME", "PYTEST_XDIST_WORKER")
    found = told(settled + FACTS, forgotten, HOME=str(persons_home))
    assert found == ["tensorflow", "channels_last", "float32"]


def test_a_backend_that_a_person_names_is_heeded(persons_home):
    found = told(SETTLED + FACTS, ("KERAS_HOME",), KERAS_BACKEND="torch", HOME=str(persons_home))
    assert found == ["torch", "channels_last", "float32"]


@pytest.mark.parametrize("module", ["predict", "moods"])
def test_predicting_loads_no_deep_learning_framework(module):
    frameworks = ["tensorflow", "torch", "keras", "mlflow", "pandas", "sklearn", "tf2onnx"]
    code = (
        f"import sys, json; import pawtrait.classification.{module};"
        f" print(json.dumps([name for name in {frameworks} if name in sys.modules]))"
    )
    assert told(code) == []
