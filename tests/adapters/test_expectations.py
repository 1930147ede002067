"""Great Expectations gives the verdict: the right rows, by the right rule, shown in the Data Docs."""

import json
from pathlib import Path
from typing import Any

import pytest

from pawtrait.adapters.expectations import Checker
from pawtrait.dataset import rules
from pawtrait.dataset.manifest import Placed
from pawtrait.dataset.rules import Rule, Table
from pawtrait.errors import BadData
from tests.rows import record


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


def table(name: str, values: list[Any], **expected: Any) -> Table:
    rule = Rule(name="rule", column="value", expected="…", sentence="{key} has {value}", **expected)
    rows = [{"key": f"k{place}", "value": value} for place, value in enumerate(values)]
    return Table(name, "key", ("key", "value"), rows, (rule,))


@pytest.mark.parametrize(
    ("values", "expected", "failing"),
    [
        (["happy", "sad", "wild"], {"allowed": ("happy", "sad")}, ["k2"]),
        (["", "broken"], {"allowed": ("",)}, ["k1"]),
        ([10, 9.99, 250, None], {"least": 10.0}, ["k1"]),
        ([10, 9, 251, 250], {"least": 10.0, "most": 250.0}, ["k1", "k2"]),
        (["a", "b", "a"], {"unique": True}, ["k0", "k2"]),
        (["ab", "xy", "abc"], {"pattern": "^[a-f]{2}$"}, ["k1", "k2"]),
        ([], {"least": 1.0}, []),
        ([], {"unique": True}, []),
    ],
)
def test_each_kind_of_rule_finds_the_rows_that_break_it(
    checker: Checker, values: list[Any], expected: dict[str, Any], failing: list[str]
) -> None:
    found = checker.check(table(f"{values}{expected}", values, **expected))
    assert [one.key for one in found] == failing


def test_what_is_broken_comes_with_its_sentence_in_the_order_of_the_rows(checker: Checker) -> None:
    found = checker.check(table("order", ["c", "a", "b"], allowed=("a",)))
    assert [one.sentence for one in found] == ["k0 has c", "k2 has b"]


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_a_pass(checker: Checker) -> None:
    rule = Rule(name="rule", column="absent", expected="…", sentence="…", least=1)
    with pytest.raises(BadData, match="table lacking: expect_column_values_to_be_between failed"):
        checker.check(Table("lacking", "key", ("key",), [{"key": "k"}], (rule,)))


def test_a_group_in_two_splits_and_a_class_that_is_missing_are_found(checker: Checker) -> None:
    placed = [
        Placed(f"{split}{label}", f"{split}/{label}", label, f"{split}{label}", split)
        for split in ("train", "valid", "test")
        for label in ("happy", "sad", "angry", "other")
    ][:-1]
    placed.append(Placed("x", "x", "sad", "trainsad", "test"))
    found = [one.sentence for part in rules.splits(placed) for one in checker.check(part)]
    assert found == [
        "split test has no picture of class other",
        "group trainsad is in test and train",
        "group trainsad is in test and train",
    ]


def test_the_data_docs_show_the_verdict_and_the_failing_path(tmp_path: Path) -> None:
    row = record("train/wild/ねこ.jpg")
    checker = Checker(tmp_path / "docs")
    checker.check(rules.pictures([row], least_side=48, brightness=(8.0, 247.0), least_sharpness=2.0))
    for part in rules.accepted([], least_groups=8):
        checker.check(part)
    index = (tmp_path / "docs/index.html").read_text(encoding="utf-8")
    assert all(name in index for name in ("pictures", "accepted set", "accepted classes"))
    [page] = (tmp_path / "docs/validations/pictures").rglob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "train/wild/ねこ.jpg" in text or json.dumps("train/wild/ねこ.jpg") in text
