"""Which differences between models may be called real."""

import numpy as np

from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation import leaderboard
from pawtrait.evaluation.intervals import Bootstrap
from pawtrait.evaluation.predictions import Predicted, Scored, scored

ROW = {"start": "pixels", "net": "cnn", "test_pictures": 60, "test_accuracy": 0.5} | {
    f"valid_macro_f1{end}": 0.5 for end in ("", "_low", "_high")
}


def answers(right: np.ndarray, groups: list[str]) -> Scored:
    """A model that is right where told to be; every picture is happy, a wrong answer is sad."""
    rows = []
    for index, (good, group) in enumerate(zip(right, groups, strict=True)):
        spread = (0.7, 0.1, 0.1, 0.1) if good else (0.1, 0.7, 0.1, 0.1)
        said = LABELS[0] if good else LABELS[1]
        rows.append(Predicted(str(index), str(index), group, "test", LABELS[0], said, *spread))
    return scored(rows, "made up")


def sentence(groups: list[str]) -> str:
    """The champion is right on all of 60 pictures, the other on all but the first 10."""
    other = np.arange(60) >= 10
    test = {"a": answers(np.ones(60, bool), groups), "b": answers(other, groups)}
    rows = [{**ROW, "name": "a"}, {**ROW, "name": "b"}]
    return leaderboard.sentences(rows, test, Bootstrap(500, 0.95, 1))[1]


def test_ten_pictures_that_differ_are_a_difference() -> None:
    assert sentence([str(index) for index in range(60)]).endswith(": distinguishable.")


def test_ten_copies_of_one_picture_are_none_and_count_once_in_the_test() -> None:
    groups = ["copies" if index < 10 else str(index) for index in range(60)]
    said = sentence(groups)
    assert "p over groups = 1.000" in said
    assert said.endswith(": not distinguishable.")
    test = {"a": answers(np.ones(60, bool), groups), "b": answers(np.arange(60) >= 10, groups)}
    assert leaderboard.pairs(test) == [
        {"first": "a", "second": "b", "only_first": 1, "only_second": 0, "p": 1.0}
    ]
