"""What work costs is what it took, not more.

A process is measured as a whole; so each test has one of its own, where no thread of another test is at work.
"""

import json
import subprocess
import sys
from textwrap import indent

import pytest

from pawtrait.cost import measured


@pytest.fixture
def cost():
    """Runs a block in a process of its own, and gives what it cost there."""

    def run(block):
        code = (
            "import json, time\nimport numpy as np\nfrom pawtrait.cost import measured\n"
            f"with measured() as cost:\n{indent(block, '    ')}\nprint(json.dumps(vars(cost)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


def test_sleeping_takes_time_and_no_core(cost):
    slept = cost("time.sleep(0.2)")
    assert slept["seconds"] >= 0.2 and slept["core_seconds"] < slept["seconds"] / 2


def test_memory_given_back_before_the_end_counts(cost):
    least = cost("pass")["megabytes"]
    held = cost("held = np.ones(25_000_000)  # 200 MB\ntime.sleep(0.5)\ndel held")
    assert 180 < held["megabytes"] - least < 260
    assert least > 10  # Python itself


def test_a_failing_block_is_measured_too():
    with pytest.raises(ValueError), measured() as cost:
        raise ValueError
    assert cost.seconds > 0
