"""Figures: what they are written as, and that they depend on nothing but their data."""

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from pawtrait.evaluation import drawing, plots
from pawtrait.evaluation.metrics import Bin
from tests.unit.conftest import contrast

COUNTS = {"train": {"happy": 3, "sad": 2, "angry": 1, "other": 4}, "test": {"happy": 1, "sad": 1}}
ROW = {
    f"{split}_{key}{end}": value
    for split in ("valid", "test")
    for key in ("accuracy", "macro_f1")
    for end, value in (("", 0.5), ("_low", 0.4), ("_high", 0.6))
} | {"name": "cnn", "start": "random start", "champion": True}
PICTURES = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)

FIGURES = {
    "class_pies": lambda: plots.class_pies(COUNTS),
    "samples": lambda: plots.samples(PICTURES, ["happy", "sad", "angry", "other", "happy"]),
    "mistakes": lambda: plots.mistakes(PICTURES[:1], [("test", "happy", "sad", 0.9)]),
    "no mistakes": lambda: plots.mistakes(PICTURES[:0], []),
    "confusion": lambda: plots.confusion({"valid": np.eye(4, dtype=int), "test": np.eye(4, dtype=int)}),
    "reliability": lambda: plots.reliability({"test": [Bin(0.5, 0.6, 3, 0.55, 0.4)]}),
    "curves": lambda: plots.curves({"epoch": [1, 2, 3], "loss": [3, 2, 1], "accuracy": [0.2, 0.4, 0.5]}),
    "one epoch": lambda: plots.curves({"epoch": [1], "loss": [3], "accuracy": [0.2]}),
    "no epoch": lambda: plots.curves({}),
    "forest": lambda: plots.forest([ROW, {**ROW, "name": "deep_cnn", "champion": False}]),
    "stacked forest": lambda: plots.forest([ROW], stacked=True),
}


def words(figure):
    """Every text in the figure, from its SVG."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", drawing.svg(figure, "a title"))


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_gives_the_same_bytes(tmp_path, name):
    for file in ("one.png", "two.png"):
        drawing.save(FIGURES[name](), tmp_path / file)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert "Software" not in picture.info


@pytest.mark.parametrize("name", FIGURES)
def test_every_svg_is_well_formed_and_named(name):
    root = ElementTree.fromstring(drawing.svg(FIGURES[name](), 'Moods & "more"'))
    assert (root.get("role"), root.get("aria-label")) == ("img", 'Moods & "more"')


def test_settings_of_the_process_change_nothing(tmp_path):
    drawing.save(FIGURES["forest"](), tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        drawing.save(FIGURES["forest"](), tmp_path / "set.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "set.png").read_bytes()


def test_an_svg_takes_ink_and_paper_from_the_page():
    drawn = drawing.svg(FIGURES["class_pies"](), "pies")
    assert "currentColor" in drawn
    assert not any(colour in drawn for colour in (drawing.INK, drawing.MUTED, drawing.GRID, drawing.PAPER))


def test_svgs_with_different_titles_share_no_ids():
    first, second = (drawing.svg(FIGURES["forest"](), title) for title in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', drawn)) for drawn in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_pies_tell_each_mood_with_its_number_and_leave_out_absent_ones():
    said = words(plots.class_pies({"test": {"happy": 7, "sad": 1, "angry": 0}}))
    assert {"happy", "7", "sad", "1", "test", "8"} == set(said)


def test_the_confusion_matrix_shows_counts():
    matrix = np.zeros((4, 4), int)
    matrix[1, 2] = 17
    assert "17" in words(plots.confusion({"test": matrix}))


def test_the_forest_marks_chance_the_study_and_the_champion():
    said = words(FIGURES["forest"]())
    assert {"chance", "study 0.53", "study 0.48", "★ cnn", "deep_cnn", "random start"} <= set(said)


def test_a_gallery_without_mistakes_says_so():
    assert words(FIGURES["no mistakes"]()) == ["No mistake on validation and test."]


LONG = "2023-08-14 Claude Monet, Nymphéas, 1907, in the Musée Marmottan, by an unknown camera"


def drawn(captions):
    """A sheet of as many pictures in two columns, laid out."""
    figure = plots.samples([PICTURES[0]] * len(captions), captions, across=2)
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("name", [LONG, "0123456789" * 6, "W" * 80, "l" * 200, "$x$ " * 20])
def test_long_names_in_every_column_make_no_picture_small_and_touch_no_neighbour(name):
    small, wanted = drawn([name] * 4), drawn(["happy"] * 4)
    widths = [figure.axes[0].get_window_extent().width for figure in (small, wanted)]
    assert widths[0] == widths[1]
    left, right = (axes.texts[0].get_window_extent() for axes in small.axes[:2])
    assert left.x1 < right.x0 and left.width > 0.85 * widths[0]
    said = small.axes[0].texts[0].get_text()
    assert said.endswith("…") and name.startswith(said[:-1])


def test_each_line_of_a_caption_is_cut_alone_and_lies_below_its_picture():
    figure = drawn([f"{LONG}\nsad", "happy", "other", "angry"])
    caption = figure.axes[0].texts[0]
    assert caption.get_text().endswith("…\nsad")
    below = figure.axes[2].get_window_extent().y1
    assert below < caption.get_window_extent().y0
    assert caption.get_window_extent().y1 < figure.axes[0].get_window_extent().y0


def test_every_caption_of_a_sheet_stands_out_from_its_paper():
    for name in ("samples", "mistakes"):
        texts = [text for axes in FIGURES[name]().axes for text in axes.texts]
        assert texts and all(contrast(text.get_color(), drawing.PAPER) >= 4.5 for text in texts)
