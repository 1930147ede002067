"""What work costs is what it took, not more."""

import time

import numpy as np

from pawtrait.cost import measured


def test_sleeping_takes_time_and_no_core():
    with measured() as cost:
        time.sleep(0.2)
    assert cost.seconds >= 0.2 and cost.core_seconds < cost.seconds / 2


def test_memory_given_back_before_the_end_counts():
    with measured() as cost:
        held = np.ones(25_000_000)  # 200 MB
        time.sleep(0.1)
        del held
    assert 180 < cost.megabytes < 260


def test_a_failing_block_is_measured_too():
    try:
        with measured() as cost:
            time.sleep(0.05)
            raise ValueError
    except ValueError:
        assert cost.seconds >= 0.05
