"""Which file of a tree belongs to which split and label."""

import unicodedata
from pathlib import PurePosixPath

import pytest

from pawtrait.dataset.layout import Layout, is_junk, recognise


def _tree(*paths: str) -> Layout:
    """A layout of files that all differ."""
    return recognise({path: path for path in paths})


def _targets(layout: Layout) -> list[str]:
    return [spot.target for spot in layout.spots]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("train/happy/1.jpg", "train/happy/1.jpg"),
        ("some/where/Training/Happy/1.jpg", "train/happy/1.jpg"),
        ("val/Sad/1.jpg", "valid/sad/1.jpg"),
        ("validation/ANGRY /1.jpg", "valid/angry/1.jpg"),
        ("Testing/other/1.jpg", "test/other/1.jpg"),
        ("test/images/happy/1.jpg", "test/happy/1.jpg"),
        ("train/happy/dogs/1.jpg", "train/happy/1.jpg"),
        ("happy/train/1.jpg", "train/happy/1.jpg"),
        ("train/train/sad/1.jpg", "train/sad/1.jpg"),
        ("happy/1.jpg", "unsplit/happy/1.jpg"),
        ("pets/Happy/cats/1.jpg", "unsplit/happy/1.jpg"),
        ("train/sleepy/1.jpg", "train/sleepy/1.jpg"),
        ("Sleepy/1.jpg", "unsplit/sleepy/1.jpg"),
        ("train/1.jpg", "train/unlabelled/1.jpg"),
        ("1.jpg", "unsplit/unlabelled/1.jpg"),
    ],
)
def test_folders_name_the_split_and_the_label(path: str, target: str) -> None:
    assert _targets(_tree(path)) == [target]


def test_kaggles_second_copy_of_the_training_pictures_is_not_counted() -> None:
    layout = recognise(
        {
            "Master Folder/train/Angry/1.jpg": "a",
            "Master Folder/valid/Angry/2.jpg": "b",
            "Master Folder/train/Sad/aug-1-3.jpg": "c",
            "Angry/1.jpg": "a",
            "Sad/aug-1-3.jpg": "written anew, so other bytes",
        }
    )
    assert _targets(layout) == ["train/angry/1.jpg", "train/sad/aug-1-3.jpg", "valid/angry/2.jpg"]
    assert layout.twins == ("Angry/1.jpg", "Sad/aug-1-3.jpg")


def test_a_picture_beside_the_splits_that_is_in_none_stays() -> None:
    layout = recognise({"train/happy/1.jpg": "a", "happy/1.jpg": "b", "sad/1.jpg": "a"})
    assert _targets(layout) == ["unsplit/happy/1.jpg", "unsplit/sad/1.jpg", "train/happy/1.jpg"]
    assert layout.twins == ()


def test_copies_inside_one_split_all_stay_for_the_grouping_to_see() -> None:
    layout = recognise({"train/happy/1.jpg": "a", "train/happy/2.jpg": "a", "test/happy/3.jpg": "a"})
    assert len(layout.spots) == 3


def test_two_files_for_one_target_get_names_of_their_own_whatever_else_is_there() -> None:
    alone = _tree("dogs/happy/1.jpg", "eels/happy/1.jpg")
    among = _tree("dogs/happy/1.jpg", "eels/happy/1.jpg", "cows/happy/2.jpg")
    assert len(set(_targets(alone))) == 2
    assert _targets(alone)[0] == "unsplit/happy/1.jpg"
    assert set(_targets(alone)) < set(_targets(among))


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    first, second = _targets(_tree("happy/A.jpg", "happy/a.jpg"))
    assert first.casefold() != second.casefold()


def test_a_name_made_for_one_picture_never_covers_another() -> None:
    made = _targets(_tree("a/happy/1.jpg", "b/happy/1.jpg"))[1].rsplit("/", 1)[1]
    targets = _targets(_tree("a/happy/1.jpg", "b/happy/1.jpg", f"a/happy/{made}", f"c/happy/{made}"))
    assert len(set(targets)) == 4


def test_non_ascii_names_are_kept_in_composed_form() -> None:
    decomposed = unicodedata.normalize("NFD", "happy/Kätzchen 🐈.jpg")
    assert _targets(_tree(decomposed)) == ["unsplit/happy/Kätzchen 🐈.jpg"]


@pytest.mark.parametrize(
    "name", ["a\nb.jpg", "a\\b.jpg", "a\udcffb.jpg", "a:b.jpg", "a\0b.jpg", "a\u202fb.jpg", "a\u200eb.jpg"]
)
def test_names_that_a_table_or_a_file_system_cannot_hold_are_tamed(name: str) -> None:
    assert _targets(_tree(f"happy/{name}")) == ["unsplit/happy/a_b.jpg"]


@pytest.mark.parametrize(
    "name",
    ["3.04.05\u202fPM.png", "a\u00a0b.jpg", "\U0001f469\u200d\U0001f4bb.jpg", "\u200e1.jpg", "a\ue000.jpg"],
)
def test_what_is_tamed_is_what_the_manifest_takes(name: str) -> None:
    (target,) = _targets(_tree(f"happy/{name}"))
    assert PurePosixPath(target).name.isprintable()


def test_copies_in_a_folder_whose_names_are_taken_still_point_to_their_original() -> None:
    names = ("001.jpg", "aug-1-001.jpg", "aug-3-001.jpg")
    cats = [f"happy/cats/{name}" for name in names[:2]]
    dogs = [f"happy/dogs/{name}" for name in names]
    targets = dict(zip([*cats, *dogs], _targets(_tree(*cats, *dogs)), strict=True))
    assert [targets[path] for path in cats] == ["unsplit/happy/001.jpg", "unsplit/happy/aug-1-001.jpg"]
    own = PurePosixPath(targets[dogs[0]]).name
    assert own.startswith("001-") and own != "001.jpg"
    assert [PurePosixPath(targets[path]).name for path in dogs[1:]] == [f"aug-1-{own}", f"aug-3-{own}"]


def test_a_very_long_name_is_cut_and_keeps_its_ending() -> None:
    (target,) = _targets(_tree(f"happy/{'ä' * 125}.jpg"))
    assert len(target.split("/")[2].encode()) <= 200
    assert target.endswith("ä.jpg")


@pytest.mark.parametrize(
    "path",
    [
        "happy/.DS_Store",
        "happy/Thumbs.db",
        "__MACOSX/happy/._1.jpg",
        ".git/happy/1.jpg",
        "a/1.jpg:Zone.Identifier",
        "lost+found/#12/1.jpg",
    ],
)
def test_what_operating_systems_leave_behind_is_junk(path: str) -> None:
    assert is_junk(path)
    assert _tree(path) == Layout((), (), (path,), ())


def test_a_read_me_is_no_picture_but_text_among_the_pictures_goes_on_to_validation() -> None:
    layout = _tree("README.md", "docs/notes.txt", "happy/notes.txt", "sad/fake.jpg")
    assert layout.others == ("README.md", "docs/notes.txt")
    assert _targets(layout) == ["unsplit/happy/notes.txt", "unsplit/sad/fake.jpg"]


def test_every_file_stands_in_exactly_one_part() -> None:
    paths = ["train/happy/1.jpg", "README.md", ".hidden", "happy/2.jpg", "x/Thumbs.db"]
    layout = _tree(*paths)
    seen = [spot.origin for spot in layout.spots] + [*layout.twins, *layout.junk, *layout.others]
    assert sorted(seen) == sorted(paths)
