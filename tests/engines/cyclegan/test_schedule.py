"""The learning rate's line, worked out by hand."""

import pytest

from pawtrait.style_transfer.cyclegan import schedule


@pytest.mark.parametrize(
    ("n_epochs", "n_epochs_decay", "factors"),
    [
        (2, 3, [1, 1, 3 / 4, 2 / 4, 1 / 4]),
        (3, 0, [1, 1, 1]),
        (0, 4, [4 / 5, 3 / 5, 2 / 5, 1 / 5]),
        (1, 1, [1, 1 / 2]),
    ],
)
def test_level_then_in_equal_steps_towards_zero(n_epochs, n_epochs_decay, factors):
    epochs = range(1, n_epochs + n_epochs_decay + 1)
    got = [schedule.factor(epoch, n_epochs, n_epochs_decay) for epoch in epochs]
    assert got == pytest.approx(factors)


def test_the_papers_hundred_and_hundred():
    assert schedule.factor(100, 100, 100) == 1
    assert schedule.factor(101, 100, 100) == pytest.approx(100 / 101)
    assert schedule.factor(200, 100, 100) == pytest.approx(1 / 101)


def test_the_epoch_after_the_last_would_stand_still():
    assert schedule.factor(201, 100, 100) == pytest.approx(0, abs=1e-12)
