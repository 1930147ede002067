"""From what people sent to a month's snapshot: once, whole, for ever, whatever the run dies at."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pawtrait import clock
from pawtrait.adapters.store import database, feedback, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import manifest, scan, snapshots
from pawtrait.errors import BadData, BadFeedback, BadParams, BadStore
from pawtrait.monitoring import shown
from pawtrait.stages import collect, forget, freeze
from tests.stages import feedback_project as project
from tests.stages.feedback_project import FEEDBACK, MANIFEST, MONTH, picture, send, settled, tree

SNAPSHOT = FEEDBACK / MONTH


pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture(autouse=True)
def _late_in_the_month(monkeypatch):
    """The month of the tests is not still to come, whenever they run."""
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-30T12:00:00")


def reasons():
    """Why pictures were rejected, by the snapshot."""
    rows = (SNAPSHOT / "rejected.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split(",", 1)[0]: line.split(",", 1)[1].strip('"') for line in rows}


def test_what_two_reviewers_agree_on_becomes_a_snapshot():
    sad, happy = send(1, "ann", reviews="ss"), send(2, "ben", label="sad", reviews="hh")
    send(3, "cem")
    frozen = project.run()
    assert frozen == freeze.Frozen(MONTH, 2, 0, (SNAPSHOT,))
    accepted = snapshots.read(FEEDBACK, MONTH)
    assert [(row.id, row.label) for row in accepted] == [(happy, "happy"), (sad, "sad")]
    assert (SNAPSHOT / f"pictures/sad/{sad[:16]}.png").read_bytes() == picture(1)


def test_a_month_turned_again_takes_what_came_since_as_a_part_more():
    first = send(1, "ann", reviews="ss")
    project.run()
    before = tree(SNAPSHOT)
    second = send(2, "ben", reviews="hh")
    assert project.run() == freeze.Frozen(MONTH, 1, 0, (SNAPSHOT,))  # without being told so it stays as it is
    part = FEEDBACK / f"{MONTH}b"
    assert project.run(again=True) == freeze.Frozen(MONTH, 2, 0, (SNAPSHOT, part))
    assert tree(SNAPSHOT) == before
    assert snapshots.months(FEEDBACK) == [MONTH, part.name]
    assert [row.id for row in snapshots.read(FEEDBACK, part.name)] == [second]
    assert settled() == sorted([(first, "sad"), (second, "happy")])


def test_a_month_turned_again_without_news_has_no_part_more():
    send(1, "ann", reviews="ss")
    for _ in range(2):
        assert project.run(again=True) == freeze.Frozen(MONTH, 1, 0, (SNAPSHOT,))


def test_a_month_has_at_most_as_many_parts_as_the_alphabet():
    parts = [MONTH, *(MONTH + letter for letter in settling.LETTERS)]
    assert settling.next_part(MONTH, parts[:-1]) == parts[-1] == f"{MONTH}z"
    with pytest.raises(BadFeedback, match="26 snapshots"):
        settling.next_part(MONTH, parts)


def test_a_month_still_to_come_is_not_settled():
    send(1, "ann", reviews="ss")
    with pytest.raises(BadParams, match="the month 2027-11 is in the future; expected 2026-12 at the latest"):
        freeze.run(month="2027-11", feedback=FEEDBACK, manifest=MANIFEST)
    assert settled() == []


def test_postgresql_freezes_the_same_bytes(postgres_database, monkeypatch):
    trees = []
    for address in (f"sqlite:///{Path.cwd()}/other.db", postgres_database):
        monkeypatch.setenv("DATABASE_URL", address)
        send(1, "ann", reviews="ss"), send(2, "ben", label="sad", reviews="hh"), send(3, "cem", side=20)
        assert (project.run().accepted, project.run().rejected) == (2, 1)
        trees.append(tree(FEEDBACK))
        shutil.rmtree(SNAPSHOT)
    assert trees[0] == trees[1]


def test_no_client_and_no_reviewer_is_named_in_a_snapshot():
    send(1, "ann-the-client", reviews="ss")
    project.run()
    text = "".join(path.read_text(errors="ignore") for path in SNAPSHOT.glob("*.*"))
    assert "ann-the-client" not in text and "r0" not in text


def test_every_rejection_has_its_reason():
    sad = send(1, "ann", reviews="ss")
    small, copy = send(2, "ann", side=20, minute=1), send(1002, "ann", reviews="ss", minute=2)
    unusable, torn = send(4, "ann", reviews="uu", minute=3), send(5, "ann", reviews="sha", minute=4)
    assert project.run().rejected == 4
    assert [row.id for row in snapshots.read(FEEDBACK, MONTH)] == [sad]
    assert reasons() == {
        small: "20x20 px; 48 px a side are needed (validate.least_side)",
        copy: "copy of test/sad/2.png, and no copy of a test picture enters training",
        unusable: "2 of 2 reviewers say unusable",
        torn: "3 reviewers do not agree: sad, happy, angry",
    }


def test_a_label_for_a_picture_that_waited_in_the_source_without_a_mood_is_no_copy():
    at_hand = {"label": "to_label", "published": "", "source": "folder", "largest_pixels": 10**6}
    waited = scan.look(picture(1), "unsplit/to_label/IMG_1.png", **at_hand)
    manifest.write(MANIFEST, [*manifest.read(MANIFEST, manifest.Record), waited], manifest.Record)
    labelled = send(1, "ann", reviews="ss")
    project.run()
    assert [(row.id, row.label) for row in snapshots.read(FEEDBACK, MONTH)] == [(labelled, "sad")]


def test_a_file_that_is_no_picture_is_rejected_as_anywhere():
    with database.opened() as engine:
        name = Pictures().put(picture(1)[:300])
        said = {"client": "ann", "consent": True, "label": "sad"}
        send(9, "ben", reviews="ss")
        feedback.add(engine, [feedback.Said(id="x", time=project.START, picture=name, **said)])
    project.run()
    assert reasons()[name].startswith("truncated or damaged")


def test_poison_from_one_client_stays_out_and_the_rest_of_the_month_comes_in():
    fair = {send(n, f"client{n}", reviews="ss") for n in range(3)}
    for n in range(100, 140):
        send(n, "mallory", label="angry", minute=n)
    project.run()
    assert {row.id for row in snapshots.read(FEEDBACK, MONTH)} == fair
    assert set(reasons().values()) == {
        "its sender sent more than 30 pictures in 2026-11 (feedback.client_pictures)"
    }
    assert len(reasons()) == 10


def test_nobody_looks_at_what_is_over_its_sender_s_limit(monkeypatch):
    """One client's thousands would hold up the night, the month and the gate."""
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("client_pictures: 30", "client_pictures: 2"))
    names = [send(n, "mallory", minute=n) for n in range(5)]
    seen, look = [], scan.look
    monkeypatch.setattr(scan, "look", lambda data, *it, **more: seen.append(data) or look(data, *it, **more))
    rulings = collect.run(manifest=MANIFEST).rulings
    assert seen == [picture(0), picture(1)]
    assert [(one.picture, one.outcome) for one in rulings] == list(
        zip(names, ["waiting"] * 2 + ["rejected"] * 3, strict=True)
    )


def test_a_client_has_one_limit_in_a_month_however_often_it_is_turned():
    for turn in range(3):
        for n in range(20):
            send(100 + 20 * turn + n, "mallory", minute=20 * turn + n, reviews="ss")
        project.run(again=turn > 0)
    with database.opened() as engine:
        rows = settling.of_month(engine, MONTH)
    assert {row.reason for row in rows if row.label is None} == {
        "its sender sent more than 30 pictures in 2026-11 (feedback.client_pictures)"
    }
    assert sum(row.label is None for row in rows) == 30
    assert (
        sum(row.label == "sad" for row in rows) == 10
    )  # so many always; its other 20 wait for other people's


def test_what_is_said_of_a_settled_picture_later_counts_towards_no_limit():
    name = send(1, "ann", reviews="ss")
    project.run()
    with database.opened() as engine:
        known = settling.earlier(engine)
        later = feedback.Said(
            id="later",
            time=clock.now() + timedelta(seconds=1),
            picture=name,
            client="ben",
            consent=True,
            label="sad",
        )
        feedback.add(engine, [later])
        assert settling.earlier(engine) == known
    assert [sent.client for sent in known[0].sent] == ["ann"]


def test_a_quorum_of_users_needs_no_reviewer():
    name = send(1, "ann", "ben", "cem", label="other")
    project.run()
    [row] = snapshots.read(FEEDBACK, MONTH)
    assert (row.id, row.label, row.reason) == (name, "other", "3 of 3 users say other")


def test_nothing_new_accepted_is_no_folder(capsys):
    send(1, "ann")
    assert project.run() == freeze.Frozen(MONTH, 0, 0, ())
    assert "nothing new was accepted" in capsys.readouterr().out
    assert not SNAPSHOT.exists()


def test_the_same_month_gives_the_same_bytes_even_after_more_was_said():
    waiting = send(2, "ben", reviews="h")
    send(1, "ann", reviews="ss")
    project.run()
    first = tree(FEEDBACK)
    with database.opened() as engine:
        review = feedback.Review(
            id="late", time=project.START, picture=waiting, reviewer="r1", verdict="happy"
        )
        feedback.add_reviews(engine, [review])
    shutil.rmtree(SNAPSHOT)
    project.run()
    assert tree(FEEDBACK) == first
    later = freeze.run(month="2026-12", feedback=FEEDBACK, manifest=MANIFEST)
    assert [row.id for row in snapshots.read(FEEDBACK, "2026-12")] == [waiting]
    assert later.accepted == 1
    assert tree(SNAPSHOT) == {name.removeprefix(f"{MONTH}/"): digest for name, digest in first.items()}


def test_what_was_sent_after_the_months_end_waits_for_its_own():
    send(1, "ann", reviews="ss", minute=40 * 24 * 60)
    assert project.run().folders == ()
    assert freeze.run(month="2026-12", feedback=FEEDBACK, manifest=MANIFEST).accepted == 1


def test_a_copy_of_an_earlier_months_picture_does_not_come_twice():
    send(1, "ann", reviews="ss")
    project.run()
    with database.opened() as engine:
        again = Pictures().put(_resaved(picture(1)))
        time = datetime(2026, 12, 5, tzinfo=UTC)
        said = {"client": "ben", "consent": True, "label": "sad"}
        feedback.add(engine, [feedback.Said(id="again", time=time, picture=again, **said)])
    done = freeze.run(month="2026-12", feedback=FEEDBACK, manifest=MANIFEST)
    assert (done.accepted, done.rejected) == (0, 1)
    with database.opened() as engine:
        [row] = settling.of_month(engine, "2026-12")
    assert row.reason.startswith("copy of picture ") and row.reason.endswith(", which came earlier")


def _resaved(data):
    """The same picture in other bytes."""
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def test_a_snapshot_that_was_damaged_is_made_again_and_a_whole_one_left_alone():
    name = send(1, "ann", reviews="ss")
    project.run()
    first, when = tree(FEEDBACK), (SNAPSHOT / "accepted.csv").stat().st_mtime_ns
    project.run()
    assert (SNAPSHOT / "accepted.csv").stat().st_mtime_ns == when
    (SNAPSHOT / f"pictures/sad/{name[:16]}.png").write_bytes(b"")
    with pytest.raises(BadFeedback, match="is not the file that was frozen"):
        snapshots.read(FEEDBACK, MONTH)
    project.run()
    assert tree(FEEDBACK) == first


def test_without_a_manifest_nothing_is_settled():
    send(1, "ann", reviews="ss")
    MANIFEST.unlink()
    with pytest.raises(BadData, match="run `dvc repro`"):
        project.run()
    assert settled() == []


def test_a_picture_that_is_not_at_hand_waits_and_is_not_lost():
    name = send(1, "ann", reviews="ss")
    shutil.move("data/inbox", "elsewhere")
    assert project.run().folders == ()
    shutil.move("elsewhere", "data/inbox")
    assert project.run().accepted == 1
    assert settled() == [(name, "sad")]


def test_every_night_pictures_go_a_step_on_and_none_is_settled():
    send(1, "ann", reviews="ss"), send(2, "ben"), send(3, "cem", side=20)
    quarantine = collect.run(manifest=MANIFEST)
    counts = {outcome: quarantine.count(outcome) for outcome in ("accepted", "waiting", "rejected", "held")}
    assert counts == {"accepted": 1, "waiting": 1, "rejected": 1, "held": 0}
    assert settled() == []


@pytest.mark.parametrize("every", ["18", pytest.param("1", marks=pytest.mark.slow)])
def test_killed_at_any_line_and_run_again_nothing_is_twice_and_nothing_lost(tmp_path, every):
    """SIGKILL, as by the system when memory runs out; `whole` is a run that nobody killed."""
    command = [sys.executable, project.__file__, str(tmp_path / "killed"), every]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    whole, *killed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(killed) > 100 / int(every)
    assert {one["signal"] for one in killed} == {9}
    for one in killed:
        assert {key: one[key] for key in whole} == whole, one["line"]
    assert [label for _, label in whole["settled"]].count(None) == 1
    assert sum("pictures/" in name for name in whole["tree"]) == 2


def test_forgetting_reaches_the_store_the_pictures_and_snapshots_to_come():
    name, other = send(1, "ann", reviews="ss"), send(2, "ben", reviews="hh")
    project.run()
    done = forget.run(what=f"{1}-ann", feedback=FEEDBACK)
    assert (done.pictures, done.months) == (1, (MONTH,))
    assert not Pictures().has(name) and Pictures().has(other)
    assert len(snapshots.read(FEEDBACK, MONTH)) == 2
    shutil.rmtree(SNAPSHOT)
    project.run()
    assert [row.id for row in snapshots.read(FEEDBACK, MONTH)] == [other]


@pytest.mark.parametrize("typed", [str.upper, "  {}\n".format], ids=["capitals", "blanks"])
def test_a_sum_in_capitals_or_with_blanks_around_it_is_forgotten_too(typed):
    name = send(1, "ann")
    assert forget.run(what=typed(name), feedback=FEEDBACK).pictures == 1
    assert not Pictures().has(name)


def test_an_id_with_blanks_around_it_is_found():
    send(1, "ann")
    assert forget.run(what=" 1-ann ", feedback=FEEDBACK).pictures == 1


def test_what_was_said_stays_while_the_pictures_cannot_be_had():
    """An operator who may not read the inbox was told that all is deleted, and the photo stayed."""
    name, inbox = send(1, "ann", reviews="ss"), Path("data/inbox")
    inbox.rename("away")
    inbox.symlink_to("inbox")  # leads to itself, which the system refuses even to root
    with pytest.raises(BadStore, match="data/inbox"):
        forget.run(what="1-ann", feedback=FEEDBACK)
    inbox.unlink()
    Path("away").rename(inbox)
    done = forget.run(what="1-ann", feedback=FEEDBACK)
    assert (done.pictures, done.rows) == (1, 3) and not Pictures().has(name)


def test_forgetting_reaches_the_monitoring_pages():
    name = send(1, "ann")
    shown.PAGES.mkdir(parents=True)
    page = shown.PAGES / "2026-11-03.html"
    page.write_text(
        f'<figure id="{"0" * 64}">a</figure>\n<figure id="{name}">\nb</figure>\n', encoding="utf-8"
    )
    forget.run(what=name, feedback=FEEDBACK)
    assert page.read_text(encoding="utf-8") == f'<figure id="{"0" * 64}">a</figure>\n'


def test_forgetting_goes_on_where_it_died(monkeypatch):
    name = send(1, "ann", reviews="ss")

    def die(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pawtrait.adapters.store.forgetting.forget", die)
        forget.run(what="1-ann", feedback=FEEDBACK)
    assert not Pictures().has(name)
    assert collect.run(manifest=MANIFEST).count("held") == 1
    assert forget.run(what="1-ann", feedback=FEEDBACK).rows == 3
    assert forget.run(what="1-ann", feedback=FEEDBACK).rows == 0


def test_what_nobody_knows_cannot_be_forgotten():
    with pytest.raises(BadFeedback, match="nothing is known under 'nobody'"):
        forget.run(what="nobody", feedback=FEEDBACK)


def test_a_snapshots_table_reads_as_any_other():
    send(1, "ann", reviews="ss")
    project.run()
    assert manifest.read(SNAPSHOT / "accepted.csv", snapshots.Accepted) == snapshots.read(FEEDBACK, MONTH)
