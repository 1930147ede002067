"""`pawtrait styles`, and the paintings that `pawtrait stylize` is given."""

import shutil
from pathlib import Path

import pytest

from pawtrait import easel
from pawtrait.dataset import manifest
from pawtrait.dataset.paintings import Painting
from pawtrait.errors import BadData, BadImage, BadModel, BadParams
from tests.unit.easel.conftest import BLUE, RED, hang, hang_on_the_wall, picture, save, wish


def test_styles_are_listed_with_title_and_size(here, pawtrait):
    done = pawtrait("styles")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert ["red", "A", "Red", "Room", "64×64"] in rows and ["blue", "Blue", "64×64"] in rows


def test_a_name_is_listed_as_it_has_to_be_given(here, pawtrait, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = "claude-monet_water-lilies-and-a-japanese-bridge"
    names = ("Water [detail]", long)
    manifest.write(easel.TABLE, [hang_on_the_wall(name, name, BLUE) for name in names], Painting)
    listed = pawtrait("styles").out
    assert all(name in listed for name in names)


def test_before_there_are_paintings_it_is_said_what_to_run(here, pawtrait):
    shutil.rmtree("data")
    done = pawtrait("styles")
    assert done.code == 2
    assert done.err == "pawtrait: data/tables/paintings.csv is not here; run `dvc repro` to make it\n"


def test_a_style_is_named_by_its_name_or_its_file(fast):
    save("mine.png", colour=(7, 0, 0))
    for style, colour in (("red", RED), ("blue", BLUE), ("mine.png", (7, 0, 0))):
        ((pixels, share),) = wish("fast", style).styles
        assert share == 1
        assert tuple(pixels[0, 0]) == colour


def test_styles_mix_by_their_shares(fast, pawtrait):
    save("photo.png", colour=(0, 0, 0))
    done = pawtrait(
        *("stylize", "photo.png", "--method", "fast", "--out", "out"),
        *("--style", "red=0.75", "--style", "data/paintings/blue.png=0.25"),
    )
    assert done.code == 0
    painted = picture("out/photo-fast.png")[0, 0]
    assert painted.tolist() == pytest.approx([0.75 * 90, 0.75 * 10 + 0.25 * 20, 0.25 * 110], abs=1)


def test_shares_are_brought_to_one(fast):
    assert [share for _, share in wish("fast", "red=3", "blue=1").styles] == [0.75, 0.25]
    assert [share for _, share in wish("fast", "red", "blue").styles] == [0.5, 0.5]


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(fast):
    save("a=b.png", colour=(5, 0, 0))
    for style in ("a=b.png", "a=b.png=0.5"):
        ((pixels, share),) = wish("fast", style).styles
        assert (pixels[0, 0, 0], share) == (5, 1)


def test_without_a_style_the_first_painting_is_taken_and_said(fast, capsys):
    assert tuple(wish("fast").styles[0][0][0, 0]) == BLUE
    assert "no --style given, so it is blue" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["red=much", "red=0", "red=-1", "red=nan", "red=inf", "red="])
def test_a_share_that_is_none_is_named(fast, style):
    with pytest.raises(BadData, match=rf"--style {style}: '.*' is not a share; write NAME=0\.7"):
        wish("fast", style)


@pytest.mark.parametrize("style", ["starry", "starry=0.5", "none/starry.png", "data/paintings", "s" * 400])
def test_an_unknown_style_is_answered_with_those_that_are(fast, style):
    with pytest.raises(BadData, match=r"no painting is called .*`pawtrait styles` lists the 2: blue, red"):
        wish("fast", style)


def test_a_style_file_that_is_no_picture_is_one_line(fast, pawtrait):
    Path("notes.txt").write_text("a text")
    done = pawtrait("stylize", save("photo.png"), "--method", "fast", "--style", "notes.txt", "--out", "out")
    assert done.code == 2
    assert done.err.startswith("pawtrait: notes.txt: not a picture") and done.err.count("\n") == 1
    assert not Path("out").exists()


def test_a_style_of_too_many_pixels_is_refused(fast):
    with pytest.raises(BadImage, match="64x64 px, expected 1 to 4000 pixels"):
        easel.wish("fast", ["red"], 1.0, 0, 4000)


# methods


@pytest.mark.parametrize("options", [["cyclgan"], ["NST", "--previews", "10"]])
def test_a_misspelt_method_is_answered_with_those_that_are(here, pawtrait, options):
    done = pawtrait("stylize", save("photo.png"), "--method", *options)
    assert done.code == 2
    assert done.err == f"pawtrait: --method {options[0]}: expected one of nst, fast, cyclegan, hybrid\n"


@pytest.mark.parametrize(
    ("option", "value"), [("--steps", ["5"]), ("--previews", ["10"]), ("--keep-colours", [])]
)
def test_a_method_of_one_pass_heeds_no_steps_and_says_so(here, pawtrait, option, value):
    done = pawtrait("stylize", save("photo.png"), "--method", "cyclegan", option, *value)
    assert done.code == 2
    words = f"{option}: cyclegan paints in one pass; only nst and hybrid go by steps"
    assert done.err == f"pawtrait: {words}\n"


def test_cyclegan_takes_no_style(gan):
    with pytest.raises(BadParams, match="cyclegan paints in the style that it learned; leave --style"):
        wish("cyclegan", "red")


@pytest.mark.parametrize("method", ["cyclegan", "fast", "hybrid"])
def test_a_painter_that_is_not_there_says_what_to_run(here, pawtrait, method):
    done = pawtrait("stylize", save("photo.png"), "--method", method, "--out", "out")
    assert done.code == 2
    folder = "fast" if method == "fast" else "cyclegan"
    expected = f"pawtrait: {method}: data/painters/{folder} is not here yet; run `dvc repro`"
    assert done.err.splitlines()[-1] == expected
    assert not Path("out").exists()


def test_a_damaged_painter_is_one_line(gan):
    with Path("data/painters/cyclegan/photo_to_painting.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BadModel, match="is not the file that was sealed"):
        hang(wish(), save("photo.png"))


def test_a_painting_whose_name_holds_an_equals_sign_can_be_named(fast):
    rows = [hang_on_the_wall("sun=moon", "Both", RED), hang_on_the_wall("a=1", "A", BLUE)]
    manifest.write(easel.TABLE, rows, Painting)
    ((pixels, share),) = wish("fast", "sun=moon").styles
    assert tuple(pixels[0, 0]) == RED and share == 1
    ((pixels, _),) = wish("fast", "a=1=0.5").styles
    assert tuple(pixels[0, 0]) == BLUE
