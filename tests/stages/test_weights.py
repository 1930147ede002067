"""Stage weights: a checked file for each network that has one, and a list that says where each came from."""

import hashlib
import json

import pytest
import yaml

from pawtrait.adapters.weights import ADDRESSES
from pawtrait.errors import BadParams, BadWeights
from pawtrait.stages import weights

CONTENT = b"made-up weights"
NAME = ADDRESSES["mobilenet_v2"].rpartition("/")[2]


@pytest.fixture
def mirrored(workspace):
    """params.yaml that names a mirror with the file of one network, and pins its sum."""
    (workspace.root / "mirror").mkdir()
    (workspace.root / "mirror" / NAME).write_bytes(CONTENT)
    path = workspace.root / "params.yaml"
    knobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    knobs["weights"]["mirror"] = "mirror"
    knobs["weights"]["files"] = {"mobilenet_v2": [hashlib.sha256(CONTENT).hexdigest()], "resnet50": []}
    path.write_text(yaml.safe_dump(knobs), encoding="utf-8")
    return workspace


def fetched(workspace):
    out = workspace.root / "data/pretrained"
    weights.run(out=out, styles=workspace.root / "data/style_weights")
    return out, json.loads((out / "weights.json").read_text())


def test_what_the_mirror_has_is_fetched_and_what_it_lacks_is_said(mirrored, capsys):
    out, known = fetched(mirrored)
    assert (out / NAME).read_bytes() == CONTENT
    assert (known["mobilenet_v2"]["file"], known["mobilenet_v2"]["origin"]) == (NAME, "mirror")
    assert (known["resnet50"]["file"], known["resnet50"]["origin"]) == (None, "none")
    assert "none for resnet50; these networks start at random" in capsys.readouterr().err


def test_the_demos_parameters_ask_nobody(workspace):
    out, known = fetched(workspace)
    assert {one["origin"] for one in known.values()} == {"none"}
    assert [path.name for path in out.iterdir()] == ["weights.json"]


def test_what_portraits_need_lies_apart_so_that_it_retrains_no_classifier(mirrored, capsys):
    _, known = fetched(mirrored)
    styles = json.loads((mirrored.root / "data/style_weights/weights.json").read_text())
    assert set(styles) == {"vgg19", "squeezenet", "vgg19_16x", "magenta"} and not set(styles) & set(known)
    assert "without magenta there is no fast style transfer" in capsys.readouterr().err


def test_a_damaged_file_leaves_what_was_there(mirrored):
    out, before = fetched(mirrored)
    (mirrored.root / "mirror" / NAME).write_bytes(b"damaged")
    with pytest.raises(BadWeights, match="from the mirror has the SHA-256"):
        fetched(mirrored)
    assert (out / NAME).read_bytes() == CONTENT
    assert json.loads((out / "weights.json").read_text()) == before


def test_a_misspelt_source_is_refused(mirrored):
    path = mirrored.root / "params.yaml"
    path.write_text(path.read_text().replace("source: none", "source: kears"))
    with pytest.raises(BadParams, match=r"weights\.source = 'kears'"):
        fetched(mirrored)
