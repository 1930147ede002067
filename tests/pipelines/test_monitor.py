"""The daily flow: news are told once, what may start a retraining is sent once, trouble is a failed run."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.events import Event
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.logging import disable_run_logger

from pawtrait import newest
from pawtrait.errors import BadStore
from pawtrait.monitoring.drift import Finding
from pawtrait.stages.monitor import Watch
from pipelines import monitor as module
from pipelines import month
from pipelines.announce import NO_WEBHOOK
from pipelines.monitor import DRIFT, ENOUGH

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 3, 5, tzinfo=UTC)
DARK = "drift of brightness: median 72 instead of 130, p 0.0002"
FOUND = (
    Finding("brightness", "Kolmogorov–Smirnov", (401, 200), 0.77, 0.0002, 0.0002, True, DARK[9:]),
    Finding("labels", "–", (120, 3), None, None, None, False, "labels: not compared"),
)


def seen(*alarms: str, drift: tuple[str, ...] = (), enough: bool = False) -> Watch:
    figures = {"requests": 12345.0}
    return Watch(alarms, drift, figures, FOUND, Path("data/monitor/2026-11-03.html"), 60 * enough, enough)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project folder with nothing but parameters; news go to a list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    newest.TABLES.mkdir(parents=True)
    newest.SPLITS.touch()
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PAWTRAIT_NOW", NOW.isoformat())
    monkeypatch.setattr(module, "SETTLE", 0.0)
    return tmp_path


@pytest.fixture
def news(monkeypatch):
    """What was announced; ``answers`` says what the webhook answers next."""
    told: list[list[str]] = []
    answers: list[str] = []

    def announce(event, facts):
        told.append([event, *facts.get("alarms", ())])
        return answers.pop(0) if answers else "sent"

    monkeypatch.setattr(module, "announce", announce)
    announce.told, announce.answers = told, answers
    return announce


@pytest.fixture
def events():
    """The events since the test began, as a client of Prefect's own has them, which only keeps them."""
    EventsWorker.set_client_override(AssertingEventsClient)
    before = len(_received())
    yield lambda: _received()[before:]
    EventsWorker.set_client_override(None)


def _received() -> list[Event]:
    EventsWorker.instance().wait_until_empty()
    return [event for client in AssertingEventsClient.all for event in getattr(client, "events", ())]


def tell(watch: Watch, days: float = 0) -> None:
    with disable_run_logger():
        module.tell.fn(watch, list(watch.alarms), NOW + timedelta(days=days))


def test_an_alarm_is_told_once_while_it_lasts(place, news, events):
    for days in (0, 1, 6.9):
        tell(seen(DARK), days)
    assert news.told == [["alarm", DARK]]


def test_it_is_told_again_after_the_quiet_days(place, news, events):
    for days in (0, 7.1):
        tell(seen(DARK), days)
    assert len(news.told) == 2


def test_a_look_by_a_clock_that_was_ahead_mutes_nothing_afterwards(place, news, events):
    for days in (3650, 0, 1):
        tell(seen(DARK, drift=(DARK,)), days)
    assert [len(news.told), len(events())] == [2, 2]


def test_the_same_alarm_with_other_numbers_is_the_same_alarm(place, news, events):
    tell(seen(DARK))
    tell(seen("drift of brightness: median 70 instead of 130, p 0.0002"), 1)
    assert len(news.told) == 1


def test_a_new_alarm_is_told_beside_an_old_one(place, news, events):
    tell(seen(DARK))
    tell(seen(DARK, "errors: 20% of 50 requests failed"), 1)
    assert news.told[1] == ["alarm", "errors: 20% of 50 requests failed"]


def test_one_months_silence_does_not_mute_anothers(place, news, events):
    """October was never decided; three days later November is in trouble too."""
    month.write("2026-09", "kept", ["a test"])
    month.write("2026-11", "failed", ["a test"])
    said = module.stage.calendar(NOW)
    tell(seen(said[0]))
    tell(seen(*said), 3)
    assert [[module.kind(one) for one in told[1:]] for told in news.told] == [
        ["calendar of 2026-10"],
        ["calendar of 2026-11"],
    ]


@pytest.mark.parametrize("answer", ["not sent: the webhook answers 500", NO_WEBHOOK])
def test_what_could_not_be_told_is_told_the_next_day(place, news, events, answer):
    news.answers.append(answer)
    tell(seen(DARK))
    tell(seen(DARK), 1)
    tell(seen(DARK), 2)
    assert len(news.told) == 2


def test_drift_and_enough_feedback_are_events_once_in_the_quiet_days(place, news, events):
    for days in (0, 1):
        tell(seen(DARK, drift=(DARK,), enough=True), days)
    assert [event.event for event in events()] == [DRIFT, ENOUGH]


def test_errors_alone_start_no_retraining(place, news, events):
    tell(seen("errors: 20% of 50 requests failed"))
    assert events() == []


def test_events_name_the_resource_and_numbers_that_triggers_match(place, news, events):
    tell(seen(DARK, drift=(DARK,)))
    (event,) = events()
    assert event.resource.id == "pawtrait.monitor" and event.payload["alarms"] == [DARK]


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"drift": 3}'])
def test_a_damaged_memory_is_an_empty_one(tmp_path, text):
    (tmp_path / "told.json").write_text(text, encoding="utf-8")
    assert module.remembered(tmp_path / "told.json", NOW) == {}


def test_the_days_end_with_the_day_that_was_named(place, monkeypatch):
    asked = {}
    monkeypatch.setattr(module.stage, "run", lambda **knobs: asked.update(knobs) or seen())
    monkeypatch.setattr(module.stage, "calendar", lambda now: ["calendar of 2026-11: late"])
    watch, alarms = module.watch.fn(7, date(2026, 11, 2))
    assert (asked["since"], asked["until"]) == (
        datetime(2026, 10, 27, tzinfo=UTC),
        datetime(2026, 11, 3, tzinfo=UTC),
    )
    assert alarms == ["calendar of 2026-11: late"] and watch.alarms == ()


@pytest.fixture
def looks(server, place, news, monkeypatch):
    """Looks at a day's 05:00 through the flow; gives how many days that look covers."""

    def look(day: int, *, works: bool = True, **knobs: date) -> float:
        covered: list[timedelta] = []

        def run(**asked):
            covered.append(asked["until"] - asked["since"])
            if not works:
                raise BadStore("the store cannot be reached")
            return seen()

        monkeypatch.setattr(module.stage, "run", run)
        monkeypatch.setattr(module.stage, "calendar", lambda now: [])
        monkeypatch.setenv("PAWTRAIT_NOW", (NOW + timedelta(days=day)).isoformat())
        assert module.monitor(**knobs, return_state=True).is_completed() == works
        return covered[0] / timedelta(days=1)

    return look


def test_a_look_goes_back_to_where_the_last_one_came(looks):
    """The second day's fails, on the third and the fourth nobody looks."""
    assert [looks(0), looks(1), looks(2, works=False), looks(5), looks(6)] == [1, 1, 1, 4, 1]


def test_a_look_goes_back_for_31_days_at_most(looks):
    assert [looks(0), looks(60)] == [1, 31]


def test_a_look_at_named_days_is_of_these_and_no_later_one_relies_on_it(looks):
    looks(0)
    assert [looks(3, until=date(2026, 11, 4)), looks(3)] == [1, 3]


@pytest.mark.parametrize("text", ["", "[1]", '{"until": "2026-11-03T05:00:00"}', '{"until": 3}'])
def test_a_damaged_note_of_the_last_look_is_none(place, text):
    module.PAGES.mkdir(parents=True)
    (module.PAGES / module.LOOKED).write_text(text, encoding="utf-8")
    assert module.owed(1, NOW) == 1


def test_a_look_with_alarms_is_a_completed_run_named_so_with_its_artifacts(server, place, news, monkeypatch):
    monkeypatch.setattr(module.stage, "run", lambda **knobs: seen(DARK, drift=(DARK,)))
    monkeypatch.setattr(module.stage, "calendar", lambda now: [])
    state = module.monitor(return_state=True)
    assert (state.type.value, state.name, state.message) == ("COMPLETED", "Alarm", DARK)
    page, table = artifacts("monitor"), artifacts("drift")
    assert page.startswith("# 1 alarm") and "drift of brightness" in page and "| requests | 12345 |" in page
    assert [row["drift"] for row in json.loads(table)] == ["yes", "not compared"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (12345, "12345"),
        (1234567.8, "1234568"),
        (1000, "1000"),
        (999, "999"),
        (12.3456, "12.35"),
        (0.0002, "0.0002"),
    ],
)
def test_a_figure_is_written_as_people_write_it(value, written):
    assert module.figure(value) == written


def test_a_look_that_fails_is_a_failed_run_and_is_announced(server, place, news, monkeypatch):
    def broken(**knobs):
        raise BadStore("the store cannot be reached; see DATABASE_URL")

    monkeypatch.setattr(module.stage, "run", broken)
    monkeypatch.setattr(module, "catch_up", lambda: news.told.append(["what was kept"]))
    state = module.monitor(return_state=True)
    assert state.is_failed()
    assert state.message == f"the store cannot be reached; see DATABASE_URL; {module.NOW}"
    assert news.told == [["what was kept"], ["monitor failed"]]


def test_an_error_that_nobody_foresaw_is_announced_too(server, place, news, monkeypatch):
    monkeypatch.setattr(module.stage, "run", lambda **knobs: seen(DARK))
    monkeypatch.setattr(module.stage, "calendar", lambda now: [])
    module.PAGES.parent.mkdir(exist_ok=True)
    module.PAGES.touch()  # where a folder has to be
    assert module.monitor(return_state=True).is_failed()
    assert news.told == [["alarm", DARK], ["monitor failed"]]


def artifacts(key: str) -> str:
    """The data of the newest artifact under a key."""
    with get_client(sync_client=True) as client:
        found = client.read_latest_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        )
    return str(found[0].data)


def test_before_the_first_retraining_a_look_is_skipped_and_nobody_is_bothered(server, place, news):
    newest.SPLITS.unlink()
    state = module.monitor(return_state=True)
    assert (state.name, state.is_completed(), news.told) == ("Skipped", True, [])


def test_a_first_retraining_that_failed_is_trouble_all_the_same(server, place, news):
    newest.SPLITS.unlink()
    month.write("2026-11", "failed", ["the disk is full"])
    assert module.monitor(return_state=True).is_failed()
    assert news.told == [["monitor failed"]]
