"""Blind reviews through the command line: in a terminal and by a sheet."""

import csv
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pawtrait import cli, newest, quarantine, reviewing
from pawtrait.adapters.store import database, feedback, settling
from pawtrait.dataset import manifest, scan
from pawtrait.dataset.manifest import Record
from pawtrait.stages import forget
from tests.stages import feedback_project as project
from tests.stages.feedback_project import FEEDBACK, send

SHEET = Path("q/sheet.csv")
ON_SHOW = Path(".cache/review")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return project.enter(tmp_path, monkeypatch)


def typed(*arguments, answers=""):
    """What a person sees who types the command and then the answers."""
    done = CliRunner().invoke(cli.app, ["feedback", *arguments], input=answers)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def verdicts():
    with database.opened() as engine:
        return feedback.verdicts(engine)


def fill(*words):
    """Write verdicts into the sheet, one a line."""
    with SHEET.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with SHEET.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, rows[0])
        table.writeheader()
        table.writerows(row | {"verdict": word} for row, word in zip(rows, words, strict=True))


def guessed(seed, client, label, guess):
    """A client corrects a guess of the model's in a file whose name tells both."""
    from pawtrait.adapters.store.feedback import Said
    from pawtrait.adapters.store.pictures import Pictures

    name = Pictures().put(project.picture(seed))
    said = {"client": client, "consent": True, "label": label, "predicted": guess}
    row = Said(id=f"{seed}", time=project.START, picture=name, name=f"{label}-dog.png", **said)
    with database.opened() as engine:
        feedback.add(engine, [row])
    return name


def test_a_sheet_and_its_pictures_say_nothing_of_what_others_think():
    guessed(1, "ann", "sad", "angry")
    typed("queue", "--out", "q")
    [row] = csv.DictReader(SHEET.open(encoding="utf-8"))
    assert (row["verdict"], row["reason"]) == ("", "")
    text = " ".join([SHEET.read_text(encoding="utf-8"), *(path.name for path in Path("q").iterdir())])
    assert not [word for word in ("sad", "angry", "ann", "dog") if word in text.removesuffix("sheet.csv")]
    assert (Path("q") / row["file"]).read_bytes() == project.picture(1)


def test_a_filled_in_sheet_counts_once_under_one_spelling_of_the_name():
    first, second = sorted([send(1, "ann"), send(2, "ben")])
    said = typed("queue", "--out", "q", "--reviewer", "Rosa")
    assert said.endswith("then: pawtrait feedback review --reviewer Rosa --file q/sheet.csv\n")
    fill("S", "unusable")
    assert typed("review", "--file", str(SHEET), "--reviewer", "Rosa ") == "2 new\n"
    assert typed("review", "--file", str(SHEET), "--reviewer", "rosa") == "0 new, 2 reviewed before\n"
    assert verdicts() == {"rosa": {first: "sad", second: "unusable"}}
    assert typed("queue", "--out", "again", "--reviewer", "ROSA").startswith("0 pictures")


def test_empty_lines_of_a_sheet_are_left_for_later():
    send(1, "ann"), send(2, "ben")
    typed("queue", "--out", "q")
    fill("happy", "")
    assert typed("review", "--file", str(SHEET), "--reviewer", "rosa") == "1 new\n"


def test_a_word_that_is_no_verdict_refuses_the_whole_sheet(pawtrait):
    send(1, "ann"), send(2, "ben")
    typed("queue", "--out", "q")
    fill("happy", "sleepy")
    done = pawtrait("feedback", "review", "--file", SHEET, "--reviewer", "rosa")
    assert done.code == 2
    assert done.err == (
        "pawtrait: q/sheet.csv, line 3: 'sleepy'; expected one of happy, sad, angry, other, unusable\n"
    )
    assert verdicts() == {}


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "picture,verdict\nx"], ids=["columns", "short line"])
def test_what_is_no_sheet_is_refused_or_empty(text, pawtrait):
    Path("s.csv").write_text(text)
    done = pawtrait("feedback", "review", "--file", "s.csv", "--reviewer", "rosa")
    assert (done.code, verdicts()) in ((2, {}), (0, {}))
    assert "Traceback" not in done.err


def test_a_sheet_about_pictures_that_are_settled_meanwhile_says_so():
    send(1, "ann", reviews="s")
    typed("queue", "--out", "q", "--reviewer", "rosa")
    fill("sad")
    with database.opened() as engine:
        [said] = feedback.between(engine, project.START, project.START.replace(year=2030))
        last = feedback.Review(id="z", time=said.time, picture=said.picture, reviewer="sol", verdict="sad")
        feedback.add_reviews(engine, [last])
    project.run()
    assert typed("review", "--file", str(SHEET), "--reviewer", "rosa") == "0 new, 1 settled or unknown\n"


def test_a_folder_with_something_in_it_is_not_written_over(pawtrait):
    Path("q").mkdir()
    Path("q/mine.txt").write_text("mine")
    done = pawtrait("feedback", "queue", "--out", "q")
    assert (done.code, Path("q/mine.txt").read_text()) == (2, "mine")


def test_in_a_terminal_the_models_guess_comes_after_the_answer():
    name = guessed(1, "ann", "sad", "angry")
    said = typed("review", "--reviewer", "rosa", answers="nonsense\nh\n")
    shown = re.search(rf"1/1  \.cache/review/\S+/{name[:16]}\.png", said)
    question, answer = shown.start(), said.index("  you: happy;")
    assert "the model" not in said[:answer] and "people: sad" not in said[:answer]
    assert said[answer:].strip() == "you: happy; the model: angry; people: sad"
    assert question < said.index("expected one of") < answer
    assert verdicts() == {"rosa": {name: "happy"}}
    assert list(ON_SHOW.iterdir()) == []


@pytest.fixture
def meanwhile(monkeypatch):
    """Something happens while the first question stands; then ``h`` is typed, to every question."""

    def happens(act):
        acts = [act]

        def prompt(question, *_, **__):
            if acts:
                acts.pop()(question)
            return "h"

        monkeypatch.setattr("typer.prompt", prompt)

    return happens


def test_two_reviewers_in_one_checkout_keep_out_of_each_others_way(meanwhile):
    names = {send(seed, f"client{seed}") for seed in range(2)}
    meanwhile(lambda _: typed("review", "--reviewer", "sol"))
    typed("review", "--reviewer", "rosa")
    assert verdicts() == {who: dict.fromkeys(names, "happy") for who in ("rosa", "sol")}


def test_a_session_that_is_broken_off_leaves_no_picture_behind():
    send(1, "ann")
    said = CliRunner().invoke(cli.app, ["feedback", "review", "--reviewer", "rosa"], input="")
    assert (said.exit_code, list(ON_SHOW.rglob("*"))) == (1, [])


def test_a_terminal_that_is_closed_leaves_no_picture_behind():
    send(1, "ann")
    command = [sys.executable, "-m", "pawtrait", "feedback", "review", "--reviewer", "rosa"]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a child inherits that nohup ignores it
    try:
        session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGHUP, before)
    with session:
        deadline = time.monotonic() + 60
        while not list(ON_SHOW.rglob("*.png")):
            assert session.poll() is None and time.monotonic() < deadline, "it showed no picture"
            time.sleep(0.05)
        session.send_signal(signal.SIGHUP)
        assert session.wait(60) == 1
    assert list(ON_SHOW.rglob("*")) == []


def test_a_picture_is_on_show_until_its_reviewer_has_said_what_is_wrong_with_it(monkeypatch):
    send(1, "ann")
    words, shown = ["u", "no pet in it"], []

    def prompt(*_, **__):
        shown.append(len(list(ON_SHOW.rglob("*.png"))))
        return words.pop(0)

    monkeypatch.setattr("typer.prompt", prompt)
    typed("review", "--reviewer", "rosa")
    assert (shown, list(ON_SHOW.rglob("*"))) == ([1, 1], [])


def test_pictures_that_are_forgotten_during_a_session_are_passed_over(meanwhile):
    names = sorted(send(seed, f"client{seed}") for seed in range(3))

    def forgets(question):
        for name in names[:2]:
            forget.run(what=name, feedback=FEEDBACK)
        assert not Path(question.split()[1]).exists()

    meanwhile(forgets)
    said = typed("review", "--reviewer", "rosa")
    assert verdicts() == {"rosa": {names[2]: "happy"}}
    assert said.count("not saved: the picture was just deleted") == 1


def test_a_picture_whose_bytes_have_changed_is_told_and_the_others_go_on(caplog):
    damaged, whole = sorted(send(seed, f"client{seed}") for seed in range(2))
    typed("status")
    (Path("data/inbox") / damaged[:2] / damaged).write_bytes(b"no picture")
    assert typed("queue", "--out", "q").startswith("1 pictures in q")
    typed("review", "--reviewer", "rosa", answers="h\n")
    assert verdicts() == {"rosa": {whole: "happy"}}
    assert caplog.text.count(f"pawtrait forget {damaged}") == 2


def test_enter_leaves_a_picture_for_later_q_stops_and_what_was_said_stays():
    names = sorted(send(seed, f"client{seed}") for seed in range(4))
    typed("review", "--reviewer", "rosa", answers="\nu\nno pet in it\nq\n")
    assert verdicts() == {"rosa": {names[1]: "unusable"}}
    with database.opened() as engine:
        waiting = settling.candidates(engine, quarantine.FAR)
    assert [one.reason for sent in waiting for one in sent.verdicts] == ["no pet in it"]


def test_the_status_counts_and_says_how_far_reviewers_agree():
    send(1, "ann", reviews="ss"), send(2, "ben", reviews="hs"), send(3, "cem", side=20)
    lines = typed("status", "--reasons").splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["1", "0", "1", "1"]
    assert lines[4] == "r0 and r1 agree on 1 of 2 pictures, kappa 0.00"
    assert sum("validate.least_side" in line for line in lines) == 1


def test_once_a_month_is_frozen_its_status_still_says_why_a_picture_was_rejected():
    """Quarantine knows it no more; what came with a part more counts too, another month's does not."""
    taken, small, late = send(1, "ann", reviews="ss"), send(2, "ben", side=20), send(3, "cem")
    project.run()
    with database.opened() as engine:
        feedback.add_reviews(engine, [reviewing.review(late, who, "sad") for who in ("rosa", "sol")])
    project.run(again=True)
    assert small[:16] not in typed("status", "--reasons")
    counts, told = (typed("status", "--month", "2026-11", *more).splitlines() for more in ((), ["--reasons"]))
    assert counts == ["     2  entered the month's snapshots", "     1  were rejected"] == told[:2]
    (why,) = [line for line in told if line.startswith(small[:16])]
    assert "  2026-11  rejected  " in why and "validate.least_side" in why
    assert f"{taken[:16]}  2026-11  accepted  2 of 2 reviewers say sad" in told
    assert f"{late[:16]}  2026-11b  accepted  2 of 2 reviewers say sad" in told
    assert [line.split()[0] for line in typed("status", "--month", "2026-10").splitlines()] == ["0", "0"]


def test_the_status_of_what_is_no_month_is_one_line(pawtrait):
    """As the beginning of a month's name it would count October, November and December together."""
    wrong = pawtrait("feedback", "status", "--month", "2026-1")
    expected = "pawtrait: '2026-1' is not a month; expected YYYY-MM, such as 2026-11\n"
    assert (wrong.code, wrong.out, wrong.err) == (2, "", expected)


def test_labels_of_the_house_with_a_bad_line_end_with_1_and_the_rest_is_in(root, pawtrait):
    (root / "1.png").write_bytes(project.picture(1))
    (root / "labels.csv").write_text("picture,label\n1.png,sad\n2.png,sad\n")
    done = pawtrait("feedback", "ingest", "labels.csv", "--annotator", "carla")
    assert (done.code, done.out) == (1, "1 new, 0 known already, 1 not taken\n")
    assert done.err == "labels.csv, line 3: 2.png is not here\n"


def test_freezing_and_forgetting_by_command(pawtrait, monkeypatch):
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-30T12:00:00")
    name = send(1, "ann", reviews="ss")
    assert pawtrait("feedback", "freeze", "--month", "2026-11").out.startswith("2026-11: 1 accepted, 0 rej")
    done = pawtrait("forget", name)
    assert done.out.splitlines()[0] == "deleted: 1 pictures, 5 rows"
    assert "snapshot 2026-11 still holds it" in done.out
    assert "if nothing is left to freeze, run only the first and the last" in done.out
    assert pawtrait("forget", "nobody").code == 2
    assert pawtrait("feedback", "freeze", "--month", "11").code == 2


def test_freezing_by_command_knows_the_pictures_of_the_newest_tables(pawtrait, monkeypatch):
    """As status, queue and review do: a month in the clone learned from this one since."""
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-30T12:00:00")
    name = send(1, "ann", reviews="ss")
    known = scan.look(
        project.picture(1), "1.png", label="sad", published="train", source="demo", largest_pixels=10**6
    )
    manifest.write(newest.CLONE / newest.MANIFEST, [known], Record)
    (newest.CLONE / newest.SPLITS).touch()
    (newest.CLONE / "dvc.lock").touch()
    assert known.id == name
    assert "nothing new was accepted, 1 rejected" in pawtrait("feedback", "freeze", "--month", "2026-11").out
