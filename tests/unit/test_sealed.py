"""A model's folder is believed only while its files are those that were sealed."""

import subprocess

import pytest

from pawtrait import sealed
from pawtrait.classification.predict import Classifier
from pawtrait.errors import BadModel
from pawtrait.files import sha256


def test_a_sealed_folder_gives_the_sum_of_every_file(colour_model):
    folder = colour_model()
    assert sealed.check(folder) == {name: sha256(folder / name) for name in ("model.json", "model.onnx")}


def test_the_sums_are_those_of_the_ordinary_tool(colour_model):
    folder = colour_model()
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "model.json: OK\nmodel.onnx: OK\n"


@pytest.mark.parametrize("name", ["model.onnx", "model.json"])
def test_a_changed_byte_is_refused_by_name(colour_model, name):
    folder = colour_model()
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BadModel, match=rf"{name} is not the file that was sealed"):
        Classifier.load(folder)


def test_a_missing_file_is_refused_by_name(colour_model):
    folder = colour_model()
    (folder / "model.onnx").unlink()
    with pytest.raises(BadModel, match=r"model\.onnx is missing though SHA256SUMS lists it"):
        Classifier.load(folder)


@pytest.mark.parametrize("make", ["nothing", "an empty folder", "a file"])
def test_what_is_no_model_folder_is_refused(tmp_path, make):
    path = tmp_path / "model"
    if make == "an empty folder":
        path.mkdir()
    if make == "a file":
        path.write_text("no model")
    with pytest.raises(BadModel, match="is no model folder: it has no SHA256SUMS"):
        Classifier.load(path)


def test_sums_that_do_not_list_the_network_are_refused(colour_model):
    folder = colour_model()
    (folder / "model.onnx").unlink()
    sealed.seal(folder)
    with pytest.raises(BadModel, match=r"model\.onnx"):
        Classifier.load(folder)


def test_a_sealed_file_that_is_no_network_is_refused(colour_model):
    folder = colour_model()
    (folder / "model.onnx").write_bytes(b"no network")
    sealed.seal(folder)
    with pytest.raises(BadModel, match=r"model\.onnx"):
        Classifier.load(folder)


def test_sealing_twice_changes_nothing(colour_model):
    folder = colour_model()
    before = (folder / "SHA256SUMS").read_bytes()
    sealed.seal(folder)
    assert (folder / "SHA256SUMS").read_bytes() == before


def test_facts_come_back_as_they_were_written(tmp_path):
    known = {"name": "cnn", "labels": ["happy", "sad"], "note": "größer"}
    sealed.write_facts(tmp_path, known)
    assert sealed.facts(tmp_path) == known


def test_a_changed_byte_in_the_sums_themselves_is_refused(colour_model):
    folder = colour_model()
    content = bytearray((folder / "SHA256SUMS").read_bytes())
    content[10] ^= 0x80  # no UTF-8 any more
    (folder / "SHA256SUMS").write_bytes(content)
    with pytest.raises(BadModel, match="SHA256SUMS is not the file that was sealed"):
        Classifier.load(folder)
