"""Pretrained weights: from a mirror, from their own address, or not at all; never other than pinned."""

import re
import shutil
import tarfile
import threading
from functools import partial
from hashlib import md5, sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from pawtrait import params
from pawtrait.adapters import weights
from pawtrait.adapters.sources import folders
from pawtrait.adapters.weights import Fetched
from pawtrait.errors import BadSource, BadWeights
from pawtrait.stages.export_fast import LACK

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONTENT = b"\x89HDF made-up weights" * 1000
SUM = sha256(CONTENT).hexdigest()
NAMES = {net: address.rpartition("/")[2] for net, address in weights.ADDRESSES.items()}
NET, NAME = "mobilenet_v2", NAMES["mobilenet_v2"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and counts what is asked of it."""

    asked: list[str] = []  # noqa: RUF012 - one server a test, the fixture empties it

    def log_request(self, code="-", size="-"):
        self.asked.append(f"{self.command} {self.path} {int(code)}")

    def log_error(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder that holds one file."""
    folder = tmp_path / "mirror"
    folder.mkdir(exist_ok=True)
    (folder / NAME).write_bytes(CONTENT)
    return folder


@pytest.fixture
def served(mirror):
    """The address of a server of the mirror's folder."""
    Quiet.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=mirror)) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(tmp_path, net=NET, source="none", mirror=None, pins=(SUM,)):
    into = tmp_path / "pretrained"
    into.mkdir(exist_ok=True)
    place = weights.Place(source, mirror and str(mirror), tmp_path / ".cache")
    return weights.fetch(net, pins, place, into)


def kept(tmp_path):
    root = tmp_path / "pretrained"
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_folder_is_a_mirror(tmp_path, mirror):
    assert fetch(tmp_path, mirror=mirror) == Fetched(NET, NAME, SUM, "mirror")
    assert kept(tmp_path) == {NAME: CONTENT}


def test_in_a_clone_a_relative_mirror_is_the_projects(tmp_path, mirror, monkeypatch):
    monkeypatch.setenv("PAWTRAIT_PROJECT", str(mirror.parent))
    assert fetch(tmp_path, mirror=mirror.name) == Fetched(NET, NAME, SUM, "mirror")


@pytest.mark.parametrize("ending", ["", "/"])
def test_an_address_is_a_mirror(tmp_path, served, ending):
    assert fetch(tmp_path, mirror=served + ending) == Fetched(NET, NAME, SUM, "mirror")
    assert kept(tmp_path) == {NAME: CONTENT}


def test_any_of_several_pins_will_do(tmp_path, mirror):
    assert fetch(tmp_path, mirror=mirror, pins=("0" * 64, SUM)).sha256 == SUM


def test_a_file_that_keras_own_sum_knows_is_taken_and_its_sha256_told(tmp_path, mirror):
    pin = f"md5:{md5(CONTENT, usedforsecurity=False).hexdigest()}"
    assert fetch(tmp_path, mirror=mirror, pins=(pin,)) == Fetched(NET, NAME, SUM, "mirror")


def test_a_damaged_file_is_refused_by_keras_own_sum(tmp_path, mirror):
    pin = f"md5:{md5(CONTENT, usedforsecurity=False).hexdigest()}"
    (mirror / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(BadWeights, match=f"expected {pin}"):
        fetch(tmp_path, mirror=mirror, pins=(pin,))
    assert kept(tmp_path) == {}


@pytest.mark.parametrize(
    ("section", "net", "where", "sum_"),
    [
        ("weights", "resnet50", "resnet.py", r'"resnet50": \(\s*"[0-9a-f]{32}",\s*"([0-9a-f]{32})"'),
        ("weights", "efficientnet_b0", "efficientnet.py", r'"b0": \(\s*"[0-9a-f]{32}",\s*"([0-9a-f]{32})"'),
        (
            "style_weights",
            "vgg19",
            "vgg19.py",
            r'_notop\.h5",\s*WEIGHTS_PATH_NO_TOP,\s*cache_subdir="models",\s*file_hash="([0-9a-f]{32})"',
        ),
    ],
)
def test_the_md5_that_is_pinned_is_the_installed_keras(section, net, where, sum_):
    keras = Path(find_spec("keras").origin).parent / "src/applications" / where
    (published,) = re.findall(sum_, keras.read_text())
    assert getattr(params.load(ROOT / "params.yaml"), section).files[net][-1] == f"md5:{published}"


def test_a_damaged_file_is_refused_with_both_sums_and_nothing_is_kept(tmp_path, mirror):
    damaged = bytearray(CONTENT)
    damaged[5000] ^= 1
    (mirror / NAME).write_bytes(damaged)
    with pytest.raises(BadWeights) as caught:
        fetch(tmp_path, mirror=mirror)
    said = str(caught.value)
    assert f"{NAME} from the mirror has the SHA-256 {sha256(damaged).hexdigest()}" in said
    assert f"expected {SUM}" in said
    assert kept(tmp_path) == {}


def test_a_truncated_file_on_a_server_is_refused(tmp_path, mirror, served):
    (mirror / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(BadWeights, match="from the mirror has the SHA-256"):
        fetch(tmp_path, mirror=served)
    assert kept(tmp_path) == {}


def test_a_file_without_a_pin_is_refused_and_its_sum_is_named(tmp_path, mirror):
    with pytest.raises(BadWeights, match=rf"SHA-256 {SUM}, expected a SHA-256 pinned there.*pin its sum"):
        fetch(tmp_path, mirror=mirror, pins=())


def test_a_file_that_came_to_a_mirror_is_noticed(tmp_path, mirror, served):
    for place in (str(mirror), served):
        before = weights.offered(place, [NET, "resnet50", "magenta"])
        assert list(before) == [NAME]
        (mirror / NAMES["resnet50"]).write_bytes(b"more")
        assert list(weights.offered(place, [NET, "resnet50", "magenta"])) == [NAME, NAMES["resnet50"]]
        (mirror / NAMES["resnet50"]).unlink()
        assert weights.offered(place, [NET, "resnet50", "magenta"]) == before
    saved = mirror / weights.MAGENTA_FOLDER / "variables"
    saved.mkdir(parents=True)
    (saved / "numbers").write_bytes(b"12345")
    assert weights.offered(str(mirror), [NET, "magenta"])[weights.MAGENTA_FOLDER] == 5
    assert weights.offered(None, [NET]) == {}


def test_a_mirror_that_is_not_there_is_no_mirror_without_files(tmp_path):
    with pytest.raises(BadSource, match="is no folder"):
        weights.offered(str(tmp_path / "none"), [NET])
    with pytest.raises(BadSource):
        weights.offered("http://127.0.0.1:9", [NET])


def test_with_source_none_there_are_no_weights_and_nobody_is_asked(tmp_path):
    assert fetch(tmp_path, source="none") == Fetched(NET, None, None, "none")
    assert kept(tmp_path) == {}


def test_a_mirror_without_the_file_leaves_a_network_without_weights(tmp_path, mirror):
    assert fetch(tmp_path, net="resnet50", mirror=mirror) == Fetched("resnet50", None, None, "none")


def test_a_server_without_the_file_leaves_a_network_without_weights(tmp_path, served):
    assert fetch(tmp_path, net="resnet50", mirror=served) == Fetched("resnet50", None, None, "none")
    assert all(line.endswith(" 404") for line in Quiet.asked)


def test_keras_address_is_asked_where_no_mirror_is_named(tmp_path, served, monkeypatch):
    monkeypatch.setitem(weights.ADDRESSES, NET, f"{served}/{NAME}")
    assert fetch(tmp_path, source="keras") == Fetched(NET, NAME, SUM, "keras")


@pytest.mark.parametrize("kind", ["folder", "server"])
def test_keras_address_is_asked_after_a_mirror_without_the_file(tmp_path, mirror, served, monkeypatch, kind):
    monkeypatch.setitem(weights.ADDRESSES, NET, f"{served}/{NAME}")
    (tmp_path / "empty").mkdir()
    lacking = tmp_path / "empty" if kind == "folder" else f"{served}/no/such"
    assert fetch(tmp_path, source="keras", mirror=lacking) == Fetched(NET, NAME, SUM, "keras")


def test_the_mirror_is_asked_first_and_keras_not_at_all(tmp_path, mirror, served, monkeypatch):
    monkeypatch.setitem(weights.ADDRESSES, NET, f"{served}/{NAME}")
    assert fetch(tmp_path, source="keras", mirror=mirror).origin == "mirror"
    assert Quiet.asked == []


def test_a_mirrors_damaged_file_is_not_silently_replaced_from_keras(tmp_path, mirror, served, monkeypatch):
    monkeypatch.setitem(weights.ADDRESSES, NET, f"{served}/{NAME}")
    (mirror / NAME).write_bytes(b"damaged")
    with pytest.raises(BadWeights, match="from the mirror"):
        fetch(tmp_path, source="keras", mirror=mirror)


def test_a_mirror_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(BadSource, match=r"weights\.mirror .*nowhere is no folder"):
        fetch(tmp_path, mirror=tmp_path / "nowhere")


def test_a_server_in_trouble_is_an_error_and_no_random_start(tmp_path, served, monkeypatch):
    monkeypatch.setattr(Quiet, "send_head", lambda self: self.send_error(500))
    with pytest.raises(BadSource, match="cannot be fetched"):
        fetch(tmp_path, mirror=served)


def test_a_server_that_does_not_answer_is_an_error_and_no_random_start(tmp_path, unused_address):
    with pytest.raises(BadSource, match=r"127\.0\.0\.1"):
        fetch(tmp_path, mirror=unused_address)


@pytest.fixture
def unused_address():
    """An address of this machine where nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        port = server.server_port
    return f"http://127.0.0.1:{port}"


def test_an_unknown_network_is_named_with_those_that_are_known(tmp_path):
    with pytest.raises(BadWeights, match=r"weights\.files\.vgg16: no such network; known are mobilenet_v2"):
        fetch(tmp_path, net="vgg16")


def test_the_networks_that_can_be_fetched_are_those_that_need_it():
    assert set(NAMES) == {"mobilenet_v2", "resnet50", "efficientnet_b0", "efficientnet_b5"}
    assert set(weights.STYLES) == {"vgg19", "squeezenet", "vgg19_16x"}


def test_a_file_that_only_a_mirror_has_is_not_looked_for_elsewhere(tmp_path):
    assert fetch(tmp_path, net="vgg19_16x", source="keras") == Fetched("vgg19_16x", None, None, "none")


@pytest.fixture
def saved_model(tmp_path) -> Path:
    """A mirror with a SavedModel of made-up bytes."""
    folder = tmp_path / "mirror" / weights.MAGENTA_FOLDER
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"a graph")
    (folder / "variables" / "variables.index").write_bytes(b"an index")
    return folder


def its_sum(folder):
    return folders.digest(folders.listing(folder))


def test_a_saved_model_comes_from_a_folder(tmp_path, saved_model):
    digest = its_sum(saved_model)
    found = fetch(tmp_path, net="magenta", mirror=tmp_path / "mirror", pins=(digest,))
    assert found == Fetched("magenta", "magenta", digest, "mirror")
    assert kept(tmp_path) == {
        "magenta/saved_model.pb": b"a graph",
        "magenta/variables/variables.index": b"an index",
    }


@pytest.mark.parametrize("source", ["none", "keras"])
def test_a_saved_model_comes_as_an_archive_from_an_address(
    tmp_path, saved_model, served, monkeypatch, source
):
    digest = its_sum(saved_model)
    with tarfile.open(tmp_path / "mirror" / weights.MAGENTA_ARCHIVE, "w:gz") as box:
        box.add(saved_model, ".")
    monkeypatch.setattr(weights, "MAGENTA", f"{served}/{weights.MAGENTA_ARCHIVE}")
    mirror = served if source == "none" else None
    shutil.copytree(saved_model, tmp_path / ".cache" / ".magenta.a1b2c3d4")  # a killed run's
    found = fetch(tmp_path, net="magenta", source=source, mirror=mirror, pins=(digest,))
    assert found == Fetched("magenta", "magenta", digest, "mirror" if mirror else "keras")
    assert len(kept(tmp_path)) == 2
    assert not list((tmp_path / ".cache").glob(".*"))


def test_whoever_has_to_offer_magentas_network_is_told_how_a_mirror_of_either_kind_has_it():
    for told in (README.read_text(encoding="utf-8"), LACK):
        assert weights.MAGENTA_FOLDER in told
        assert weights.MAGENTA_ARCHIVE in told


def test_a_saved_model_with_a_changed_byte_is_refused(tmp_path, saved_model):
    digest = its_sum(saved_model)
    (saved_model / "saved_model.pb").write_bytes(b"another")
    with pytest.raises(BadWeights, match=rf"style_weights\.files\.magenta: .* expected {digest}"):
        fetch(tmp_path, net="magenta", mirror=tmp_path / "mirror", pins=(digest,))
    assert kept(tmp_path) == {}


def test_without_a_mirror_there_is_no_saved_model(tmp_path):
    assert fetch(tmp_path, net="magenta") == Fetched("magenta", None, None, "none")
