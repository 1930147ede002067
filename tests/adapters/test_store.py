"""The store of what people and the service say, in SQLite and in PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from pawtrait.adapters.store import database, feedback, forgetting, requests, settling, tables
from pawtrait.adapters.store.feedback import Review, Said, StyleSaid
from pawtrait.adapters.store.requests import Request
from pawtrait.adapters.store.settling import Settled
from pawtrait.dataset.feedback import Candidate, Sent, Verdict
from pawtrait.errors import BadFeedback, BadStore
from tests.rows import record as row

START = datetime(2026, 11, 3, 12, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
A, B = "a" * 64, "b" * 64  # pictures


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path}/f.db" if sqlite else request.getfixturevalue("postgres_database")


@pytest.fixture
def engine(address):
    with database.opened(address) as opened:
        yield opened


def said(name, picture=A, minute=0, client="ann", **more):
    given = {"consent": True, "label": "sad"} | more
    return Said(id=name, time=START + timedelta(minutes=minute), picture=picture, client=client, **given)


def review(name, picture=A, reviewer="rosa", verdict="sad"):
    return Review(id=name, time=START, picture=picture, reviewer=reviewer, verdict=verdict)


def asked(name, minute=0, picture=A):
    return Request(
        id=name,
        time=START + timedelta(minutes=minute),
        kind="predict",
        outcome="ok",
        latency_ms=4.5,
        picture=picture,
        label="sad",
        confidence=0.7,
    )


def thumb(name, request=None):
    return StyleSaid(
        id=name,
        time=START,
        client="ann",
        method="nst",
        style="waves",
        strength=0.5,
        thumbs=1,
        seconds=9.5,
        request=request,
    )


def record(picture):
    return row(f"quarantine/{picture}", id=picture, label="", group="", source="feedback")


def settled(picture, label="sad", month="2026-11"):
    return Settled(picture, month, START, label, "because")


def rows(engine):
    """How many rows each table has, the empty ones left out."""
    with engine.connect() as connection:
        counts = {
            one.name: connection.scalar(select(func.count()).select_from(one))
            for one in tables.metadata.sorted_tables
        }
    return {name: count for name, count in counts.items() if count}


def test_rows_come_back_as_they_went_in_oldest_first(engine):
    later, sooner = asked("1", minute=5), asked("2")
    requests.add(engine, [later, sooner])
    assert requests.between(engine, START, FAR) == [sooner, later]
    feedback.add(engine, [said("1", minute=5), said("2")])
    assert feedback.between(engine, START, FAR) == [said("2"), said("1", minute=5)]
    feedback.add_styles(engine, [thumb("1")])
    assert feedback.styles_between(engine, START, FAR) == [thumb("1")]


def test_a_time_keeps_its_moment_whatever_its_zone(engine):
    east = datetime.fromisoformat("2026-11-03T20:00:00+08:00")
    feedback.add(engine, [Said(id="1", time=east, picture=A, client="ann", consent=True, label="sad")])
    assert [one.time for one in feedback.between(engine, START, START + timedelta(seconds=1))] == [START]


def test_a_span_holds_its_beginning_and_not_its_end(engine):
    requests.add(engine, [asked("1"), asked("2", minute=1)])
    assert [one.id for one in requests.between(engine, START, START + timedelta(minutes=1))] == ["1"]


def test_requests_about_some_pictures_are_read_and_no_others(engine, monkeypatch):
    monkeypatch.setattr(requests, "NAMES", 2)  # in more than one question
    rows = [asked(str(minute), minute, picture=letter * 64) for minute, letter in enumerate("dcbaxcb")]
    requests.add(engine, [*rows, asked("none", 3, picture=None)])
    wanted = [letter * 64 for letter in "abcdef"]
    end = START + timedelta(minutes=6)
    found = requests.about(engine, wanted, START + timedelta(minutes=1), end)
    assert [one.id for one in found] == ["1", "2", "3", "5"]
    assert requests.about(engine, [], START, end) == []


def test_whether_anything_was_asked_is_told_without_reading_it(engine):
    minute = timedelta(minutes=1)
    requests.add(engine, [asked("1", minute=1)])
    spans = [(START, START + minute), (START + minute, FAR), (START + 2 * minute, FAR)]
    assert [requests.any_between(engine, *span) for span in spans] == [False, True, False]


def test_the_same_id_twice_is_one_row_and_the_first_stands(engine):
    assert feedback.add(engine, [said("1"), said("1")]) == 1
    assert feedback.add(engine, [said("1", label="happy"), said("2")]) == 1
    assert [one.label for one in feedback.between(engine, START, FAR)] == ["sad", "sad"]


def test_a_reviewers_first_verdict_on_a_picture_stands(engine):
    feedback.add_reviews(engine, [review("1")])
    assert feedback.add_reviews(engine, [review("2", verdict="happy")]) == 0
    assert feedback.verdicts(engine) == {"rosa": {A: "sad"}}


@pytest.mark.parametrize(
    "row",
    [said("2", label=None), said("2", thumbs=5), said("2", source="elsewhere")],
    ids=["says nothing", "thumbs", "source"],
)
def test_a_row_that_makes_no_sense_is_refused_with_all_that_came_with_it(address, row):
    with pytest.raises(BadStore, match=r"(?i)check"), database.opened(address) as engine:
        feedback.add(engine, [said("1"), row])
    with database.opened(address) as engine:
        assert rows(engine) == {}


def test_a_mood_that_is_none_of_ours_is_refused(engine):
    with pytest.raises(BadFeedback, match="label 'sleepy'; expected happy, sad, angry, other"):
        feedback.add(engine, [said("1", label="sleepy")])
    with pytest.raises(BadFeedback, match="'sleepy'; expected happy, sad, angry, other, unusable"):
        feedback.add_reviews(engine, [review("1", verdict="sleepy")])


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_the_database_itself_refuses_to_change_a_row(engine, table):
    _fill(engine)
    column = next(column for column in table.c if column.name == "time")
    with pytest.raises(SQLAlchemyError, match=f"rows of {table.name} are never changed"), engine.begin() as c:
        c.execute(update(table).values({column: FAR}))


@pytest.mark.parametrize("table", [tables.decisions, tables.forgotten, tables.snapshots], ids=str)
def test_the_ledger_and_the_word_of_a_deletion_cannot_be_deleted(engine, table):
    _fill(engine)
    with pytest.raises(SQLAlchemyError, match="are never changed"), engine.begin() as connection:
        connection.execute(delete(table))


def _fill(engine):
    """A row in every table."""
    from pawtrait.adapters.store import ledger

    requests.add(engine, [asked("1")])
    feedback.add(engine, [said("1")])
    feedback.add_reviews(engine, [review("1")])
    feedback.add_styles(engine, [thumb("1")])
    settling.look(engine, [record(A)], START)
    settling.settle(engine, "2026-11", [settled(B)], START)
    forgetting.forget(engine, "7", ["c" * 64], [], START)
    ledger.add(
        engine, ledger.Decision(time=START, action="kept", actor="retrain", champion="1", previous="1")
    )
    assert set(rows(engine)) == set(tables.metadata.tables)


def test_what_was_said_of_a_picture_gathers_with_its_reviews(engine):
    feedback.add(engine, [said("2", client="ben", minute=1, label="happy"), said("1"), said("3", picture=B)])
    feedback.add_reviews(engine, [review("1"), review("2", reviewer="sol", verdict="unusable")])
    first, second = settling.candidates(engine, FAR)
    later = START + timedelta(minutes=1)
    assert first == Candidate(
        A,
        (Sent("ann", START, "sad", False), Sent("ben", later, "happy", False)),
        (Verdict("rosa", "sad"), Verdict("sol", "unusable")),
    )
    assert second.picture == B


def test_a_thumb_up_is_a_vote_for_the_models_mood_and_a_thumb_down_for_none(engine):
    up = said("1", label=None, thumbs=1, predicted="angry")
    down = said("2", label=None, thumbs=-1, predicted="angry", minute=1)
    feedback.add(engine, [up, down])
    [one] = settling.candidates(engine, FAR)
    assert [sent.label for sent in one.sent] == ["angry", None]


def test_what_the_model_had_said_comes_from_the_answer_that_a_client_names(engine):
    requests.add(engine, [replace(asked("answer"), model_version="3"), asked("other's", picture=B)])
    silent = {"label": None, "thumbs": 1}
    told = said("2", request="answer", predicted="angry", model_version="2", minute=1)
    feedback.add(engine, [said("1", request="answer", **silent), told])
    feedback.add(engine, [said("3", request="other's", minute=2), said("4", minute=3)])
    found = feedback.about(engine, A)
    assert found == feedback.between(engine, START, FAR)
    heard = [(one.predicted, one.model_version) for one in found]
    assert heard == [("sad", "3"), ("angry", "2"), (None, None), (None, None)]
    [one] = settling.candidates(engine, START + timedelta(minutes=1))
    assert [sent.label for sent in one.sent] == ["sad"]


def test_what_was_sent_without_consent_is_no_candidate(engine):
    feedback.add(engine, [said("1", consent=False)])
    assert settling.candidates(engine, FAR) == []


def test_what_was_sent_after_the_end_is_no_candidate_yet(engine):
    feedback.add(engine, [said("1"), said("2", picture=B, minute=1)])
    assert [one.picture for one in settling.candidates(engine, START + timedelta(minutes=1))] == [A]


def test_a_picture_is_settled_once(engine):
    feedback.add(engine, [said("1"), said("2", picture=B)])
    settling.settle(engine, "2026-11", [settled(A)], START)
    settling.settle(engine, "2026-12", [settled(A, "happy", "2026-12"), settled(B, None, "2026-12")], START)
    assert settling.of_month(engine, "2026-11") == [settled(A)]
    assert settling.of_month(engine, "2026-12") == [settled(B, None, "2026-12")]
    assert settling.candidates(engine, FAR) == []
    assert settling.accepted(engine) == [settled(A)]


def test_of_two_who_close_a_month_at_once_one_does_and_nothing_is_mixed(engine):
    def close(picture):
        settling.settle(engine, "2026-11", [settled(picture)], START)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(close, [A, B, "c" * 64, "d" * 64]))
    assert settling.parts(engine, "2026-11") == ["2026-11"]
    assert len(settling.of_month(engine, "2026-11")) == 1


def test_a_look_is_remembered(engine):
    settling.look(engine, [record(A)], START)
    settling.look(engine, [record(A)], FAR)
    assert settling.looked(engine) == {A: record(A)}


@pytest.mark.parametrize(("month", "after"), [("2026-11", "2026-12"), ("2026-12", "2027-01")])
def test_a_month_has_a_next_one(month, after):
    assert settling.next_month(month) == after


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "november", "2026-00", "../2026-11"])
def test_what_is_no_month_is_refused(month):
    with pytest.raises(BadFeedback, match="expected YYYY-MM"):
        settling.next_month(month)


@pytest.mark.parametrize("asked_for", ["request", "said", A])
def test_an_id_leads_to_the_picture_and_to_all_that_names_it(engine, asked_for):
    requests.add(engine, [asked("request"), asked("other", picture=B)])
    feedback.add(engine, [said("said", request="request"), said("else", picture=B)])
    feedback.add_reviews(engine, [review("1")])
    feedback.add_styles(engine, [thumb("1", "request"), thumb("2", "other")])
    settling.look(engine, [record(A), record(B)], START)
    settling.settle(engine, "2026-11", [settled(A)], START)
    found = forgetting.trace(engine, asked_for)
    assert found == forgetting.Trace((A,), 6, ("2026-11",), False)
    forgetting.forget(engine, asked_for, found.pictures, found.months, START)
    left = {"requests": 1, "feedback": 1, "style_feedback": 1, "looks": 1, "forgotten": 1, "snapshots": 1}
    assert rows(engine) == left
    assert forgetting.trace(engine, asked_for).before
    assert forgetting.pictures(engine) == {A}


def test_what_was_forgotten_since_a_moment_is_known_with_its_last_time(engine):
    later, latest = START + timedelta(hours=1), START + timedelta(hours=2)
    for picture, when in ((A, START), (A, latest), (A, later), (B, START)):
        forgetting.forget(engine, picture, [picture], [], when)
    forgetting.forget(engine, "an id of no picture", [], [], latest)
    assert forgetting.since(engine, START) == {A: latest, B: START}
    assert forgetting.since(engine, later) == {A: latest}


def test_a_server_that_is_gone_is_noticed_and_the_address_has_the_last_word(
    postgres_database, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    told = []
    for address in (postgres_database, f"{postgres_database}?connect_timeout=7"):
        with database.opened(address) as engine, engine.connect() as connection:
            told.append(connection.connection.dbapi_connection.info.get_parameters())
    assert [one["connect_timeout"] for one in told] == ["10", "7"]
    assert {one["keepalives_idle"] for one in told} == {"30"}


def test_a_forgotten_picture_never_comes_back(engine):
    forgetting.forget(engine, A, [A], [], START)
    feedback.add(engine, [said("1")])
    assert settling.candidates(engine, FAR) == []


def test_what_is_forgotten_while_a_month_is_decided_about_is_not_settled(engine):
    forgetting.forget(engine, A, [A], [], START)
    settling.settle(engine, "2026-11", [settled(A), settled(B)], START)
    assert [row.picture for row in settling.of_month(engine, "2026-11")] == [B]


def test_an_id_that_nobody_knows_leads_to_nothing(engine):
    assert forgetting.trace(engine, "nobody") == forgetting.Trace((), 0, (), False)
