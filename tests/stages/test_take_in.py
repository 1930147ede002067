"""Label files of the house: taken in once, bad lines told, what was forgotten stays out."""

import os
from datetime import UTC, datetime

import pytest

from pawtrait.adapters.store import database, feedback, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import labelled
from pawtrait.errors import BadFeedback
from pawtrait.stages import collect, forget, take_in
from tests.stages.feedback_project import FEEDBACK, MANIFEST, picture


def _labels(root, name, text):
    (root / "house").mkdir(exist_ok=True)
    for seed in (1, 2):
        (root / f"house/{seed}.png").write_bytes(picture(seed))
    (root / "house" / name).write_text(text, encoding="utf-8")
    return root / "house" / name


TABLES = {
    "labels.csv": "picture,label,annotator\n1.png,Sad,Carla\n2.png,happy,\n",
    "labels.jsonl": '{"picture": "1.png", "label": "sad", "annotator": "carla "}\n\n'
    '{"picture": "2.png", "label": "HAPPY"}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_labels_of_the_house_come_in_once_and_wait_for_one_more_reviewer(root, name):
    file = _labels(root, name, TABLES[name])
    assert take_in.run(labels=file, annotator="in-house") == take_in.Taken(2, 0, ())
    assert take_in.run(labels=file, annotator="in-house") == take_in.Taken(0, 2, ())
    with database.opened() as engine:
        rows = feedback.between(engine, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert sorted((row.client, row.label, row.source, row.name) for row in rows) == [
        ("carla", "sad", "in-house", "1.png"),
        ("in-house", "happy", "in-house", "2.png"),
    ]
    assert {ruling.reason for ruling in collect.run(manifest=MANIFEST).rulings} == {
        "1 of 2 reviewers have seen it"
    }


def test_a_folder_of_labels_comes_in_and_what_is_none_is_told(root):
    for name in ("sad/1.png", "Happy/2.png", "sleepy/3.png"):
        (root / "house" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "house" / name).write_bytes(picture(len(name)))
    (root / "house/sad/.DS_Store").touch()
    (root / "house/sad/note.txt").write_text("no picture")
    (root / "house/sad/fake.png").write_text("no picture either")
    taken = take_in.run(labels=root / "house", annotator="carla")
    assert taken.new == 2
    assert sorted(taken.problems) == [
        "fake.png: not a picture (expected JPEG, PNG, GIF, WebP, BMP or TIFF)",
        "sad/note.txt: no picture by its ending",
        "sleepy/3.png: expected LABEL/NAME with a label of happy, sad, angry, other",
    ]


def test_a_name_that_is_no_utf_8_comes_in_too(root):
    """As archives from Windows leave them; one ended the ingest for all others."""
    (root / "house/sad").mkdir(parents=True)
    try:
        (root / "house/sad" / os.fsdecode(b"a\xe9.png")).write_bytes(picture(1))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (root / "house/sad/b.png").write_bytes(picture(2))
    assert take_in.run(labels=root / "house", annotator="carla") == take_in.Taken(2, 0, ())
    with database.opened() as engine:
        rows = feedback.between(engine, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert sorted(row.name for row in rows) == ["a\ufffd.png", "b.png"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("../secret.png,sad", "expected a name relative to the file's folder, within it"),
        ("/etc/passwd,sad", "expected a name relative to the file's folder, within it"),
        (",sad", "expected a name relative to the file's folder, within it"),
        ("1.png,sleepy", "label 'sleepy'; expected happy, sad, angry, other"),
        ("nowhere.png,sad", "nowhere.png is not here"),
        (f"{'x' * 300}.png,sad", f"{'x' * 200} is not here"),
        (f"1.png,sad,{'x' * 65}", "is no name of a person; expected 1 to 64 characters"),
    ],
)
def test_a_bad_line_is_told_and_stops_no_other(root, line, problem):
    file = _labels(root, "labels.csv", f"picture,label,annotator\n{line}\n2.png,sad, \n")
    (root / "secret.png").write_bytes(picture(3))
    taken = take_in.run(labels=file, annotator="carla")
    assert taken.new == 1
    assert taken.problems[0].startswith("labels.csv, line 2: ") and taken.problems[0].endswith(problem)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file,mood\n"),
        ("labels.csv", 'picture,label,comment\n1.png,sad,"blurry\n2.png,happy,\n'),  # would swallow 2.png
        ("labels.jsonl", "no json\n"),
        ("labels.xlsx", ""),
        ("labels.csv", ""),
    ],
)
def test_a_file_that_holds_no_labels_is_refused_as_a_whole(root, name, text):
    with pytest.raises(BadFeedback, match=r"labels\.(csv|jsonl|xlsx)"):
        take_in.run(labels=_labels(root, name, text), annotator="carla")


def test_a_label_folder_may_be_a_link_and_a_picture_that_leads_nowhere_is_told(root):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/1.png").write_bytes(picture(1))
    (root / "house/happy").mkdir(parents=True)
    (root / "house/happy/gone.png").symlink_to(root / "nowhere.png")
    (root / "house/sad").symlink_to(root / "elsewhere")
    taken = take_in.run(labels=root / "house", annotator="carla")
    assert (taken.new, taken.problems) == (1, ("happy/gone.png: a link to what is not here",))


def test_a_line_of_json_may_hold_any_letter(root):
    text = '{"picture": "1.png", "label": "sad", "why": "one\u2028two\x85three"}\n'
    assert take_in.run(labels=_labels(root, "labels.jsonl", text), annotator="carla").new == 1


def test_one_name_in_two_encodings_of_unicode_is_one_person(root):
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    file = _labels(root, "labels.csv", f"picture,label,annotator\n1.png,sad,{decomposed}\n")
    take_in.run(labels=file, annotator="carla")
    assert labelled.person(composed) == labelled.person(decomposed)
    with database.opened() as engine:
        [candidate] = settling.candidates(engine, datetime(2100, 1, 1, tzinfo=UTC))
    assert [one.client for one in candidate.sent] == [labelled.person(composed)]


def test_a_label_that_is_corrected_back_counts(root):
    for label in ("happy", "sad", "happy"):
        file = _labels(root, "labels.csv", f"picture,label\n1.png,{label}\n")
        assert take_in.run(labels=file, annotator="carla") == take_in.Taken(1, 0, ())
        assert take_in.run(labels=file, annotator="carla") == take_in.Taken(0, 1, ())
        assert _voices() == [("carla", label)]


def test_a_file_that_holds_its_own_corrections_comes_in_once(root):
    """As one to whose end annotators add, brought in every night."""
    lines = ["1.png,happy,carla", "1.png,sad,ben", "1.png,sad,carla"]
    file = _labels(root, "labels.csv", "\n".join(["picture,label,annotator", *lines]))
    assert [take_in.run(labels=file, annotator="x").new for _ in range(2)] == [3, 0]
    lines += ["1.png,happy,carla", "1.png,angry,ben"]
    file = _labels(root, "labels.csv", "\n".join(["picture,label,annotator", *lines]))
    assert [take_in.run(labels=file, annotator="x").new for _ in range(2)] == [2, 0]
    assert sorted(_voices()) == [("ben", "angry"), ("carla", "happy")]


def _voices():
    with database.opened() as engine:
        [candidate] = settling.candidates(engine, datetime(2100, 1, 1, tzinfo=UTC))
    return [(voice.reviewer, voice.verdict) for voice in candidate.voices]


def test_what_was_forgotten_does_not_come_in_again(root):
    file = _labels(root, "labels.csv", "picture,label\n1.png,sad\n")
    take_in.run(labels=file, annotator="carla")
    with database.opened() as engine:
        [name] = [one.picture for one in settling.candidates(engine, datetime(2100, 1, 1, tzinfo=UTC))]
    forget.run(what=name, feedback=FEEDBACK)
    assert take_in.run(labels=file, annotator="ben").problems == (
        "1.png: was forgotten on request, and stays out",
    )
    assert not Pictures().has(name)
