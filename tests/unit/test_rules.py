"""What is expected of the data, as rules and sentences; no verdict is needed to read them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pawtrait.dataset import rules
from pawtrait.dataset.manifest import Placed, Record
from tests.rows import record

GOOD = record("train/happy/1.jpg", id="a" * 64, group="g1", width=100, height=60)


def table(*records: Record) -> rules.Table:
    return rules.pictures(records, least_side=48, brightness=(8.0, 247.0), least_sharpness=2.0)


def row(record: Record, *others: Record) -> Mapping[str, Any]:
    return table(record, *others).rows[0]


def sentence(name: str, record: Record, *others: Record) -> str:
    [rule] = [rule for rule in table().rules if rule.name == name]
    return rule.sentence.format(**row(record, *others))


@pytest.mark.parametrize(
    ("rule", "change", "expected"),
    [
        ("decodable", {"problem": "the file is empty"}, "the file is empty"),
        ("label", {"label": "furious"}, "unknown label 'furious'; expected happy, sad, angry, other"),
        ("side", {"width": 40}, "40x60 px; 48 px a side are needed (validate.least_side)"),
        (
            "brightness",
            {"brightness": 3.21},
            "mean grey 3.2 is outside 8 to 247 (validate.brightness): black or burnt out",
        ),
        ("sharpness", {"sharpness": 1.0}, "sharpness 1.0 is under 2 (validate.least_sharpness)"),
        ("extension", {"format": "png"}, "is a png named .jpg; read by its content"),
        ("mode", {"mode": "CMYK"}, "mode CMYK was turned into RGB"),
    ],
)
def test_each_reason_is_a_sentence_with_the_numbers_in_it(
    rule: str, change: dict[str, Any], expected: str
) -> None:
    assert sentence(rule, replace(GOOD, **change)) == expected


def test_a_name_with_braces_does_no_harm_to_the_sentence() -> None:
    assert sentence("label", replace(GOOD, label="{path}")).startswith("unknown label '{path}'")


def test_what_could_not_be_seen_breaks_no_rule_about_looks() -> None:
    unseen = row(replace(GOOD, problem="empty", width=0, height=0, brightness=0, sharpness=0, mode=""))
    assert [unseen[name] for name in ("side", "brightness", "sharpness", "mode")] == [None] * 4


def test_doubts_are_warnings_and_the_rest_rejects() -> None:
    severities = {rule.name: rule.severity for rule in table().rules}
    assert {name for name, severity in severities.items() if severity == "warning"} == {
        "sharpness",
        "extension",
        "mode",
        "agreement",
    }


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.JpG"])
def test_every_usual_ending_of_a_jpeg_is_right(name: str) -> None:
    assert row(replace(GOOD, path=f"train/happy/{name}"))["misnamed"] == ""


def test_a_name_without_an_ending_is_told() -> None:
    assert sentence("extension", replace(GOOD, path="train/happy/cat")).startswith(
        "is a jpeg named without an ending"
    )


def test_copies_with_other_labels_are_told() -> None:
    other = replace(GOOD, path="train/sad/1.jpg", label="sad", id="b" * 64)
    assert sentence("agreement", GOOD, other) == "is labelled happy, a copy of it sad"


def test_of_the_same_bytes_the_copy_in_the_most_protected_split_stays() -> None:
    names = {"": "a", "train": "b", "valid": "c", "test": "d"}  # by path alone, "a" would stay
    copies = [replace(GOOD, path=name, published=home) for home, name in names.items()]
    assert rules.twins(copies) == {"a": "d", "b": "d", "c": "d"}
    assert rules.twins(copies[:3]) == {"a": "c", "b": "c"}


def test_of_the_same_bytes_in_one_split_the_first_path_stays_in_any_order() -> None:
    first, second = GOOD, replace(GOOD, path="train/happy/2.jpg")
    assert rules.twins([second, first]) == rules.twins([first, second]) == {second.path: first.path}


def test_a_copy_that_is_rejected_anyway_does_not_push_the_good_one_out() -> None:
    lost = replace(GOOD, path="test/furious/1.jpg", published="test", label="furious")
    assert rules.twins([GOOD, lost]) == {}


def test_empty_files_are_nobodys_twins() -> None:
    empty = replace(GOOD, problem="the file is empty")
    assert rules.twins([empty, replace(empty, path="train/happy/2.jpg")]) == {}


def test_classes_count_groups_not_pictures_and_list_the_empty_ones() -> None:
    copy = replace(GOOD, path="train/happy/2.jpg", id="b" * 64)
    other = replace(GOOD, path="train/happy/3.jpg", id="c" * 64, group="g2")
    classes = rules.accepted([GOOD, copy, other], least_groups=8)[1]
    assert [(one["label"], one["pictures"], one["groups"]) for one in classes.rows] == [
        ("happy", 3, 2),
        ("sad", 0, 0),
        ("angry", 0, 0),
        ("other", 0, 0),
    ]


def test_splits_are_judged_by_cells_and_by_pairs_of_group_and_split() -> None:
    placed = [Placed("1", "a", "happy", "g", "train"), Placed("2", "b", "happy", "g", "test")]
    cells, pairs = rules.splits(placed)
    assert {one["cell"]: one["pictures"] for one in cells.rows if one["pictures"]} == {
        "train/happy": 1,
        "test/happy": 1,
    }
    assert len(cells.rows) == 12
    assert [one["place"] for one in pairs.rows] == ["g in test", "g in train"]


def test_no_two_rows_of_a_table_share_a_key_and_no_two_rules_a_name() -> None:
    placed = [Placed("1", "a", "happy", "g", "train"), Placed("2", "b", "happy", "g", "test")]
    for one in (table(GOOD), *rules.accepted([GOOD], least_groups=1), *rules.splits(placed)):
        assert len({found[one.key] for found in one.rows}) == len(one.rows)
        assert len({rule.name for rule in one.rules}) == len(one.rules)
        assert all(set(found) == set(one.columns) for found in one.rows)
