"""From names on a command line to moods; one picture that cannot be read stops no other."""

import io
import os
from types import SimpleNamespace
from weakref import WeakSet

import numpy as np
import pytest

from pawtrait.classification import moods
from pawtrait.classification.predict import CHUNK, Classifier
from pawtrait.dataset import images, named
from pawtrait.dataset.labels import LABELS

LARGEST = 1_000_000


@pytest.fixture
def classifier(colour_model):
    return Classifier.load(colour_model())


@pytest.fixture
def typed(monkeypatch):
    """Puts bytes on standard input."""

    def put(data):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return put


def found(*names):
    return [(one.name, one.problem) for one in named.find([str(name) for name in names])]


def names(*given):
    return [name for name, _ in found(*given)]


def read(classifier, *given):
    return list(moods.read(classifier, named.find([str(one) for one in given]), LARGEST))


def test_a_picture_gets_its_mood_with_a_probability_for_each(classifier, coloured_picture):
    (mood,) = read(classifier, coloured_picture("angry"))
    assert mood.label == "angry"
    assert list(mood.probabilities) == list(LABELS)
    assert mood.probabilities["angry"] == max(mood.probabilities.values()) > 0.9
    assert sum(mood.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert mood.problem == ""


def test_a_name_that_is_no_utf_8_can_be_printed(classifier, coloured_picture, tmp_path):
    picture = coloured_picture("sad")
    try:
        picture.rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (mood,) = read(classifier, tmp_path)
    (lacking,) = found(os.fsdecode(b"na\xefve.png"))
    assert mood.label == "sad" and mood.picture.encode().endswith("caf\ufffd.png".encode())
    assert lacking == ("na\ufffdve.png", "na\ufffdve.png is not here")


def test_what_an_operating_system_left_in_a_folder_is_no_picture(coloured_picture, tmp_path):
    for name in ("pets/a.png", "pets/._a.png", "pets/__MACOSX/a.png"):
        coloured_picture("sad", name)
    assert names(tmp_path / "pets") == [str(tmp_path / "pets/a.png")]


def test_a_list_is_a_list_whatever_its_first_letters(typed):
    typed(b"BMW.jpg\ncat.jpg\n")
    assert names("-") == ["BMW.jpg", "cat.jpg"]


def test_a_bad_file_has_its_reason_and_the_rest_go_on(classifier, coloured_picture, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    answers = read(classifier, coloured_picture("sad"), bad, coloured_picture("happy"))
    assert [mood.label for mood in answers] == ["sad", "", "happy"]
    assert "bad.jpg: not a picture" in answers[1].problem
    assert answers[1].probabilities == {}


def test_only_bad_files_are_answered_too(classifier, tmp_path):
    (tmp_path / "empty.png").touch()
    (mood,) = read(classifier, tmp_path / "empty.png")
    assert "the file is empty" in mood.problem


def test_a_picture_of_too_many_pixels_is_named_before_it_is_decoded(classifier, coloured_picture):
    path = coloured_picture("sad")
    (mood,) = moods.read(classifier, named.find([str(path)]), largest_pixels=1999)
    assert "40x50" in mood.problem or "50x40" in mood.problem


def test_more_pictures_than_a_chunk_stay_in_order(classifier):
    wanted = [LABELS[index % 4] for index in range(CHUNK + 7)]
    colours = {"happy": (220, 180, 60), "sad": (60, 90, 200), "angry": (200, 60, 50), "other": (130,) * 3}
    files = [
        named.Found(f"{index}", images.encode_png(np.full((8, 8, 3), colours[mood], np.uint8)))
        for index, mood in enumerate(wanted)
    ]
    answers = list(moods.read(classifier, iter(files), LARGEST))
    assert [mood.label for mood in answers] == wanted
    assert [mood.picture for mood in answers] == [f"{index}" for index in range(CHUNK + 7)]


def test_the_first_chunk_is_answered_before_the_rest_is_read(classifier):
    asked = []

    def files():
        for index in range(3 * CHUNK):
            asked.append(index)
            yield named.Found(f"{index}", images.encode_png(np.zeros((4, 4, 3), np.uint8)))

    next(moods.read(classifier, files(), LARGEST))
    assert len(asked) == CHUNK


def test_of_a_chunk_hardly_any_file_is_in_memory_at_once(classifier):
    class Held(named.Found):
        """Unlike its parent it can be asked whether it is still there."""

    alive, most = WeakSet(), []

    def files():
        for index in range(CHUNK):
            alive.add(one := Held(f"{index}", images.encode_png(np.zeros((4, 4, 3), np.uint8))))
            most.append(len(alive))
            yield one

    assert len(list(moods.read(classifier, files(), LARGEST))) == CHUNK
    assert max(most) <= 2


def test_of_a_film_only_the_first_bytes_are_read(classifier, tmp_path):
    film = tmp_path / "pets.mov"
    film.write_bytes(b"\0\0\0\x14ftypqt  " + bytes(100_000))
    (one,) = named.find([str(film)])
    assert len(one.data) < 100
    (mood,) = read(classifier, film)
    assert "pets.mov: not a picture" in mood.problem


def test_a_folder_gives_the_pictures_below_it_in_order_and_nothing_else(coloured_picture, tmp_path):
    later, first = coloured_picture("sad", "pets/b/2.png"), coloured_picture("sad", "pets/a/1.PNG")
    (tmp_path / "pets" / "notes.txt").write_text("no picture")
    assert names(tmp_path / "pets") == [str(first), str(later)]


def test_a_folder_named_like_a_picture_is_no_picture(coloured_picture, tmp_path):
    inside = coloured_picture("sad", "pets/album.jpg/1.png")
    assert names(tmp_path / "pets") == [str(inside)]


def test_an_empty_folder_is_reported(tmp_path):
    assert found(tmp_path) == [(str(tmp_path), f"{tmp_path} holds no pictures")]


def test_a_glob_gives_its_matches_in_order(coloured_picture, tmp_path):
    paths = [coloured_picture("sad", f"pets/{name}/x.png") for name in ("b", "a")]
    assert names(tmp_path / "pets/*/*.png") == [str(path) for path in sorted(paths)]


def test_a_glob_is_relative_to_the_working_directory(coloured_picture, tmp_path, monkeypatch):
    coloured_picture("sad", "pets/1.png")
    monkeypatch.chdir(tmp_path)
    assert names("pets/*.png") == ["pets/1.png"]


def test_two_stars_look_into_every_folder(coloured_picture, tmp_path):
    deep = coloured_picture("sad", "pets/a/b/1.png")
    assert names(tmp_path / "**/*.png") == [str(deep)]


def test_a_folder_that_a_glob_matches_gives_its_pictures(coloured_picture, tmp_path):
    paths = [coloured_picture("sad", name) for name in ("pets/1.png", "pets/more/2.png")]
    assert names(tmp_path / "pets/*") == [str(path) for path in paths]


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(coloured_picture):
    path = coloured_picture("sad", "cat [1].png")
    assert found(path) == [(str(path), "")]


def test_a_name_that_matches_nothing_is_reported(tmp_path):
    assert found(tmp_path / "nobody*.png") == [
        (str(tmp_path / "nobody*.png"), f"{tmp_path}/nobody*.png is not here")
    ]


@pytest.mark.parametrize("name", ["", ".", "~", "**", "a**b", "[", "x" * 5000, "a\0b"])
def test_an_odd_name_never_raises(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (only,) = named.find([name])
    assert only.problem


def test_an_empty_name_is_not_the_current_folder(coloured_picture, tmp_path, monkeypatch):
    coloured_picture("sad")
    monkeypatch.chdir(tmp_path)
    assert found("", ".") == [("", "an empty name stands for no picture"), ("sad.png", "")]


def test_a_picture_on_standard_input_is_read(classifier, coloured_picture, typed):
    typed(coloured_picture("angry").read_bytes())
    (mood,) = read(classifier, "-")
    assert (mood.picture, mood.label) == ("standard input", "angry")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_list_of_names_on_standard_input_is_followed(classifier, coloured_picture, typed, tmp_path, ending):
    paths = [coloured_picture("sad"), coloured_picture("happy", "größer, schöner.png")]
    typed(ending.join(["", *map(str, paths), str(tmp_path / "missing.png"), ""]).encode())
    answers = read(classifier, "-")
    assert [mood.label for mood in answers] == ["sad", "happy", ""]
    assert answers[2].problem.endswith("missing.png is not here")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xfe\xff\x00"])
def test_standard_input_that_is_neither_is_reported(typed, data):
    typed(data)
    assert found("-") == [("standard input", "standard input is neither a picture nor a list of file names")]


def test_a_file_that_may_not_be_read_is_reported(coloured_picture, monkeypatch):
    path = coloured_picture("sad")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read everything
    assert found(path) == [(str(path), f"{path}: Permission denied")]
