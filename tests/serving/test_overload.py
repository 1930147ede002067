"""More than the service can take, and a database that goes away: small counts, and ten minutes of it."""

import pytest

from benchmarks.serving import drive, material, overload, rates
from tests.holds import record

pytestmark = pytest.mark.usefixtures("own_cores")

CLEAN = {"200", "429"}  # a refusal that does not say when to come again counts as another status


def held(found):
    """What has to hold whatever the machine is busy with."""
    for name, phase in found["moods"].items():
        strange = {status: count for status, count in phase["statuses"].items() if status not in CLEAN}
        assert not strange, f"{name}: {strange} of {sum(phase['statuses'].values())}"
        assert phase["statuses"]["200"] > 0, name
    assert found["rows"]["lost"] == 0 and found["rows"]["acknowledged"] == found["rows"]["stored"] > 0
    assert found["first_second_after"]["rate"] > 0 and found["after"]["median_ms"] > 0  # of those answered


def test_overload_and_a_locked_database_lose_nothing(colour_model, monkeypatch):
    orders, send = [], drive.send
    monkeypatch.setattr(
        drive, "send", lambda port, streams, *more: orders.append(streams) or send(port, streams, *more)
    )
    held(overload.measure(colour_model("cnn"), None, seconds=6, outage=2, sqlite=True))
    assert [stream.after for stream in orders[-1]] == [0, 0, 6]  # a calm that comes later meets no backlog


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
    assert found["after"]["in_time"] >= drive.SHARE
