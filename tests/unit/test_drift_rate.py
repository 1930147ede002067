"""Days without drift raise alarms at the stated rate: counted over simulated days, beside days with drift."""

import numpy as np
from scipy.stats import binom

from pawtrait.dataset.labels import LABELS
from pawtrait.monitoring import descriptors, drift
from pawtrait.monitoring.drift import Policy, Side

RATE = 0.1
DAYS = 400
SHARES = (0.4, 0.3, 0.2, 0.1)


def test_days_without_drift_raise_an_alarm_at_the_stated_rate():
    """Within what chance allows at RATE, on both sides: neither too many alarms nor a test that sleeps."""
    alarms = sum(_alarmed(day) for day in range(DAYS))
    low, high = binom.interval(0.98, DAYS, RATE)
    assert low <= alarms <= high, f"{alarms} alarms on {DAYS} days"


def test_a_darker_day_raises_one_and_is_named():
    names = [one.what for one in _look(0, darker=30.0) if one.drifted]
    assert "brightness" in names


def test_tied_values_make_alarms_rarer_and_never_more_frequent():
    """All pictures of one size, and a model that knows one answer: nothing to tell apart, so nothing is."""
    found = {
        one.what: one for one in drift.look(_side(1, 60, tied=True), _side(2, 40, tied=True), _policy(0))
    }
    assert found["size"].p == found["labels"].p == 1.0
    assert not found["size"].drifted


def _alarmed(day: int) -> bool:
    return any(one.drifted for one in _look(day))


def _look(day: int, darker: float = 0.0) -> list[drift.Finding]:
    """A training set of its own and a day of the same world: the rate is one over both."""
    return drift.look(_side(2 * day, 60), _side(2 * day + 1, 40, darker), _policy(day))


def _policy(day: int) -> Policy:
    return Policy(RATE, permutations=599, least=20, most=100, seed=(3, day))


def _side(seed: int, pictures: int, darker: float = 0.0, tied: bool = False) -> Side:
    """Pictures of a made-up world, in which light, edges and certainty hang together as in the real one."""
    rng = np.random.default_rng((11, seed))
    light = rng.normal(120, 30, pictures) - darker
    sharp = np.exp(rng.normal(5.5, 0.7, pictures) + 0.004 * (light - 120))
    looks = rng.normal(size=(pictures, descriptors.LENGTH)) + 0.02 * (light - 120)[:, None]
    sure = 1 / (1 + np.exp(-rng.normal(0.5, 1, pictures) - 0.01 * (light - 120)))
    numbers = {
        "brightness": light.tolist(),
        "sharpness": sharp.tolist(),
        "size": [160.0] * pictures if tied else rng.choice([160.0, 320.0, 500.0, 640.0], pictures).tolist(),
        "confidence": sure.tolist(),
    }
    labels = ["sad"] * pictures if tied else rng.choice(LABELS, pictures, p=SHARES).tolist()
    return Side(numbers, looks.astype(np.float32), labels)
