"""Real photographs and paintings with real weights, where they lie beside the repository."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pawtrait import params
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer import features, kernels, measures, neural, trunks

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
FILES = {
    "squeezenet": "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "vgg19_16x": "vgg19_16x_compressed_notop.h5",
}

pytestmark = pytest.mark.skipif(
    not (SHARED / "weights").is_dir() or not (SHARED / "paintings").is_dir(),
    reason="needs the weights and paintings beside the repository",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the stage weights leaves it."""
    folder = tmp_path_factory.mktemp("weights")
    known = {}
    for network, name in FILES.items():
        shutil.copyfile(SHARED / "weights" / name, folder / name)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        known[network] = {"net": network, "file": name, "sha256": digest, "origin": "mirror"}
    (folder / "weights.json").write_text(json.dumps(known))
    return folder


def picture(name: str) -> Pixels:
    path = SHARED / "paintings" / "style_content" / f"{name}.jpg"
    return images.decode(path.read_bytes(), largest_pixels=10**8, name=name)


def test_both_files_of_squeezenet_hold_the_same_kernels() -> None:
    shapes = trunks.shapes("squeezenet")
    old, new = (
        kernels.read(SHARED / "weights" / name, shapes)
        for name in (FILES["squeezenet"], "squeezenet_notop.weights.h5")
    )
    assert all((a == b).all() for name in shapes for a, b in zip(old[name], new[name], strict=True))


@pytest.mark.parametrize("network", list(FILES))
def test_a_real_photo_takes_on_a_real_paintings_manner(weights: Path, network: str) -> None:
    net = features.load(network, weights, seed=0)
    recipe = params.load(ROOT / "params.yaml").neural
    recipe = recipe.model_copy(
        update={"network": network, "side": 96, "scales": (0.5, 1.0), "steps": (30, 30)}
    )
    photo, styles = picture("lion"), [(picture("vg_starry_night"), 1.0)]
    *_, last = neural.optimise(photo, styles, net, recipe, seed=0)
    found = neural.evaluate(last.picture(), photo, styles, net, recipe)
    assert net.start == {"squeezenet": "ImageNet", "vgg19_16x": "compressed"}[network]
    assert found["style"] < 0.2
    portrait = last.picture()
    assert portrait[..., 2].mean() > portrait[..., 0].mean() + 5  # the night is blue, the lion grey


def test_van_goghs_are_nearer_to_each_other_than_to_photographs(weights: Path) -> None:
    net = features.load("squeezenet", weights, seed=0)
    paintings = [
        f"vg_{name}" for name in ("starry_night", "olive", "wheat_field", "houses", "la_cafe", "self")
    ]
    halves = [
        measures.embed(net, [images.resize(picture(one), 160) for one in paintings[i::2]]) for i in (0, 1)
    ]
    photos = [images.resize(picture(one), 160) for one in ("lion", "tubingen", "golden_gate")]
    assert measures.kid(*halves)[0] < measures.kid(halves[0], measures.embed(net, photos))[0]
