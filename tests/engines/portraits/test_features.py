"""The maps are those of Keras, whatever the layout of the file; damage is named in one line."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch
from keras.src.legacy.saving import legacy_h5_format

from pawtrait.errors import BadParams, BadWeights
from pawtrait.files import sha256
from pawtrait.style_transfer import features, trunks

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "weights"
SIDES = (75, 64)  # neither even nor square
LEGACY = "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"


def folder_with(network: str, file: Path | None, folder: Path) -> Path:
    """A folder as the stage weights leaves it."""
    folder.mkdir(exist_ok=True)
    if file and file.parent != folder:
        (folder / file.name).write_bytes(file.read_bytes())
    known = {"net": network, "file": file and file.name, "sha256": file and sha256(file), "origin": "mirror"}
    (folder / "weights.json").write_text(json.dumps({network: known}))
    return folder


def keras_squeezenet() -> keras.Model:
    """SqueezeNet 1.1 spelt out in Keras."""
    layers = keras.layers
    x = pixels = layers.Input((*SIDES, 3))
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(3, 2)(x)
    wide = {"2": (16, 64), "3": (16, 64), "4": (32, 128), "5": (32, 128), "6": (48, 192), "7": (48, 192)}
    for number, (squeeze, expand) in (wide | {"8": (64, 256), "9": (64, 256)}).items():
        name = f"fire{number}"
        down = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
        left = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(down)
        right = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}_expand3x3")(down)
        x = layers.Concatenate(name=name)([left, right])
        if number in "35":
            x = layers.MaxPooling2D(3, 2)(x)
    return keras.Model(pixels, x)


def shake(model: keras.Model) -> None:
    """Biases that no fresh network has."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 5, bias.shape)])


def write_legacy(model: keras.Model, path: Path) -> None:
    """The layout of the files that Keras downloads; SqueezeNet's layers have a slash in their names there."""
    with h5py.File(path, "w") as file:
        for layer in model.layers:
            if layer.weights:
                group = file.create_group(layer.name.replace("_s", "/s").replace("_e", "/e"))
                group.attrs["weight_names"] = [b"kernel:0", b"bias:0"]
                for name, value in zip(("kernel:0", "bias:0"), layer.get_weights(), strict=True):
                    group[name] = value


def assert_same_maps(model: keras.Model, ours: features.Features) -> None:
    """Every layer of ours gives what Keras gives, to a ten-thousandth of the largest value."""
    pixels = np.random.default_rng(4).uniform(0, 255, (1, *SIDES, 3)).astype(np.float32)
    names = [name for name in trunks.layers(ours.network) if name != trunks.PIXELS]
    theirs = keras.Model(model.inputs, [model.get_layer(name).output for name in names])(
        [keras.applications.vgg19.preprocess_input(pixels.copy())]
    )
    maps = ours(torch.from_numpy(pixels / 255).permute(0, 3, 1, 2), names)
    for name, expected in zip(names, theirs, strict=True):
        found, wanted = maps[name].permute(0, 2, 3, 1).numpy(), np.asarray(expected)
        assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max(), name


def test_squeezenet_is_keras_squeezenet_in_both_layouts_of_file(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    model = keras_squeezenet()
    shake(model)
    new, old = tmp_path / "squeezenet.weights.h5", tmp_path / LEGACY
    model.save_weights(new)
    write_legacy(model, old)
    for file in (new, old):
        ours = features.load("squeezenet", folder_with("squeezenet", file, tmp_path), seed=0)
        assert ours.start == "ImageNet"
        assert_same_maps(model, ours)


def test_vgg19_is_keras_vgg19(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    model = keras.applications.VGG19(weights=None, include_top=False, input_shape=(*SIDES, 3))
    shake(model)
    file = tmp_path / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(file, "w") as stream:
        legacy_h5_format.save_weights_to_hdf5_group(stream, model)
    assert_same_maps(model, features.load("vgg19", folder_with("vgg19", file, tmp_path), seed=0))


def test_dead_channels_of_the_compressed_network_are_dropped_and_nothing_else(tmp_path: Path) -> None:
    whole = trunks.shapes("vgg19")
    rng = np.random.default_rng(6)
    file = tmp_path / "vgg19_16x_compressed_notop.h5"
    with h5py.File(file, "w") as stream:
        ins = 3
        for name in trunks.shapes("vgg19_16x"):
            outs = whole[name][3] // 16
            kernel, bias = np.zeros(whole[name], np.float32), np.zeros(whole[name][3], np.float32)
            kernel[:, :, :ins, :outs] = rng.normal(0, np.sqrt(2 / (9 * ins)), (3, 3, ins, outs))
            bias[:outs] = 1
            group = stream.create_group(name)
            group.attrs["weight_names"] = [b"kernel:0", b"bias:0"]
            group["kernel:0"], group["bias:0"] = kernel, bias
            ins = outs
    ours = features.load("vgg19_16x", folder_with("vgg19_16x", file, tmp_path), seed=0)
    maps = ours(torch.rand(1, 3, 32, 32), ["block1_conv1", "block5_conv1"])
    assert ours.start == "compressed"
    assert [one.shape[1] for one in maps.values()] == [4, 32]
    assert all(bool((one > 0).any()) for one in maps.values())


def test_without_a_file_the_seed_decides_the_weights(tmp_path: Path) -> None:
    folder = folder_with("squeezenet", None, tmp_path)
    pixels = torch.rand(1, 3, 40, 40)
    first, again, other = (
        features.load("squeezenet", one, seed)(pixels, ["fire2"])["fire2"]
        for one, seed in ((folder, 1), (None, 1), (folder, 2))
    )
    assert features.load("squeezenet", folder, 1).start == "random start"
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("network", ["vgg19_16x", "squeezenet"])
def test_random_maps_keep_their_magnitude_to_the_last_layer(network: str) -> None:
    layers = trunks.layers(network)[1:]
    maps = features.load(network, None, seed=1)(torch.rand(1, 3, 64, 64), layers)
    means = [float(one.mean()) for one in maps.values()]
    assert max(means) < 10 * min(means)
    assert min(means) > 0.05 and max(means) < 5  # of about 1, as kernel distances want them


def test_nothing_is_computed_beyond_the_deepest_layer_asked_for(squeezenet: features.Features) -> None:
    shallow = features.Features("squeezenet", "cut", {"conv1": squeezenet.weights["conv1"]})
    assert list(shallow(torch.rand(1, 3, 32, 32), ["conv1", "pixels"])) == ["pixels", "conv1"]


def test_bfloat16_maps_are_the_float32_ones_to_a_hundredth(squeezenet: features.Features) -> None:
    pixels = torch.rand(1, 3, 48, 48)
    exact, short = (net(pixels, ["fire4"])["fire4"] for net in (squeezenet, squeezenet.to("bf16")))
    assert short.dtype == torch.bfloat16
    assert float((exact - short.float()).abs().max()) < 0.02 * float(exact.max())


def test_an_unknown_layer_or_network_is_named(squeezenet: features.Features) -> None:
    with pytest.raises(BadParams, match="no layer block9; it has pixels, conv1"):
        squeezenet(torch.rand(1, 3, 32, 32), ["block9"])
    with pytest.raises(BadParams, match=r"neural\.network is resnet, expected one of vgg19"):
        features.load("resnet", None, 0)


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:4000])


def _foreign(file: Path) -> None:
    with h5py.File(file, "w") as stream:
        stream.create_group("dense")


def _misshapen(file: Path) -> None:
    with h5py.File(file, "w") as stream:
        group = stream.create_group("conv1")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = np.zeros((3, 3, 3, 32)), np.zeros(32)


def _nan(file: Path) -> None:
    with h5py.File(file, "w") as stream:
        group = stream.create_group("conv1")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = np.full((3, 3, 3, 64), np.nan), np.zeros(64)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_truncated, "is no readable HDF5 file; fetch the weights again"),
        (_foreign, "lacks the layer conv1; it holds another network's weights"),
        (_misshapen, r"conv1 has the shapes \[\(3, 3, 3, 32\), \(32,\)\], expected"),
        (_nan, "conv1 holds values that are no numbers"),
    ],
)
def test_a_file_that_is_not_the_networks_is_refused(tmp_path: Path, damage: Any, said: str) -> None:
    file = tmp_path / LEGACY
    with h5py.File(file, "w") as stream:
        stream["filler"] = np.zeros(5000)
    damage(file)
    with pytest.raises(BadWeights, match=said):
        features.load("squeezenet", folder_with("squeezenet", file, tmp_path), 0)


def test_a_file_that_changed_since_the_stage_is_refused(tmp_path: Path) -> None:
    file = tmp_path / LEGACY
    file.write_bytes(b"as fetched")
    folder = folder_with("squeezenet", file, tmp_path)
    file.write_bytes(b"as found")
    with pytest.raises(BadWeights, match=r"is not the file that weights\.json names"):
        features.load("squeezenet", folder, 0)


def test_a_folder_of_another_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=r"does not say what squeezenet has; list it in style_weights"):
        features.load("squeezenet", tmp_path, 0)
