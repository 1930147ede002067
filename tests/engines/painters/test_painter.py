"""Photos of any size, painted by exported networks."""

import importlib.util
import json
import resource
import subprocess
import sys

import numpy as np
import pytest

from pawtrait import sealed
from pawtrait.errors import BadImage, BadModel, BadParams
from pawtrait.style_transfer import painter, runners, vectors
from pawtrait.style_transfer.painter import CycleGanPainter, FastPainter

NO_OPENVINO = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino, an extra, is not installed"
)


def noise(height, width):
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def plain(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


def vector_of(red, green, blue):
    return np.array([[red, green, blue, *[0] * 97]], np.float32)


@pytest.fixture
def fast(fast_folder):
    return FastPainter.load(fast_folder, engine="onnxruntime", threads=1)


@pytest.fixture
def cyclegan(cyclegan_folder):
    return CycleGanPainter.load(cyclegan_folder, engine="onnxruntime", threads=1)


def test_a_style_is_summed_up_by_the_square_in_its_middle(fast):
    painting = plain(40, 120, 0)
    painting[:, 40:80] = 10, 20, 30
    assert np.allclose(fast.vector(painting), vector_of(10, 20, 30))
    assert fast.vector(painting).dtype == np.float32


def test_a_photo_takes_the_style_and_keeps_its_size(fast):
    photo = noise(90, 70)
    painted = fast.paint(photo, vector_of(10, 0, -5), side=256)
    assert painted.dtype == np.uint8
    assert np.array_equal(painted, np.clip(photo + np.array([10, 0, -5]), 0, 255))


def test_strength_mixes_the_two_pictures_vectors(fast):
    photo, style = plain(64, 64, (100, 100, 100)), plain(64, 64, (20, 40, 60))
    for strength, added in ((1.0, (20, 40, 60)), (0.25, (80, 85, 90)), (0.0, (100, 100, 100))):
        painted = fast.paint_like(photo, style, strength, side=64)
        assert painted[0, 0].tolist() == [100 + value for value in added]


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(fast, strength):
    with pytest.raises(BadParams, match="expected 0, the photo's own style, to 1"):
        fast.paint_like(noise(8, 8), noise(8, 8), strength, side=64)


def test_styles_mix_by_their_weights():
    mixed = painter.mix([vector_of(0, 0, 90), vector_of(30, 0, 0)], [1, 2])
    assert np.allclose(mixed, vector_of(20, 0, 30))
    assert (mixed.dtype, mixed.shape) == (np.float32, (1, 100))


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [1.0, -1.0], [float("nan"), 1.0], []])
def test_weights_that_make_no_mean_are_refused(weights):
    with pytest.raises(BadParams, match="weight"):
        painter.mix([vector_of(1, 1, 1)] * 2, weights)


@pytest.mark.parametrize("size", [(64, 64), (65, 66), (67, 300), (30, 30), (1, 1), (3, 500), (700, 2)])
def test_a_picture_of_any_size_comes_back_in_its_size(cyclegan, size):
    assert cyclegan.paint(noise(*size), side=128).shape == (*size, 3)


def test_the_generator_that_portraits_do_not_need_is_opened_with_the_first_wish(cyclegan_folder, monkeypatch):
    opened, open_file = [], painter.runners.open_file
    monkeypatch.setattr(
        painter.runners, "open_file", lambda path, *more: opened.append(path.name) or open_file(path, *more)
    )
    gan = painter.CycleGanPainter.load(cyclegan_folder)
    gan.paint(noise(64, 64), side=64)
    assert opened == ["photo_to_painting.onnx"]
    for _ in range(2):
        gan.back(noise(64, 64), side=64)
    assert opened == ["photo_to_painting.onnx", "painting_to_photo.onnx"]


def test_within_the_side_no_pixel_is_lost(cyclegan):
    photo = noise(67, 129)
    assert np.array_equal(cyclegan.paint(photo, side=256), 255 - photo)
    assert np.array_equal(cyclegan.back(cyclegan.paint(photo, side=256), side=256), photo)


def test_a_large_photo_is_painted_small_and_enlarged_again(cyclegan):
    photo = plain(2_000, 10_000, 0)
    photo[:, 5_000:] = 200
    painted = cyclegan.paint(photo, side=100)
    assert painted.shape == photo.shape
    assert painted[1_000, 100].tolist() == [255] * 3
    assert painted[1_000, 9_900].tolist() == [55] * 3


def test_the_working_size_keeps_to_the_side_and_enlarges_what_is_tiny():
    assert painter.working_size(3_000, 4_000, 1_024) == (768, 1_024)
    assert painter.working_size(300, 400, 1_024) == (300, 400)
    assert painter.working_size(30, 30, 1_024) == (64, 64)
    assert painter.working_size(30, 60, 1_024) == (64, 128)
    assert painter.working_size(10, 10_000, 1_024) == (1, 1_024)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), plain(0, 8, 0)],
    ids=["grey", "alpha", "floats", "empty"],
)
def test_what_is_no_rgb_picture_is_refused(fast, picture):
    for paint in (lambda: fast.vector(picture), lambda: fast.paint(picture, vector_of(0, 0, 0), side=64)):
        with pytest.raises(BadImage, match=r"is no picture; expected uint8 \(H, W, 3\), RGB"):
            paint()


def test_a_painter_that_answers_nan_says_so(fast):
    with pytest.raises(BadModel, match="NaN where colours are expected"):
        fast.paint(noise(64, 64), vector_of(float("nan"), 0, 0), side=64)


STARVED = """
import resource, sys
from pathlib import Path
import numpy as np
from pawtrait.errors import BadParams
from pawtrait.style_transfer.painter import CycleGanPainter
painter = CycleGanPainter.load(Path(sys.argv[1]), engine="onnxruntime", threads=1)
photo = np.zeros((4000, 4000, 3), np.uint8)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, resource.RLIM_INFINITY))
painter.paint(photo, side=256)
try:
    painter.paint(photo, side=4000)
except BadParams as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="no way to limit a process's memory here")
def test_out_of_memory_says_what_to_lower(cyclegan_folder):
    command = [sys.executable, "-c", STARVED, str(cyclegan_folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("side 4000: 4000x4000 px cannot be painted here")
    assert said.endswith("lower it\n")


def test_a_folder_says_why_it_holds_no_painter(tmp_path):
    sealed.write_facts(tmp_path, {"name": "fast", "kind": "fast", "missing": "no weights; name a mirror"})
    sealed.seal(tmp_path)
    assert painter.missing(tmp_path) == "no weights; name a mirror"
    with pytest.raises(BadModel, match="cannot paint: no weights; name a mirror"):
        FastPainter.load(tmp_path)


def test_a_folder_with_a_painter_lacks_nothing(fast_folder):
    assert painter.missing(fast_folder) == ""


def test_another_painters_folder_is_refused(fast_folder):
    with pytest.raises(BadModel, match="holds a fast painter, expected cyclegan"):
        CycleGanPainter.load(fast_folder)


def test_a_changed_byte_is_noticed_before_anything_is_loaded(fast_folder):
    with (fast_folder / "transformer.onnx").open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(BadModel, match=r"transformer\.onnx is not the file that was sealed"):
        FastPainter.load(fast_folder)


def test_a_folder_sealed_without_a_network_is_refused(fast_folder):
    (fast_folder / "transformer.onnx").unlink()
    sealed.seal(fast_folder)
    with pytest.raises(BadModel, match=r"lists no transformer\.onnx"):
        FastPainter.load(fast_folder)


def test_a_file_that_is_no_network_is_refused(fast_folder):
    (fast_folder / "transformer.onnx").write_bytes(b"no network")
    sealed.seal(fast_folder)
    with pytest.raises(BadModel, match=r"transformer\.onnx is no network that onnxruntime .* can run"):
        FastPainter.load(fast_folder, engine="onnxruntime")


def test_a_known_style_is_not_summed_up_again(fast_folder, tmp_path):
    painting = noise(50, 50)
    first = FastPainter.load(fast_folder, kept=tmp_path / "kept").vector(painting)
    (file,) = (tmp_path / "kept").rglob("*.npy")
    np.save(file, first + 1)  # a mark that only a reader of the file would see
    assert np.array_equal(FastPainter.load(fast_folder, kept=tmp_path / "kept").vector(painting), first + 1)


def test_another_painting_and_another_network_have_vectors_of_their_own(tmp_path):
    answers = iter([vector_of(1, 0, 0), vector_of(2, 0, 0), vector_of(3, 0, 0)])

    def look(inputs):
        return next(answers)

    one, two = ({"pixels": np.full((1, 2, 2, 3), value, np.float32)} for value in (1, 2))
    old, new = (vectors.keeping(look, tmp_path / name) for name in ("old", "new"))
    assert [run(shown)[0, 0] for run, shown in ((old, one), (old, two), (new, one), (old, one))] == [
        1,
        2,
        3,
        1,
    ]


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"], ids=["empty", "text", "cut"])
def test_a_damaged_vector_is_made_anew(fast_folder, tmp_path, content):
    fast = FastPainter.load(fast_folder, kept=tmp_path / "kept")
    first = fast.vector(noise(50, 50))
    (file,) = (tmp_path / "kept").rglob("*.npy")
    file.write_bytes(content)
    assert np.array_equal(fast.vector(noise(50, 50)), first)
    assert np.array_equal(np.load(file), first)


def test_a_vector_is_never_unpickled(fast_folder, tmp_path):
    fast = FastPainter.load(fast_folder, kept=tmp_path / "kept")
    first = fast.vector(noise(50, 50))
    (file,) = (tmp_path / "kept").rglob("*.npy")
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert np.array_equal(fast.vector(noise(50, 50)), first)


def test_vectors_come_without_a_place_to_keep_them(fast_folder, tmp_path):
    (tmp_path / "kept").write_text("a file where a folder should be")
    fast = FastPainter.load(fast_folder, kept=tmp_path / "kept")
    assert fast.vector(plain(9, 9, 7))[0, 0] == pytest.approx(7)


def test_an_engine_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(runners, "find_spec", lambda name: None)
    assert runners.choose("auto") == "onnxruntime"
    with pytest.raises(BadParams, match=r"pip install -e '.\[openvino\]'"):
        runners.choose("openvino")


@NO_OPENVINO
def test_openvino_paints_the_same_picture(cyclegan_folder):
    photo = noise(67, 129)
    fast = CycleGanPainter.load(cyclegan_folder, engine="openvino", threads=1)
    assert fast.engine == "openvino"
    difference = fast.paint(photo, side=256).astype(int) - (255 - photo.astype(int))
    assert np.abs(difference).max() <= 1  # bf16 has 8 bits


@NO_OPENVINO
def test_a_size_that_comes_again_is_painted_the_same(fast_folder):
    painter = FastPainter.load(fast_folder, engine="openvino", threads=1)
    for photo in (noise(64, 80), noise(80, 64)):
        first, second, third = (painter.paint(photo, vector_of(8, 0, 0), side=256) for _ in range(3))
        assert np.array_equal(second, third)
        assert np.abs(first.astype(int) - second).max() <= 1


@NO_OPENVINO
def test_openvino_tells_nobody_that_it_is_used(fast_folder):
    code = (
        "import sys; from pathlib import Path; from pawtrait.style_transfer.painter import FastPainter;"
        f"FastPainter.load(Path({str(fast_folder)!r}), engine='openvino');"
        "print('openvino' in sys.modules, any('openvino_telemetry' in name for name in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == "True False\n"


@NO_OPENVINO
def test_openvino_refuses_what_is_no_network(cyclegan_folder):
    (cyclegan_folder / "photo_to_painting.onnx").write_bytes(b"no network")
    sealed.seal(cyclegan_folder)
    with pytest.raises(BadModel, match="is no network that OpenVINO"):
        CycleGanPainter.load(cyclegan_folder, engine="openvino")


def test_painting_loads_no_framework(fast_folder):
    code = (
        "import sys, json; from pathlib import Path; from pawtrait.style_transfer.painter import FastPainter;"
        f"FastPainter.load(Path({str(fast_folder)!r}));"
        "print(json.dumps(sorted({'torch', 'tensorflow', 'keras', 'onnx'} & set(sys.modules))))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == []
