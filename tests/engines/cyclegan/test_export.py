"""Generators on disk: the same pictures in ONNX at any size, the same bytes again, every weight kept."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from pawtrait.errors import BadModel
from pawtrait.style_transfer.cyclegan import export, networks

FILES = [
    "discriminators.safetensors",
    "generators.safetensors",
    "painting_to_photo.onnx",
    "photo_to_painting.onnx",
]


@pytest.fixture(scope="module")
def nets():
    """Networks with weights that paint more than grey."""
    made = networks.build(6, 2, 4, 3)
    for parameter in made.generators():
        parameter.data *= 5
    return made


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(nets, photos, tmp_path_factory):
    made = tmp_path_factory.mktemp("painter")
    export.save(nets, made, photos)
    return made


def test_four_files_are_written_and_parity_is_told_for_both_painters(nets, photos, tmp_path):
    parity = export.save(nets, tmp_path, photos)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert sorted(parity) == ["painting_to_photo", "photo_to_painting"]
    assert all(0 < difference < 0.01 for difference in parity.values())


@pytest.mark.parametrize(("name", "stem"), [("netG_A", "photo_to_painting"), ("netG_B", "painting_to_photo")])
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 20, 64), (1, 8, 8)])
def test_onnx_paints_what_torch_paints_at_any_size(nets, folder, name, stem, shape):
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(folder / f"{stem}.onnx", providers=["CPUExecutionProvider"])
    (painted,) = session.run(["painted"], {"pixels": pixels.astype(np.float32)})
    assert painted.dtype == np.float32 and painted.shape == pixels.shape
    with torch.no_grad():
        expected = nets.named()[name](networks.to_network(pixels, torch.device("cpu")))
    assert np.abs(networks.from_network(expected).astype(float) - painted).max() < 0.51
    assert painted.std() > 5


def test_onnx_names_its_free_axes_and_passes_the_checker(folder):
    graph = onnx.load(folder / "photo_to_painting.onnx")
    onnx.checker.check_model(graph, full_check=True)
    for entry in (graph.graph.input[0], graph.graph.output[0]):
        axes = [axis.dim_param or axis.dim_value for axis in entry.type.tensor_type.shape.dim]
        assert axes == ["B", "H", "W", 3]


def test_the_same_weights_give_the_same_bytes(nets, photos, folder, tmp_path):
    export.save(nets, tmp_path, photos)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_exporting_leaves_the_networks_as_they_were(nets, photos, tmp_path):
    before = copy.deepcopy(nets.netG_A.state_dict())
    export.save(nets, tmp_path, photos)
    assert all(torch.equal(before[key], tensor) for key, tensor in nets.netG_A.state_dict().items())
    assert nets.netG_A.training and all(parameter.requires_grad for parameter in nets.generators())


def test_the_weights_of_every_network_are_kept_under_its_name(nets, folder):
    kept = load_file(folder / "generators.safetensors") | load_file(folder / "discriminators.safetensors")
    trained = {
        f"{name}/{key}": one for name, net in nets.named().items() for key, one in net.state_dict().items()
    }
    assert kept.keys() == trained.keys() and all(torch.equal(kept[key], trained[key]) for key in kept)


def test_a_painter_that_differs_in_onnx_is_not_written(nets, photos, tmp_path):
    broken = networks.build(6, 2, 4, 3)
    broken.netG_A[1].weight.data.fill_(float("nan"))
    with pytest.raises(BadModel, match="differ by nan"):
        export.save(broken, tmp_path, photos)
    assert not (tmp_path / "photo_to_painting.onnx").exists()


def test_one_photo_that_comes_out_as_no_number_is_enough_to_refuse(nets, photos, tmp_path, monkeypatch):
    apart = iter([0.01, float("nan")])
    monkeypatch.setattr(export, "_difference", lambda *given: next(apart))
    with pytest.raises(BadModel, match="differ by nan"):
        export.save(nets, tmp_path, photos)
