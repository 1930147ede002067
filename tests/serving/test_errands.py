"""Errands to what hangs: nothing else waits, and what is outstanding has an end."""

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from pawtrait.serving.errands import Errands
from pawtrait.serving.problems import Problem
from tests.serving.callers import wait_for


class Picture:
    """What an errand carries."""


async def refused(run):
    with pytest.raises(Problem) as problem:
        await run
    return problem.value.status


def test_an_errand_brings_what_it_was_sent_for():
    one = Errands(1, "the store of pictures", 5.0)
    assert asyncio.run(one.run(lambda: 42)) == 42
    wait_for(lambda: one.outstanding == 0)
    one.close()


def test_what_hangs_counts_and_one_too_many_is_refused_at_once():
    one, free, run = Errands(1, "the store of pictures", 0.05, most=2), threading.Event(), []

    async def ask():
        late = await asyncio.gather(
            refused(one.run(partial(free.wait, 60))), refused(one.run(partial(run.append, "late")))
        )
        return [*late, await refused(one.run(partial(run.append, "too many")))]

    assert asyncio.run(ask()) == [504, 504, 503] and one.outstanding == 2
    free.set()
    wait_for(lambda: one.outstanding == 0)
    assert run == []  # nobody waited for it any more
    one.close()


def test_what_is_given_up_while_it_waits_lets_go_of_what_it_carries():
    one, free, picture = Errands(1, "the store of pictures", 0.05), threading.Event(), Picture()
    known = weakref.ref(picture)

    async def ask(carried):
        await asyncio.gather(refused(one.run(partial(free.wait, 60))), refused(one.run(partial(id, carried))))

    asyncio.run(ask(picture))
    del picture
    gc.collect()
    assert known() is None and one.outstanding == 2
    free.set()
    one.close()
