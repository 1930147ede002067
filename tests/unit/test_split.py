"""Groups stay together, published and recorded splits stay as they are, and later groups find their place."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawtrait.dataset import split
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Record, Rejected
from pawtrait.errors import BadData
from tests import rows

SHARES = {"valid": 0.15, "test": 0.15}


def record(name: str, group: str, published: str = "", label: str = "happy") -> Record:
    return rows.record(name, id=name, group=group, published=published, label=label)


def many(count: int, published: str = "") -> list[Record]:
    """``count`` groups of two pictures in each class."""
    return [
        record(f"{published}{label}{n}{copy}", f"{published}{label}{n}", published, label)
        for label in LABELS
        for n in range(count)
        for copy in "ab"
    ]


def same_groups(records: Sequence[Record]) -> Mapping[str, str]:
    return {one.path: one.group for one in records}


def separate(
    records: Sequence[Record], recorded: Mapping[str, str] | None = None, leaks: str = "drop"
) -> tuple[list[str], list[Rejected]]:
    kept, out = split.separate(records, recorded or {}, leaks=leaks, regroup=same_groups)  # type: ignore[arg-type]
    return [one.path for one in kept], out


def assign(records: Sequence[Record], recorded: Mapping[str, str] | None = None) -> dict[str, str]:
    return split.assign(records, recorded or {}, salt="salt", **SHARES)


def test_published_splits_are_kept() -> None:
    records = many(3, "train") + many(2, "valid") + many(2, "test")
    homes = assign(records)
    assert all(homes[one.group] == one.published for one in records)


def test_missing_splits_are_made_with_their_share_of_every_class() -> None:
    records = many(20)
    homes = assign(records)
    labels = {one.group: one.label for one in records}
    counts = Counter((labels[group], home) for group, home in homes.items())
    expected = {"train": 14, "valid": 3, "test": 3}
    assert counts == {(label, home): number for label in LABELS for home, number in expected.items()}


def test_a_missing_test_split_is_made_from_train_and_leaves_valid_alone() -> None:
    records = many(20, "train") + many(4, "valid")
    homes = assign(records)
    moved = {group for group, home in homes.items() if home == "test"}
    assert len(moved) == 12
    assert all(group.startswith("train") for group in moved)
    assert all(homes[one.group] == "valid" for one in records if one.published == "valid")


def test_new_pictures_beside_published_splits_go_to_train_or_valid_never_to_test() -> None:
    records = many(3, "train") + many(3, "valid") + many(3, "test") + many(50)
    homes = [home for group, home in assign(records).items() if group[0] not in "tv"]
    assert Counter(homes) == {"train": 200 - homes.count("valid"), "valid": homes.count("valid")}
    assert 15 <= homes.count("valid") <= 45  # 30 expected, three sigma


def test_order_does_not_matter() -> None:
    records = many(20)
    assert assign(records) == assign(records[::-1])


def test_another_salt_draws_other_groups() -> None:
    records = many(20)
    assert split.assign(records, {}, salt="salt", **SHARES) != split.assign(records, {}, salt="x", **SHARES)


def test_a_class_with_one_picture_is_named() -> None:
    records = [one for one in many(9) if one.label != "sad"] + [record("s", "s", label="sad")]
    with pytest.raises(
        BadData, match="class sad: 1 groups of copies to make test and valid from; 3 are needed"
    ):
        assign(records)


def test_one_class_only_is_named() -> None:
    with pytest.raises(BadData, match="class sad: 0 groups"):
        assign([one for one in many(9) if one.label == "happy"])


def test_three_groups_are_enough_for_a_class_to_be_everywhere() -> None:
    assert Counter(assign(many(3)).values()) == {"train": 4, "valid": 4, "test": 4}


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(3, 30), st.floats(0.01, 0.9), st.floats(0.01, 0.9))
def test_every_class_is_in_every_split_whatever_the_shares(count: int, valid: float, test: float) -> None:
    records = many(count)
    homes = split.assign(records, {}, valid=valid, test=test, salt="salt")
    assert {(one.label, homes[one.group]) for one in records} == {
        (label, home) for label in LABELS for home in ("train", "valid", "test")
    }


def test_recorded_pictures_stay_when_new_ones_come() -> None:
    month_1 = many(20)
    first = assign(month_1)
    recorded = {one.id: first[one.group] for one in month_1}
    more = [
        replace(one, id=f"new{one.id}", path=f"new{one.path}", group=f"new{one.group}") for one in many(30)
    ]
    later = assign(month_1 + more, recorded)
    assert {group: later[group] for group in first} == first
    assert {later[one.group] for one in more} == {"train", "valid"}


def test_a_group_with_a_new_name_keeps_its_split_by_the_ids_in_it() -> None:
    old = record("old", "renamed by a copy")
    assert assign([old, record("copy", "renamed by a copy")], {"old": "valid"}) == {
        "renamed by a copy": "valid"
    }


def test_what_is_recorded_stands_over_what_is_published() -> None:
    assert assign([record("a", "g", "train")], {"a": "test"}) == {"g": "test"}


def test_nothing_is_made_anew_once_something_is_recorded() -> None:
    homes = assign([record("a", "g"), *many(20)], {"a": "train"})
    assert "test" not in homes.values()


def test_a_source_of_which_nothing_is_recorded_has_its_splits_made() -> None:
    feedback = replace(record("a", "g"), source="feedback")
    homes = assign([feedback, *many(20)], {"a": "train", "gone": "test"})
    assert homes["g"] == "train" and set(homes.values()) == {"train", "valid", "test"}


LEAK = [
    record("test/1", "g", "test"),
    record("valid/1", "g", "valid"),
    record("train/1", "g", "train"),
    record("train/2", "h", "train"),
]


def test_a_copy_in_a_less_protected_split_is_dropped_with_the_reason() -> None:
    kept, out = separate(LEAK)
    assert kept == ["test/1", "train/2"]
    assert [(one.path, one.reason) for one in out] == [
        ("train/1", "copy of test/1 in test and of valid/1 in valid; it would bridge them"),
        ("valid/1", "copy of test/1 in test"),
    ]


def test_with_stop_the_leaking_pictures_are_named() -> None:
    with pytest.raises(BadData, match=r"copies across splits: train/1 is a copy of test/1 in test"):
        separate(LEAK, leaks="stop")


def test_with_stop_a_long_list_is_cut_and_counted() -> None:
    leaks = [record(f"{home}/{n}", str(n), home) for home in ("train", "test") for n in range(9)]
    with pytest.raises(BadData, match="; and 4 more; remove them, or set split"):
        separate(leaks, leaks="stop")


def test_a_group_within_one_split_is_no_leak() -> None:
    records = [record("train/1", "g", "train"), record("train/2", "g", "train"), record("new", "g")]
    assert separate(records, leaks="stop") == (["train/1", "train/2", "new"], [])


@pytest.mark.parametrize("leaks", ["stop", "drop"])
def test_a_bridge_between_two_splits_is_rejected_and_its_ends_stay(leaks: str) -> None:
    ends = [record("train/1", "g", "train"), record("valid/1", "g", "valid")]
    kept, out = split.separate(
        [*ends, record("bridge", "g")],
        {},
        leaks=leaks,  # type: ignore[arg-type]
        regroup=lambda left: {one.path: one.path for one in left},  # without the bridge they are strangers
    )
    assert {one.path: one.group for one in kept} == {"train/1": "train/1", "valid/1": "valid/1"}
    assert [one.reason for one in out] == [
        "copy of valid/1 in valid and of train/1 in train; it would bridge them"
    ]


@pytest.mark.parametrize("leaks", ["stop", "drop"])
def test_a_new_copy_of_a_test_picture_enters_no_split(leaks: str) -> None:
    kept, out = separate([record("old", "g"), record("new", "g")], {"old": "test"}, leaks)
    assert kept == ["old"]
    assert [(one.path, one.stage, one.reason) for one in out] == [("new", "split", "copy of old in test")]


def test_a_recorded_picture_is_not_dropped_for_a_newcomer() -> None:
    kept, _ = separate([record("old", "g", "train"), record("new", "g", "test")], {"old": "train"})
    assert kept == ["old"]


def test_a_group_takes_the_label_that_most_of_its_pictures_have() -> None:
    odd = [replace(one, label="sad") if one.path == "happy0a" else one for one in many(3)]
    odd.append(record("happy0c", "happy0"))
    assert set(assign(odd).values()) == {"train", "valid", "test"}


def test_feedback_is_never_drawn_for_a_split_that_is_made_and_changes_nothing_of_it():
    """Twenty more groups in training would otherwise make the drawn test split three larger."""
    source = many(20)
    sent = [
        replace(record(f"sent{label}{n}", f"sent{label}{n}", "train", label), source="feedback")
        for label in LABELS
        for n in range(20)
    ]
    before = split.assign(source, {}, salt="s", **SHARES)
    after = split.assign([*source, *sent], {}, salt="s", **SHARES)
    assert {group: after[group] for group in before} == before
    assert {after[one.group] for one in sent} == {"train"}
