"""`pawtrait stylize PHOTO…`: photos, strength, previews, what is refused and what an interruption leaves."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from pawtrait import easel, params
from pawtrait.dataset import images
from pawtrait.errors import BadParams, BadTraining
from pawtrait.evaluation import plots
from pawtrait.style_transfer import features, painter, precision
from pawtrait.style_transfer.features import Features
from pawtrait.style_transfer.studio import Glimpse, Studio
from tests.unit.easel.conftest import files, hang, picture, plain, save, wish

# photos


def test_each_photo_becomes_a_portrait_of_its_size_and_one_sheet_shows_all(gan, pawtrait):
    photos = [save("a.png"), save("pets/b.png", 30, 70, (0, 100, 255))]
    done = pawtrait("stylize", *photos, "--method", "cyclegan", "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert [line.split("  ")[0] for line in done.out.splitlines()] == [
        "out/a-cyclegan.png",
        "out/b-cyclegan.png",
    ]
    assert files() == ["a-cyclegan.png", "b-cyclegan.png", "sheet.png"]
    np.testing.assert_array_equal(picture("out/a-cyclegan.png"), plain(40, 50, (55, 135, 215)))
    np.testing.assert_array_equal(picture("out/b-cyclegan.png"), plain(30, 70, (255, 155, 0)))
    sheet = picture("out/sheet.png")
    assert min(sheet.shape[:2]) > 100 and sheet.std() > 10


def test_a_bad_photo_is_reported_the_rest_go_on_and_the_code_is_1(gan, pawtrait):
    Path("bad.jpg").write_text("no picture")
    done = pawtrait(
        *("stylize", save("a.png"), "bad.jpg", "none.png", save("b.png")),
        *("--method", "cyclegan", "--out", "out"),
    )
    assert done.code == 1
    assert "bad.jpg: not a picture" in done.err and "none.png is not here" in done.err
    assert files() == ["a-cyclegan.png", "b-cyclegan.png", "sheet.png"]


def test_where_memory_is_short_the_option_that_helps_is_named(here, pawtrait, monkeypatch):
    """neural.side says nothing here: the command line has a side of its own."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1_000_000))
    monkeypatch.setattr(precision, "device", lambda: torch.device("cpu"))
    done = pawtrait(
        *("stylize", save("photo.png"), "--method", "nst", "--style", "red"), *("--side", 64, "--out", "out")
    )
    assert done.code == 1
    assert "0.0 GB are free; lower the side (--side on the command line" in done.err


def test_a_photo_that_cannot_be_painted_is_reported_and_the_rest_go_on_to_the_sheet(gan):
    class Dark(Studio):
        def paint(self, method: str, photo: images.Pixels, *more: Any) -> Iterator[Glimpse]:
            if photo.max() == 0:
                raise BadTraining("the loss is nan")
            return super().paint(method, photo, *more)

    whole = easel.studio(params.load(), 80, None, False)
    studio = Dark(whole.painters, whole.weights, whole.neural, whole.hybrid, whole.seed)
    photos = [save("a.png"), save("b.png", colour=(0, 0, 0)), save("c.png")]
    assert [one.problem for one in hang(wish(), *photos, studio=studio)] == ["", "the loss is nan", ""]
    assert files() == ["a-cyclegan.png", "c-cyclegan.png", "sheet.png"]


def test_no_name_of_a_photo_stops_the_others(gan):
    photos = [save(f"{'n' * 245}.png"), save("$1_$2.png"), save("c.png")]
    assert [done.problem for done in hang(wish(), *photos)] == ["", "", ""]
    assert files() == ["$1_$2-cyclegan.png", "c-cyclegan.png", f"{'n' * 200}-cyclegan.png", "sheet.png"]


def test_only_bad_photos_leave_no_folder(gan, pawtrait):
    done = pawtrait("stylize", "none.png", "--method", "cyclegan", "--out", "out")
    assert done.code == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(("start", "told"), [("random start", 1), ("ImageNet", 0)])
def test_features_that_start_at_random_are_told_once_for_all_photos(
    here, one_thread, monkeypatch, capsys, start, told
):
    drawn = replace(features.load("squeezenet", None, seed=1), start=start)
    monkeypatch.setattr(features, "load", lambda *_: drawn)
    hang(wish("nst", "red"), save("a.png"), save("b.png"))
    said = capsys.readouterr().err
    assert said.count("nst: the weights of squeezenet are missing, so features start at random") == told


def test_a_photo_on_standard_input_is_painted(gan, pawtrait):
    data = images.encode_png(plain(40, 40, (1, 2, 3)))
    assert pawtrait("stylize", "-", "--method", "cyclegan", "--out", "out", stdin=data).code == 0
    assert files() == ["sheet.png", "standard input-cyclegan.png"]


def test_nothing_that_is_there_is_painted_over(gan):
    for name in ("out/a-cyclegan.png", "out/sheet.png"):
        save(name, colour=(9, 9, 9))
    photos = [save("a.png"), save("other/a.png", colour=(0, 0, 0))]
    assert [done.portrait.name for done in hang(wish(), *photos)] == ["a-cyclegan-2.png", "a-cyclegan-3.png"]
    for name in ("out/a-cyclegan.png", "out/sheet.png"):
        np.testing.assert_array_equal(picture(name), plain(40, 50, (9, 9, 9)))
    assert files() == [
        "a-cyclegan-2.png",
        "a-cyclegan-3.png",
        "a-cyclegan.png",
        "sheet-2.png",
        "sheet.png",
    ]


def test_what_another_painter_hangs_meanwhile_is_not_painted_over_either(gan, monkeypatch):
    theirs = (9, 9, 9)

    class Slow(Studio):
        def paint(self, *asked: Any) -> Iterator[Glimpse]:
            yield from super().paint(*asked)
            save("out/a-cyclegan.png", colour=theirs)

    def drawn(*asked, **more):
        save("out/sheet.png", colour=theirs)
        return samples(*asked, **more)

    samples = plots.samples
    monkeypatch.setattr(plots, "samples", drawn)
    whole = easel.studio(params.load(), 80, None, False)
    studio = Slow(whole.painters, whole.weights, whole.neural, whole.hybrid, whole.seed)
    (done,) = hang(wish(), save("a.png"), studio=studio)
    assert done.portrait == Path("out/a-cyclegan-2.png")
    np.testing.assert_array_equal(picture(done.portrait), plain(40, 50, (55, 135, 215)))
    for name in ("out/a-cyclegan.png", "out/sheet.png"):
        np.testing.assert_array_equal(picture(name), plain(40, 50, theirs))
    assert files() == ["a-cyclegan-2.png", "a-cyclegan.png", "sheet-2.png", "sheet.png"]


def test_a_file_system_without_links_has_its_portraits_too(gan, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    (done,) = hang(wish(), save("a.png"))
    assert (done.problem, files()) == ("", ["a-cyclegan.png", "sheet.png"])


MODES = {"L": (200,), "LA": (200, 255), "RGBA": (200, 200, 200, 255), "P": 200, "1": 1, "I;16": 51_400}


@pytest.mark.parametrize("mode", MODES)
def test_grey_alpha_and_other_modes_become_portraits_in_colour(gan, mode):
    stream = io.BytesIO()
    Image.new(mode, (50, 40), MODES[mode]).save(stream, "PNG")
    Path("photo.png").write_bytes(stream.getvalue())
    (done,) = hang(wish(), "photo.png")
    assert picture(done.portrait).shape == (40, 50, 3)


SIZES = {(30, 30): (30, 30), (1, 1): (1, 1), (3, 900): (1, 80), (900, 3): (80, 1), (40, 2000): (2, 80)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["cyclegan", "fast"])
def test_tiny_and_extreme_photos_are_painted_at_the_side_that_was_asked(gan, fast_folder, method, size):
    (done,) = hang(wish(method), save("photo.png", *size))
    assert picture(done.portrait).shape == (*SIZES[size], 3)


@pytest.mark.parametrize("size", [(30, 30), (3, 400)])
def test_tiny_and_extreme_photos_are_painted_by_descent_too(here, one_thread, size):
    (done,) = hang(wish("nst", "red"), save("photo.png", *size))
    wanted = tuple(max(round(one * min(1, 80 / max(size))), 1) for one in size)
    assert done.problem == "" and picture(done.portrait).shape == (*wanted, 3)


@pytest.mark.parametrize("method", ["nst", "hybrid", "fast", "cyclegan"])
def test_no_method_enlarges_a_photo_that_is_smaller_than_the_side(gan, fast_folder, one_thread, method):
    styles = ["red"] if method != "cyclegan" else []
    (done,) = hang(wish(method, *styles), save("photo.png", 40, 50))
    assert picture(done.portrait).shape == (40, 50, 3)


def test_a_painters_files_are_checked_once_not_with_every_photo(gan, monkeypatch):
    checked, missing = [], painter.missing
    monkeypatch.setattr(painter, "missing", lambda folder: checked.append(folder) or missing(folder))
    assert len(hang(wish(), save("a.png"), save("b.png"), save("c.png"))) == 3
    assert len(checked) == 1


def test_a_strength_that_is_no_number_is_refused(gan):
    with pytest.raises(BadParams, match="strength nan: expected 0, the photo as it is, to 1"):
        hang(wish(strength=float("nan")), save("photo.png"))


@pytest.mark.parametrize(
    "option", [("--method", "fast"), ("--style", "me.jpg"), ("--side", 64), ("--out", "x")]
)
def test_options_of_painting_without_a_photo_start_no_pipeline(here, pawtrait, option):
    done = pawtrait("stylize", *option)
    assert (
        done.code == 2
        and f"{option[0]}: only for photos, and none was named; name one, or leave it out" in done.err
    )


def test_options_of_the_stage_beside_a_photo_are_refused(gan, pawtrait):
    done = pawtrait("stylize", save("photo.png"), "--method", "cyclegan", "--force")
    assert done.code == 2 and "--force: only for the gallery, without photos; leave it out" in done.err
    assert not Path("portraits").exists()


def test_markup_in_a_photos_name_is_shown_as_it_is(gan, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then believes in a terminal
    hang(wish(), save("[red]cat.png"))
    assert "[red]cat-cyclegan" in capsys.readouterr().err


def test_a_sheet_shows_the_first_photos_only(gan, monkeypatch):
    monkeypatch.setattr(easel, "SHOWN", 3)
    heights = []
    for count in (2, 3, 5):
        shutil.rmtree("out", ignore_errors=True)
        hang(wish(), *[save(f"{number}.png") for number in range(count)])
        assert len(files()) == count + 1
        heights.append(picture("out/sheet.png").shape[0])
    assert heights[0] < heights[1] == heights[2]


def test_a_sheet_that_shows_only_some_says_so(gan, monkeypatch, capsys):
    monkeypatch.setattr(easel, "SHOWN", 2)
    hang(wish(), save("a.png"), save("b.png"))
    assert "sheet" not in capsys.readouterr().err
    hang(wish(), save("a.png"), save("b.png"), save("c.png"))
    assert "out/sheet-2.png shows the first 2 of 3 portraits; all lie in out" in capsys.readouterr().err


def test_strength_goes_from_the_photo_to_the_portrait(gan, pawtrait):
    save("photo.png", colour=(200, 120, 40))
    for strength in (0, 0.5, 1):
        pawtrait("stylize", "photo.png", "--method", "cyclegan", "--strength", strength, "--out", strength)
    colours = [picture(f"{strength}/photo-cyclegan.png")[20, 20].tolist() for strength in (0, 0.5, 1)]
    assert colours[0] == [200, 120, 40] and colours[2] == [55, 135, 215]
    assert colours[1] == pytest.approx([127.5, 127.5, 127.5], abs=1)


def test_without_strength_the_hybrid_leaves_the_photo(gan, pawtrait):
    save("photo.png", colour=(200, 120, 40))
    words = ("stylize", "photo.png", "--method", "hybrid", "--style", "blue")
    for strength in (0, 1):
        pawtrait(*words, "--strength", strength, "--out", strength)
    left, painted = (picture(f"{strength}/photo-hybrid.png")[20, 20].tolist() for strength in (0, 1))
    assert left == pytest.approx([200, 120, 40], abs=8)
    assert painted == pytest.approx([55, 135, 215], abs=60)


@pytest.mark.parametrize("method", ["nst", "hybrid"])
def test_without_strength_not_even_specks_are_smoothed(gan, pawtrait, method):
    noise = np.random.default_rng(7).integers(0, 256, (60, 80, 3), np.uint8)
    Path("photo.png").write_bytes(images.encode_png(noise))
    pawtrait("stylize", "photo.png", "--method", method, "--style", "blue", "--strength", 0, "--out", "out")
    (painted,) = Path("out").glob("photo-*.png")
    assert np.abs(picture(painted).astype(int) - noise).max() <= 1


@pytest.mark.parametrize(("method", "start"), [("nst", "noise"), ("nst", "style"), ("hybrid", "noise")])
def test_without_strength_the_photo_is_left_wherever_descent_would_begin(gan, one_thread, method, start):
    whole = easel.studio(params.load(), 80, None, False)
    neural = whole.neural.model_copy(update={"start": start})
    hybrid = whole.hybrid.model_copy(update={"role": "style"})
    begun = replace(whole, neural=neural, hybrid=hybrid)
    (done,) = hang(wish(method, "blue", strength=0.0), save("photo.png"), studio=begun)
    assert np.abs(picture(done.portrait).astype(int) - plain(40, 50, (200, 120, 40))).max() <= 1


def test_without_strength_the_fast_painter_keeps_the_photos_own_style(fast, pawtrait):
    save("photo.png", colour=(40, 20, 10))
    pawtrait("stylize", "photo.png", "--method", "fast", "--style", "blue", "--strength", 0, "--out", "out")
    assert picture("out/photo-fast.png")[0, 0].tolist() == [80, 40, 20]  # its own mean colour is added


def test_a_larger_side_paints_a_photo_larger(gan, pawtrait):
    save("photo.png", 900, 600)
    pawtrait("stylize", "photo.png", "--method", "cyclegan", "--out", "plainly")
    assert picture("plainly/photo-cyclegan.png").shape == (512, 341, 3)
    pawtrait("stylize", "photo.png", "--method", "cyclegan", "--side", 150, "--out", "out")
    assert picture("out/photo-cyclegan.png").shape == (150, 100, 3)


# on the way


def test_previews_lie_in_a_folder_beside_the_portrait(here, one_thread, pawtrait):
    done = pawtrait(
        *("stylize", save("photo.png"), "--method", "nst", "--style", "red"),
        *("--previews", 2, "--steps", 5, "--out", "out"),
    )
    assert done.code == 0, done.err
    assert files() == ["photo-nst", "photo-nst.png", "sheet.png"]
    assert files("out/photo-nst") == ["0002.png", "0004.png", "0006.png"]  # of 2 and 5 steps
    first, last = (picture(f"out/photo-nst/{name}") for name in ("0004.png", "0006.png"))
    assert not np.array_equal(first, last)


def test_previews_of_a_portrait_that_was_moved_away_are_not_painted_over(here, one_thread):
    save("out/photo-nst/0006.png", colour=(9, 9, 9))
    (done,) = hang(wish("nst", "red", previews=3), save("photo.png"))
    assert done.portrait == Path("out/photo-nst-2.png")
    assert files("out/photo-nst-2") == ["0003.png", "0006.png"] and files("out/photo-nst") == ["0006.png"]
    np.testing.assert_array_equal(picture("out/photo-nst/0006.png"), plain(40, 50, (9, 9, 9)))


class Beside(Studio):
    """Another process has begun to paint the same photo meanwhile."""

    def paint(self, *given: object, **named: object) -> Iterator[Glimpse]:
        save("out/photo-nst/0003.png", colour=(9, 9, 9))
        yield from super().paint(*given, **named)


def test_two_that_paint_one_photo_at_once_share_no_previews(here, one_thread):
    whole = easel.studio(params.load(), 80, None, False)
    beside = Beside(whole.painters, whole.weights, whole.neural, whole.hybrid, whole.seed)
    (done,) = hang(wish("nst", "red", previews=3), save("photo.png"), studio=beside)
    assert done.portrait == Path("out/photo-nst-2.png")
    assert files("out/photo-nst-2") == ["0003.png", "0006.png"] and files("out/photo-nst") == ["0003.png"]
    np.testing.assert_array_equal(picture("out/photo-nst/0003.png"), plain(40, 50, (9, 9, 9)))


class Interrupted(Studio):
    """Somebody presses Ctrl-C while the third step is under way."""

    def paint(self, *given: object, **named: object) -> Iterator[Glimpse]:
        yield from islice(super().paint(*given, **named), 2)
        raise KeyboardInterrupt


def test_interrupted_it_keeps_what_is_there(here, one_thread, capsys):
    whole = easel.studio(params.load(), 80, None, False)
    cut = Interrupted(whole.painters, whole.weights, whole.neural, whole.hybrid, whole.seed)
    with pytest.raises(KeyboardInterrupt):
        hang(wish("nst", "red"), save("photo.png"), save("next.png"), studio=cut)
    assert files() == ["photo-nst.png"]
    assert picture("out/photo-nst.png").shape == (20, 25, 3)  # at the coarse scale still
    assert "stopped at step 2 of 6; out/photo-nst.png holds the portrait so far" in capsys.readouterr().err


def test_in_a_log_a_line_now_and_then_says_how_far_it_is(here, one_thread, capsys, monkeypatch):
    monkeypatch.setattr(easel, "QUIET", 0.0)
    hang(wish("nst", "red"), save("photo.png"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("photo-nst: step")]
    assert len(lines) == 6 and lines[-1].startswith("photo-nst: step 6 of 6 content")


def test_interrupted_before_the_first_step_it_leaves_nothing(gan):
    class Early(Studio):
        def paint(self, *given: object, **named: object) -> Iterator[Glimpse]:
            raise KeyboardInterrupt
            yield

    whole = easel.studio(params.load(), 80, None, False)
    early = Early(whole.painters, whole.weights, whole.neural, whole.hybrid, whole.seed)
    with pytest.raises(KeyboardInterrupt):
        hang(wish(), save("photo.png"), studio=early)
    assert not Path("out").exists()


def test_descent_runs_on_the_gpu_where_there_is_one_unless_the_studio_may_use_none(here, monkeypatch):
    monkeypatch.setattr(precision, "device", lambda: torch.device("meta"))
    ours = easel.studio(params.load(), 80, None, False)
    assert ours.features.device.type == "meta"
    assert replace(ours, gpu=False).features.device.type == "cpu"


def test_a_gpu_that_is_full_is_one_line(here, pawtrait, monkeypatch):
    def full(*_: object) -> Features:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to take 3 MiB\nand more of it")

    monkeypatch.setattr(Features, "to", full)
    monkeypatch.setattr(features, "load", lambda network, folder, seed: Features(network, "ImageNet", {}))
    done = pawtrait("stylize", save("photo.png"), "--method", "nst", "--style", "red", "--out", "out")
    assert done.code == 2
    assert done.err == (
        "pawtrait: squeezenet finds no place on the GPU (CUDA out of memory. Tried to take 3 MiB); end what"
        " else runs there, or set CUDA_VISIBLE_DEVICES to nothing, which paints on the CPU\n"
    )


def test_wishes_take_the_place_of_parameters(here):
    knobs = params.load()
    studio = easel.studio(knobs, 300, 7, True)
    assert (studio.neural.side, studio.neural.steps, studio.neural.keep_colours) == (300, (2, 7), True)
    assert studio.hybrid.steps == 7
    plainly = easel.studio(knobs, knobs.neural.side, None, False)
    assert (plainly.neural, plainly.hybrid) == (knobs.neural, knobs.hybrid)
