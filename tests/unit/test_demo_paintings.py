"""The demo paints its own gallery: always the same paintings, in manners that can be told apart."""

from itertools import chain, combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pawtrait.dataset import images
from pawtrait.dataset.demo import crew
from pawtrait.dataset.demo.paintings import MANNERS, brush, facets, gallery, paint, painting, titles
from pawtrait.dataset.demo.paintings.ink import Scroll
from pawtrait.dataset.demo.paintings.palettes import PRUSSIAN, RICE
from pawtrait.dataset.demo.paintings.shapes import box, grid, mask, part, ribbon, taper, window
from pawtrait.dataset.demo.paintings.sketch import SIDE, Sketch
from pawtrait.dataset.demo.paintings.woodblock import Print
from pawtrait.dataset.demo.paintings.works import WORKS
from pawtrait.errors import BadParams

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def works() -> dict[str, list[Pixels]]:
    """Three paintings of every manner."""
    return {manner: [painting(manner, number, 160, seed=1) for number in (1, 2, 3)] for manner in MANNERS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven paintings on disk."""
    folder = tmp_path_factory.mktemp("gallery") / "paintings"
    paint(folder, 7, 64, seed=2)
    return folder


def test_every_manner_paints_pictures_with_something_on_them(works: dict[str, list[Pixels]]) -> None:
    assert tuple(works) == ("strokes", "points", "facets", "woodblock", "ink")
    for pixels in chain.from_iterable(works.values()):
        assert pixels.shape == (160, 160, 3) and pixels.dtype == np.uint8
        assert pixels.std() > 15


@pytest.mark.parametrize("manner", MANNERS)
def test_a_painting_is_the_same_at_any_time_and_another_for_another_seed(manner: str) -> None:
    first = painting(manner, 2, 64, seed=4)
    painting(manner, 1, 64, seed=4)
    assert (painting(manner, 2, 64, seed=4) == first).all()
    assert (painting(manner, 2, 64, seed=5) != first).any()


def test_no_two_paintings_are_alike(works: dict[str, list[Pixels]]) -> None:
    for one, other in combinations(chain.from_iterable(works.values()), 2):
        assert cv2.absdiff(one, other).mean() > 8


def test_a_work_that_comes_again_is_composed_anew() -> None:
    first, again = (painting("ink", number, 96, seed=1) for number in (1, 1 + len(WORKS["ink"])))
    assert cv2.absdiff(first, again).mean() > 4


def look(pixels: Pixels) -> list[float]:
    """What tells manners apart: colour, its grain and that of light, and how much of the picture is flat."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    fine = np.abs(lab - cv2.GaussianBlur(lab, (0, 0), 1.5))
    colour = float(np.hypot(lab[..., 1] - 128, lab[..., 2] - 128).mean())
    light = float(np.median(fine[..., 0]))
    return [colour, light, float(fine[..., 1:].mean()), float(fine[..., 0].mean()) / light]


def test_each_painting_is_nearest_to_those_of_its_own_manner(works: dict[str, list[Pixels]]) -> None:
    looks = np.log([[look(pixels) for pixels in works[manner]] for manner in MANNERS])  # (5, 3, 4)
    looks = looks / looks.std(axis=(0, 1))
    told = 0
    for manner, number in np.ndindex(5, 3):
        others = looks.copy()
        others[manner, number] = np.nan
        middles = np.nanmean(others, axis=1)  # of each manner, without the painting in question
        told += int(np.square(middles - looks[manner, number]).sum(axis=1).argmin() == manner)
    assert told >= 12  # of 15; chance tells 3


def test_ink_has_the_least_colour_and_the_smoothest_paper(works: dict[str, list[Pixels]]) -> None:
    colour, light = np.array([np.mean([look(p)[:2] for p in works[manner]], axis=0) for manner in MANNERS]).T
    assert MANNERS[colour.argmin()] == MANNERS[light.argmin()] == "ink"


def test_the_folder_holds_the_manners_in_turn_and_every_file_decodes(folder: Path) -> None:
    turns = [f"{manner}_01" for manner in MANNERS]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{stem}.jpg" for stem in (*turns, "strokes_02", "points_02")
    )
    for path in folder.iterdir():
        seen = images.decode(path.read_bytes(), largest_pixels=64 * 64, name=path.name)
        manner, number = path.stem.split("_")
        assert cv2.absdiff(seen, painting(manner, int(number), 64, seed=2)).mean() < 4


def test_a_larger_gallery_changes_no_painting_and_leaves_nothing_old_behind(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "paintings"
    out.mkdir()
    (out / "old.jpg").write_bytes(b"old")
    paint(out, 9, 64, seed=2)
    assert len(list(out.iterdir())) == 9
    for path in folder.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


def test_many_processes_paint_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(tmp_path / "one", 5, 64, seed=3)
    monkeypatch.setattr(gallery, "_WORTH", 1)
    monkeypatch.setattr(crew, "cores", lambda: 2)
    paint(tmp_path / "two", 5, 64, seed=3)
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_every_painting_has_a_title_of_its_own(folder: Path) -> None:
    assert set(titles(7, seed=2)) == {path.stem for path in folder.iterdir()}
    named = titles(120, seed=1)
    assert len(named) == len(set(named.values())) == 120
    assert named["woodblock_01"] == "Wave under a red sun"
    assert named["woodblock_11"] == "Wave under a red sun, 2"


def test_an_unknown_manner_or_number_is_refused_with_what_there_is() -> None:
    with pytest.raises(BadParams, match="no manner 'fresco'; choose one of strokes, points, facets"):
        painting("fresco", 1, 64, seed=1)
    with pytest.raises(BadParams, match="numbered from 1, but ink number 0"):
        painting("ink", 0, 64, seed=1)


def test_a_brush_follows_a_flow_round_its_middle() -> None:
    x, y = grid(64)
    around = np.asarray(np.arctan2(y - 0.5, x - 0.5) + np.pi / 2, np.float32)
    (path,) = brush.trace(np.array([(0.8, 0.5)]), around, length=0.5, steps=40)
    assert np.hypot(*(path - 0.5).T) == pytest.approx(0.3, abs=0.02)  # it stays on its circle
    assert np.hypot(*np.diff(path, axis=0).T).sum() == pytest.approx(0.5)


def test_a_sheet_is_cut_without_loss_and_without_overlap() -> None:
    whole = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    left, right = sorted(facets._halves(whole, np.array([0.25, 0.5]), np.pi / 2), key=lambda p: p[:, 0].min())
    assert facets._area(left) == pytest.approx(0.25) and facets._area(right) == pytest.approx(0.75)
    pieces = facets._cut(Sketch((10, 20, 30), (200, 210, 220)), np.random.default_rng(1))
    assert sum(map(facets._area, pieces)) == pytest.approx(1.0)


def test_a_ribbon_is_as_broad_as_it_is_said_to_be() -> None:
    straight = np.array([(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)])
    assert mask(200, ribbon(straight, 0.2)).mean() == pytest.approx(
        0.8 * 0.2, rel=0.05
    )  # OpenCV paints the rim's pixels too
    assert taper(11, 0.3)[[0, 3, 10]] == pytest.approx([0, 1, 0])


def test_a_window_holds_all_of_a_shape_even_at_the_edge() -> None:
    for shape in (box(0.3, 0.4, 0.2, 0.1), box(-0.2, 0.9, 0.5, 0.5), box(1.5, 1.5, 0.1, 0.1)):
        at, whole = window(shape, 100), mask(100, shape)
        rest = whole.copy()
        rest[at] = 0
        assert (part(shape, 100, at) == whole[at]).all() and not rest.any()


def test_ink_only_ever_darkens() -> None:
    scroll = Scroll(96, RICE, np.random.default_rng(1))
    scroll.wash(box(0.2, 0.2, 0.6, 0.6), 0.5)
    once = scroll.light.copy()
    scroll.touch(np.array([(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)]), 0.1, 0.8, dry=0.3)
    assert (scroll.light <= once).all() and (scroll.light < once).any()
    assert once.max() == 1 and once[48, 48].max() < 0.8


def test_what_is_printed_later_covers_what_lies_below() -> None:
    sheet = Print(96, PRUSSIAN, np.random.default_rng(1))
    sheet.fill(box(0.1, 0.1, 0.8, 0.8), PRUSSIAN.blue)
    sheet.fill(box(0.3, 0.3, 0.4, 0.4), PRUSSIAN.red)
    assert sheet.picture[48, 48] == pytest.approx(PRUSSIAN.red, abs=14)
    assert sheet.picture[20, 48] == pytest.approx(PRUSSIAN.blue, abs=14)


def test_a_sketch_takes_the_colour_and_the_flow_of_its_shapes() -> None:
    sketch = Sketch((0, 0, 0), (0, 0, 0), flow=0.5)
    sketch.fill(box(0.25, 0.25, 0.5, 0.5), (200, 100, 0), (100, 100, 100), flow=1.5)
    middle = SIDE // 2
    assert sketch.colours[middle, middle] == pytest.approx((150, 100, 50), abs=1)
    assert sketch.flow[middle, middle] == 1.5 and sketch.flow[0, 0] == 0.5
    assert not sketch.colours[0].any()
