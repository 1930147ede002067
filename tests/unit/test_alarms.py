"""When a person hears of something, and when chance is a good enough explanation."""

from datetime import UTC, datetime

import pytest

from pawtrait.monitoring import alarms, health
from pawtrait.monitoring.alarms import Bounds
from pawtrait.monitoring.health import Health, Use, Waiting

BOUNDS = Bounds(most_errors=0.05, least_right=0.4, slowest_ms={"predict": 1000.0}, least=50)
RUN = "`python -m pipelines.retrain --month 2026-11`"
LATE = f"calendar of 2026-11: the retraining was due by 2026-11-03, and nothing is decided yet; {RUN} runs it"
FAILED = f"calendar of 2026-11: the retraining failed; {RUN} goes on where it stopped"


def heard(errors=(0, 100), right=(50, 100), waiting=()):
    shares = {"": health.share(*errors, 0.95)}
    use = Use({}, {}, (0,) * 24, {})
    fares = Health(errors[1], shares, waiting, health.share(*right, 0.95), {}, [], [], [], use)
    return list(alarms.of_health(fares, BOUNDS))


def test_all_is_well():
    assert heard() == []


def test_many_errors():
    assert heard(errors=(20, 100)) == [
        "errors: 20% (13%–29%) of 100 requests failed, the limit is 5% (monitor.most_errors)"
    ]


def test_one_error_of_ten_may_be_bad_luck():
    assert heard(errors=(1, 10)) == []


def test_wrong_answers():
    assert heard(right=(20, 100)) == [
        "answers: 20% (13%–29%) of the champion's 100 confirmed answers were right, the limit is 40%"
        " (monitor.least_right)"
    ]


def test_nothing_asked_and_nothing_confirmed_is_no_alarm():
    assert heard(errors=(0, 0), right=(0, 0)) == []


@pytest.mark.parametrize(
    ("count", "slowest", "alarm"), [(100, 1001.0, True), (100, 1000.0, False), (49, 9e9, False)]
)
def test_slow_answers_where_there_are_enough(count, slowest, alarm):
    waiting = [Waiting("predict", count, {0.5: 20.0, 0.95: slowest, 0.99: slowest})]
    assert bool(heard(waiting=waiting)) is alarm


@pytest.mark.parametrize(
    ("day", "actions", "before", "said"),
    [
        (2, [], True, None),
        (3, [], True, LATE),
        (20, [], False, None),
        (20, ["promoted"], True, None),
        (20, ["failed", "skipped"], True, None),
        (1, ["failed"], True, FAILED),
        (20, ["waiting"], True, None),
    ],
)  # fmt: skip
def test_the_months_retraining_is_missed_when_it_is_late_or_failed(day, actions, before, said):
    assert alarms.of_calendar(datetime(2026, 11, day, 4, tzinfo=UTC), actions, before, due_days=2) == said


@pytest.mark.parametrize(
    ("done", "missing"),
    [
        ([], False),
        (["2026-12"], False),
        (["2026-10", "2026-11", "2026-12"], False),
        (["2026-10"], True),
        (["2026-10", "2026-12", "2027-01"], False),
        (["2026-10", "2027-01"], True),  # turned late, so that December was left out
    ],
)
def test_a_month_that_nothing_was_decided_about_is_missed_in_the_next(done, missing):
    said = alarms.of_last_month(datetime(2027, 1, 15, tzinfo=UTC), done)
    assert ("calendar of 2026-12: nothing was decided" in (said or "")) is missing
