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


def sentence(groups: list[str], level: float = 0.95) -> str:
    """The champion is right on all of 60 pictures, the other on all but the first 10."""
    other = np.arange(60) >= 10
    return lead("a", "b", {"a": answers(np.ones(60, bool), groups), "b": answers(other, groups)}, level)


def lead(champion: str, other: str, test: dict[str, Scored], level: float = 0.95) -> str:
    """What is said of the champion's lead over the other."""
    rows = [{**ROW, "name": champion}, {**ROW, "name": other}]
    return leaderboard.sentences(rows, test, Bootstrap(500, level, 1))[1]


def test_ten_pictures_that_differ_are_a_difference() -> None:
    assert sentence([str(index) for index in range(60)]).endswith(": distinguishable.")


def test_the_level_of_the_interval_is_told_as_it_is() -> None:
    assert "(99.5% interval" in sentence([str(index) for index in range(60)], level=0.995)


def test_ten_copies_of_one_picture_are_none_and_count_once_in_the_test() -> None:
    groups = ["copies" if index < 10 else str(index) for index in range(60)]
    said = sentence(groups)
    assert "test over groups, p = 1.000)" in said
    assert said.endswith(": not distinguishable.")
    test = {"a": answers(np.ones(60, bool), groups), "b": answers(np.arange(60) >= 10, groups)}
    assert leaderboard.pairs(test) == [
        {"first": "a", "second": "b", "only_first": 1, "only_second": 0, "p": 1.0}
    ]


def test_a_lead_in_pictures_and_one_in_groups_that_contradict_each_other_are_none() -> None:
    """Only a has 18 originals right, each with five copies, only b 39 single pictures, and both have ten."""
    groups = [f"copies of {n // 5}" for n in range(90)] + [f"single {n}" for n in range(49)]
    only = np.repeat(["a", "b", "both"], [90, 39, 10])
    test = {"a": answers(only != "b", groups), "b": answers(only != "a", groups)}
    assert lead("a", "b", test).endswith("test over groups, p = 0.008): not distinguishable.")
    assert lead("b", "a", test).endswith("test over groups, p = 0.008): not distinguishable.")


def test_a_champion_that_is_behind_is_distinguishable_too() -> None:
    """Validation chose it; on the test split it is wrong on ten pictures that the other has right."""
    groups = [str(index) for index in range(60)]
    test = {"a": answers(np.arange(60) >= 10, groups), "b": answers(np.ones(60, bool), groups)}
    assert lead("a", "b", test).endswith(": distinguishable.")
