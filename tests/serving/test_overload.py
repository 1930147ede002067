"""More than the service can take, and a database that goes away: small counts, and ten minutes of it."""

import numpy as np
import pytest

from benchmarks.serving import drive, material, overload, rates
from tests.holds import record

pytestmark = pytest.mark.usefixtures("own_cores")

CLEAN = {"200", "429"}  # a refusal that does not say when to come again counts as another status


def held(found):
    """What has to hold whatever the machine is busy with."""
    calm = {name: found[name] for name in ("before", "first_second_after", "after")}
    for name, phase in [*found["moods"].items(), *calm.items()]:
        strange = {status: count for status, count in phase["statuses"].items() if status not in CLEAN}
        assert not strange, f"{name}: {strange} of {sum(phase['statuses'].values())}"
    answered = [*found["moods"].values(), calm["before"], calm["after"]]  # the first second may refuse all
    assert all(phase["statuses"]["200"] > 0 for phase in answered), found
    assert found["rows"]["lost"] == 0 and found["rows"]["acknowledged"] == found["rows"]["stored"] > 0


def test_overload_and_a_locked_database_lose_nothing(colour_model, monkeypatch):
    orders, send = [], drive.send
    monkeypatch.setattr(
        drive, "send", lambda port, streams, *more: orders.append(streams) or send(port, streams, *more)
    )
    held(overload.measure(colour_model("cnn"), None, seconds=6, outage=2, sqlite=True))
    assert [stream.after for stream in orders[-1]] == [0, 0, 6]  # a calm that comes later meets no backlog


def test_a_calm_tells_what_was_refused_or_lost_in_it():
    due, status = np.array([5.9, 6.1, 6.2, 6.3, 6.4]), np.array([500, 200, 429, 0, 200])
    answers = drive.Answers(due, np.full(5, 0.1), status, [], 0.0, 2.0)
    calm = overload._calm(answers, 6, 7)
    assert calm["statuses"] == {"0": 1, "200": 2, "429": 1} and calm["in_time"] == 0.5


@pytest.mark.slow
@pytest.mark.alone
def test_ten_minutes_of_twice_the_rate_change_nothing():
    model = material.model()
    with rates.everything(model) as (_, running):
        ours = running[rates.OURS]
        most = drive.most(ours, 10).rate
        rate = rates.largest(rates.asking(ours), most, rates.FULL).rate
    found = overload.measure(model, rate, seconds=600, outage=60)
    record("overload", **found)
    held(found)
    assert found["memory"]["late"] < found["memory"]["early"] * 1.05 + 20  # MB
    back = {name: found[name] for name in ("first_second_after", "after")}
    assert all(calm["in_time"] >= drive.SHARE for calm in back.values()), back
