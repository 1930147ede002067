"""From a network to files that give the same answers."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import onnx
import pytest

from pawtrait.classification import export, nets, predict, probe
from pawtrait.errors import BadModel

PROBES = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
SLOW = pytest.mark.slow


def build(net, weights=None, side=32):
    keras.utils.set_random_seed(3)
    return nets.build(net, side, 4, weights, None, "native")


def answers(path, pixels):
    return predict.run(predict.session(path), pixels)


@pytest.fixture(scope="module")
def cnn():
    return build("cnn")


@pytest.mark.parametrize(
    "net",
    [
        "cnn",
        "deep_cnn",
        pytest.param("mobilenet_v2", marks=SLOW),
        pytest.param("resnet50", marks=SLOW),
        pytest.param("efficientnet_b0", marks=SLOW),
        pytest.param("efficientnet_b5", marks=SLOW),
    ],
)
def test_onnx_gives_the_networks_own_answers(net, tmp_path):
    model = build(net)
    parity = export.save_onnx(model, tmp_path / "model.onnx", PROBES)
    expected = np.array(model(PROBES.astype(np.float32), training=False))
    difference = np.abs(answers(tmp_path / "model.onnx", PROBES) - expected).max()
    assert parity == pytest.approx(difference, abs=1e-6)
    assert parity < 1e-5


def test_the_network_answers_on_the_processor_whatever_it_was_trained_on(cnn, tmp_path, monkeypatch):
    """A GPU of today rounds to TF32: the export would be measured by answers that are off themselves."""
    entered, device = [], export.tf.device
    monkeypatch.setattr(export.tf, "device", lambda name: entered.append(name) or device(name))
    export.save_onnx(cnn, tmp_path / "model.onnx", PROBES)
    assert "CPU:0" in entered


@pytest.mark.parametrize(
    "net",
    [
        "mobilenet_v2",
        pytest.param("efficientnet_b0", marks=SLOW),
        pytest.param("resnet50", marks=SLOW),
    ],
)
def test_a_loaded_trunk_keeps_its_values_on_the_way(net, tmp_path, made_up_weights):
    model = build(net, made_up_weights(net))
    assert export.save_onnx(model, tmp_path / "model.onnx", PROBES) < 1e-4
    export.save_keras(model, tmp_path / "model.keras")
    again = np.array(keras.models.load_model(tmp_path / "model.keras")(PROBES.astype(np.float32)))
    assert np.abs(answers(tmp_path / "model.onnx", PROBES) - again).max() < 1e-4


def test_weights_too_large_for_the_converter_arrive_too(tmp_path):
    model = build("cnn", side=96)  # its first dense layer has 4.5 million numbers
    probes = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), np.uint8)
    assert export.save_onnx(model, tmp_path / "model.onnx", probes) < 1e-5
    (entry,) = onnx.load(tmp_path / "model.onnx").graph.input
    assert entry.name == "pixels"


def test_the_linear_probe_is_exported_as_the_others_are(tmp_path):
    frozen = probe.features(32, None, "native")
    rng = np.random.default_rng(2)
    model = probe.assemble(frozen, rng.normal(0, 1, (192, 4)).astype(np.float32), np.zeros(4, np.float32))
    assert export.save_onnx(model, tmp_path / "model.onnx", PROBES) < 1e-5


def test_the_exported_file_takes_any_number_of_pictures(cnn, tmp_path):
    path = tmp_path / "model.onnx"
    export.save_onnx(cnn, path, PROBES)
    together = answers(path, PROBES)
    assert together.shape == (3, 4)
    assert np.allclose(np.concatenate([answers(path, PROBES[i : i + 1]) for i in range(3)]), together)
    assert answers(path, np.repeat(PROBES, 5, axis=0)).shape == (15, 4)


def test_input_and_output_have_the_names_and_types_that_serving_expects(cnn, tmp_path):
    export.save_onnx(cnn, tmp_path / "model.onnx", PROBES)
    session = predict.session(tmp_path / "model.onnx")
    (entry,), (way_out,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape) == ("pixels", "tensor(float)", ["N", 32, 32, 3])
    assert (way_out.name, way_out.shape) == ("probabilities", ["N", 4])


def test_a_network_that_answers_nan_is_refused_and_no_file_stays(tmp_path):
    model = build("cnn")
    dense = model.get_layer("probabilities")
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel, np.full_like(bias, np.nan)])
    with pytest.raises(BadModel, match=r"ONNX and Keras differ by nan on 3 probe pictures"):
        export.save_onnx(model, tmp_path / "model.onnx", PROBES)
    assert list(tmp_path.iterdir()) == []


@keras.saving.register_keras_serializable("tests")
class Moody(keras.layers.Layer):
    """Answers otherwise each time it is traced, as a layer with hidden state does."""

    calls = 0

    def call(self, x):
        Moody.calls += 1
        return x + Moody.calls * keras.ops.one_hot(0, 4)


def test_a_converted_graph_that_differs_is_refused(tmp_path):
    pixels = keras.Input((32, 32, 3), name="pixels")
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    logits = keras.layers.Dense(4)(features)
    model = keras.Model(pixels, keras.layers.Softmax()(Moody()(logits)))
    with pytest.raises(BadModel, match=r"at most 0\.001 is allowed"):
        export.save_onnx(model, tmp_path / "model.onnx", PROBES)
    assert not (tmp_path / "model.onnx").exists()


def test_the_same_weights_saved_twice_give_the_same_bytes(cnn, tmp_path):
    for name in ("a.keras", "b.keras"):
        export.save_keras(cnn, tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_a_saved_network_comes_back_with_its_answers(cnn, tmp_path):
    export.save_keras(cnn, tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    floats = PROBES.astype(np.float32)
    assert np.array_equal(np.array(again(floats)), np.array(cnn(floats)))


def test_the_optimizers_state_and_the_time_stay_out_of_the_file(tmp_path):
    model = build("cnn")
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(PROBES.astype(np.float32), np.eye(4, dtype=np.float32)[:3], verbose=0)
    export.save_keras(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "date_saved" not in json.loads(archive.read("metadata.json"))
        size = sum(entry.file_size for entry in archive.infolist())
    assert size < 4 * model.count_params() * 1.2  # bytes; Adam's state would treble them


RETELL = """
import hashlib, sys
from pathlib import Path
import keras, numpy as np
from pawtrait.classification import export, nets
keras.utils.set_random_seed(3)
model = nets.build("mobilenet_v2", 32, 4, None, None, "native")
folder = Path(sys.argv[1])
export.save_onnx(model, folder / "model.onnx", np.zeros((1, 32, 32, 3), np.uint8))
export.save_keras(model, folder / "model.keras")
"""


@SLOW
def test_two_processes_write_the_same_bytes_whatever_their_hashes(tmp_path):
    sums = []
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": name}
        subprocess.run([sys.executable, "-c", RETELL, str(tmp_path / name)], env=environment, check=True)
        files = sorted((tmp_path / name).iterdir())
        sums.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
    assert set(sums[0]) == {"model.keras", "model.onnx"}
    assert sums[0] == sums[1]


def test_constants_that_the_converter_merges_at_random_give_the_same_bytes(tmp_path):
    pixels = x = keras.Input((32, 32, 3), name="pixels")
    for _ in range(6):
        x = keras.layers.ReLU(6.0)(keras.layers.Conv2D(4, 3)(x))  # each brings its own 0 and 6
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Dense(4, activation="softmax")(x))
    contents = set()
    for index in range(3):
        export.save_onnx(model, tmp_path / f"{index}.onnx", PROBES)
        contents.add((tmp_path / f"{index}.onnx").read_bytes())
    assert len(contents) == 1
