"""The event loop's lateness counts as waiting, one stall does not."""

import asyncio
import time
from types import SimpleNamespace

from pawtrait.serving.lag import LOOKS, Lag
from tests.serving.callers import png


async def stalled(times):
    """A watcher's figure after so many stalls in a row."""
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    for _ in range(times):
        await asyncio.sleep(0.001)
        time.sleep(0.15)
    await asyncio.sleep(0.001)
    found = lag.seconds
    watching.cancel()
    return found


def test_a_loop_that_is_late_again_and_again_is_late():
    assert asyncio.run(stalled(LOOKS + 2)) > 0.05


def test_one_stall_is_not():
    assert asyncio.run(stalled(1)) < 0.05


def test_a_late_loop_refuses_while_something_waits(serving):
    service = serving(wait=0.5)
    batcher = service.app.state.door.batcher
    batcher.lag = SimpleNamespace(seconds=2.0)
    batcher.pending = 1
    done = service.post("/v1/moods", files={"pictures": png()})
    assert (done.status_code, done.headers["retry-after"]) == (429, "3")
    batcher.pending = 0
    assert service.post("/v1/moods", files={"pictures": png()}).status_code == 200
