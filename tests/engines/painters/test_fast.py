"""Magenta's network, cut in two and exported; the only tests of painters that load TensorFlow."""

import functools
import http.server
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorflow as tf

from pawtrait import sealed
from pawtrait.dataset import images
from pawtrait.errors import BadModel, BadWeights
from pawtrait.style_transfer import fast, identities, runners
from pawtrait.style_transfer.painter import FastPainter

SHARED = Path(__file__).parents[4] / "shared"
MAGENTA = SHARED / "weights" / "magenta_stylization" / "saved_model"
PAINTINGS = SHARED / "paintings" / "style_content"
HAVE = pytest.mark.skipif(not MAGENTA.is_dir(), reason="../shared/weights/magenta_stylization is not here")

PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32)
RNG = np.random.default_rng(4)


def weights(*shape):
    return tf.Variable(RNG.normal(0, 0.1, shape).astype(np.float32))


class Small(tf.Module):
    """The published design in a few layers; inputs, outputs and names are unlike those of the one at hand."""

    def __init__(self, flat):
        super().__init__()
        self.flat = flat  # the vector as (B, 100) or as (B, 1, 1, 100)
        self.look, self.sum_up = weights(3, 3, 3, 8), weights(1, 1, 8, 100)
        self.gamma, self.beta, self.kernel = weights(100, 4), weights(100, 4), weights(3, 3, 3, 4)
        self.last = weights(9, 9, 4, 3)

    @tf.function(input_signature=[PICTURES, PICTURES])
    def __call__(self, placeholder, placeholder_1):
        features = tf.nn.relu(tf.nn.conv2d(placeholder_1, self.look, 2, "SAME"))
        mean = tf.reduce_mean(features, [1, 2], keepdims=True)
        vector = tf.nn.conv2d(mean, self.sum_up, 1, "SAME")
        if self.flat:
            vector = vector[:, 0, 0]
        return [self.paint(placeholder, vector)]

    def paint(self, content, vector):
        gamma, beta = (
            tf.reshape(tf.matmul(tf.reshape(vector, (-1, 100)), one), (-1, 1, 1, 4))
            for one in (self.gamma, self.beta)
        )
        small = tf.nn.conv2d(content, self.kernel, 2, "SAME")
        mean, variance = tf.nn.moments(small, [1, 2], keepdims=True)
        styled = tf.nn.relu(tf.nn.batch_normalization(small, mean, variance, beta, 1 + gamma, 1e-5))
        size = 2 * tf.shape(styled)[1:3]
        doubled = tf.pad(
            tf.image.resize(styled, size, "nearest"), [[0, 0], [4, 4], [4, 4], [0, 0]], "REFLECT"
        )
        return tf.sigmoid(tf.nn.conv2d(doubled, self.last, 1, "VALID"))


class Leaky(Small):
    """Some of the style passes beside the vector."""

    def paint(self, content, vector):
        return super().paint(content + 0.1 * self.leak, vector)

    @tf.function(input_signature=[PICTURES, PICTURES])
    def __call__(self, placeholder, placeholder_1):
        self.leak = tf.reduce_mean(placeholder_1, [1, 2], keepdims=True)
        return super().__call__.python_function(placeholder, placeholder_1)


class Single(tf.Module):
    """No painter: one picture in, one out."""

    @tf.function(input_signature=[PICTURES])
    def __call__(self, picture):
        return picture


def saved(module, folder):
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return saved(Small(flat=False), tmp_path_factory.mktemp("small") / "saved_model")


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    facts = fast.export(small, folder, side=32)
    sealed.write_facts(folder, facts)
    sealed.seal(folder)
    return folder


@pytest.fixture(scope="module")
def magenta(tmp_path_factory):
    folder = tmp_path_factory.mktemp("magenta")
    sealed.write_facts(folder, fast.export(MAGENTA, folder, side=256))
    sealed.seal(folder)
    return folder


def blots(*shape):
    return tf.constant(RNG.uniform(0, 255, shape).astype(np.float32))


@pytest.mark.parametrize("flat", [True, False], ids=["(B, 100)", "(B, 1, 1, 100)"])
def test_the_two_parts_paint_what_the_whole_paints(flat, tmp_path):
    network = fast.load(saved(Small(flat), tmp_path / "saved_model"))
    content, style = blots(2, 32, 48, 3), blots(2, 40, 40, 3)
    vector = network.style(style)
    assert vector.shape == (2, 100)
    assert np.abs(network.transformer(content, vector) - network.whole(content, style)).max() < 1e-3


def test_the_whole_is_the_published_function_on_a_pooled_style(small):
    content, style = blots(1, 32, 32, 3), blots(1, 16, 16, 3)
    pooled = tf.nn.avg_pool2d(style / 255, 3, 1, "SAME")
    expected = 255 * tf.saved_model.load(str(small))(content / 255, pooled)[0]
    assert np.abs(fast.load(small).whole(content, style) - expected).max() < 1e-3


def test_exported_files_take_any_size_and_any_number_of_pictures(exported):
    look, paint = (runners.open_file(exported / name, "onnxruntime", 1) for name in fast.painter.FAST)
    for count, height, width in ((1, 32, 32), (3, 44, 64)):
        pixels = blots(count, height, width, 3).numpy()
        vector = look({"pixels": pixels})
        assert vector.shape == (count, 100)
        assert paint({"pixels": pixels, "vector": vector}).shape == pixels.shape


def test_inputs_and_outputs_have_the_names_that_painters_expect(exported):
    def axes(entry):
        return entry.name, [axis.dim_param or axis.dim_value for axis in entry.type.tensor_type.shape.dim]

    style, transformer = (onnx.load(exported / name).graph for name in fast.painter.FAST)
    pictures = ["B", "H", "W", 3]
    assert [axes(one) for one in style.input] == [("pixels", pictures)]
    assert [axes(one) for one in style.output] == [("vector", ["B", 100])]
    assert [axes(one) for one in transformer.input] == [("pixels", pictures), ("vector", ["B", 100])]
    assert [axes(one) for one in transformer.output] == [("painted", pictures)]


def test_the_facts_hold_what_was_measured(exported):
    facts = sealed.facts(exported)
    assert (facts["kind"], facts["side"], facts["lightened"]) == ("fast", 32, True)
    assert 0 < facts["parity"] < 0.01
    numbers = 3 * 3 * 3 * 8 + 8 * 100 + 2 * 100 * 4 + 3 * 3 * 3 * 4 + 9 * 9 * 4 * 3
    assert numbers <= facts["parameters"] <= numbers + 20  # a few constants, such as 1/255


def test_the_whole_answers_on_the_processor_whatever_else_there_is(small, tmp_path, monkeypatch):
    """A GPU of today rounds to TF32: right files would be measured by answers that are off themselves."""
    entered, device = [], fast.tf.device
    monkeypatch.setattr(fast.tf, "device", lambda name: entered.append(name) or device(name))
    fast.export(small, tmp_path, side=32)
    assert "CPU:0" in entered


def test_the_same_weights_exported_twice_give_the_same_bytes(small, exported, tmp_path):
    fast.export(small, tmp_path, side=32)
    for name in fast.painter.FAST:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes()


def test_another_size_of_the_style_is_another_painter(small, exported, tmp_path):
    """By its transformer the registry knows a painter."""
    fast.export(small, tmp_path, side=16)
    transformer = fast.painter.FAST[1]
    assert (tmp_path / transformer).read_bytes() != (exported / transformer).read_bytes()


def test_where_the_lighter_graph_differs_the_plain_one_is_kept(small, tmp_path, monkeypatch):
    def spoil(model):
        (node,) = [node for node in model.graph.node if node.op_type == "Sigmoid"]
        node.op_type = "Relu"

    monkeypatch.setattr(identities, "lighten", spoil)
    facts = fast.export(small, tmp_path, side=32)
    assert not facts["lightened"]
    assert facts["parity"] < 0.01


def test_parts_that_paint_otherwise_are_refused_and_no_file_stays(small, tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "PARITY", -1.0)
    with pytest.raises(BadModel, match=r"differ by .* grey levels on the probe pictures"):
        fast.export(small, tmp_path, side=32)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["nothing", "no model", "no folder"])
def test_what_is_no_savedmodel_is_refused(content, tmp_path):
    folder = tmp_path / "saved_model"
    if content != "no folder":
        folder.mkdir()
    if content == "no model":
        (folder / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(BadWeights, match="no SavedModel that takes a content and a style picture"):
        fast.load(folder)


def test_another_kind_of_network_is_refused(tmp_path):
    with pytest.raises(BadWeights, match="no SavedModel that takes a content and a style picture"):
        fast.load(saved(Single(), tmp_path / "saved_model"))


def test_a_network_whose_style_passes_beside_the_vector_is_refused(tmp_path):
    with pytest.raises(BadWeights, match="100 numbers that all of the style passes, found none"):
        fast.load(saved(Leaky(flat=False), tmp_path / "saved_model"))


@pytest.fixture
def mirror(small, tmp_path):
    """The address of a server on this machine that has the network as an archive."""
    with tarfile.open(tmp_path / "network.tar.gz", "w:gz") as archive:
        archive.add(small, ".")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/network.tar.gz"
        server.shutdown()


def test_a_network_comes_from_a_mirrors_address(mirror, small, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    content, style = blots(1, 32, 32, 3), blots(1, 16, 16, 3)
    assert np.array_equal(fast.load(mirror).whole(content, style), fast.load(small).whole(content, style))


def test_a_mirror_without_network_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(BadWeights, match=r"^http://127\.0\.0\.1:9/network\.tar\.gz: no SavedModel"):
        fast.load("http://127.0.0.1:9/network.tar.gz")


def test_a_cut_file_of_weights_is_refused(small, tmp_path):
    folder = tmp_path / "saved_model"
    shutil.copytree(small, folder)
    (values,) = (folder / "variables").glob("*.data-*")
    values.write_bytes(values.read_bytes()[:100])
    with pytest.raises(BadWeights, match="fetch it again"):
        fast.load(folder)


def picture(name, side):
    file = next(path for path in sorted(PAINTINGS.iterdir()) if name in path.name)
    return images.fit(images.decode(file.read_bytes(), largest_pixels=10**8, name=name), side)


@HAVE
def test_the_published_network_is_the_same_in_two_parts(magenta):
    facts = sealed.facts(magenta)
    assert facts["lightened"]
    assert facts["parity"] < 0.01
    assert facts["parameters"] == pytest.approx(2.51e6, rel=0.01)


@HAVE
@pytest.mark.skipif(not PAINTINGS.is_dir(), reason="../shared/paintings/style_content is not here")
def test_a_portrait_leaves_the_photo_as_strength_grows(magenta):
    painter = FastPainter.load(magenta, engine="onnxruntime", threads=1)
    names = sorted(path.name for path in PAINTINGS.iterdir() if path.suffix in (".jpg", ".png"))
    photo, style = picture(names[0], 131), picture(names[-1], 256)
    own = painter.paint_like(photo, style, 0.0, side=256).astype(float)
    away = [
        np.abs(painter.paint_like(photo, style, strength, side=256) - own).mean()
        for strength in (0.3, 0.6, 1.0)
    ]
    assert 0 < away[0] < away[1] < away[2]
    assert away[2] > 5
