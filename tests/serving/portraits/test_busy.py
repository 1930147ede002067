"""Portraits at once wait for their turn, and too many are sent away."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

from pawtrait.serving.problems import Problem
from pawtrait.serving.turns import Turns
from tests.serving.portraits.conftest import PATIENCE


def test_too_many_at_once_are_sent_away_and_later_ones_are_not():
    async def crowd():
        turns, go = Turns(threads=1, waiting=1, seconds=PATIENCE), threading.Event()
        first, second = (asyncio.create_task(turns.take(go.wait)) for _ in range(2))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await turns.take(go.wait)
        go.set()
        assert await first and await second and await turns.take(go.wait)
        turns.close()
        return refused.value

    refused = asyncio.run(crowd())
    assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1


def test_work_that_takes_too_long_keeps_its_place_until_it_ends():
    async def slow():
        turns, go = Turns(threads=1, waiting=0, seconds=0.05), threading.Event()
        with pytest.raises(Problem) as late:
            await turns.take(go.wait)
        with pytest.raises(Problem) as refused:
            await turns.take(go.wait)
        go.set()
        while turns.outstanding:
            await asyncio.sleep(0.01)
        turns.close()
        return late.value.status, refused.value.status

    assert asyncio.run(slow()) == (504, 429)


def test_a_photo_that_waits_in_vain_leaves_the_memory_though_another_is_painted_on():
    turns, go = Turns(threads=1, waiting=1, seconds=0.05), threading.Event()
    photo = np.zeros((8, 8, 3), np.uint8)
    known = weakref.ref(photo)

    async def late(*works):
        return [
            answer.status for answer in await asyncio.gather(*map(turns.take, works), return_exceptions=True)
        ]

    assert asyncio.run(late(go.wait, photo.copy)) == [504, 504]
    del photo
    gc.collect()
    left = known()
    go.set()
    turns.close()
    assert left is None
