"""A picture and its copies share a group; strangers never do."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pawtrait.dataset import duplicates, scan
from pawtrait.dataset.manifest import Record
from tests import pace
from tests.rows import record

PETS = Path("../shared/pets/Master Folder")


def together(records: Sequence[Record]) -> list[set[str]]:
    """The groups as sets of paths, the largest first."""
    groups = duplicates.groups(records, dhash_distance=2, phash_distance=4)
    sets: dict[str, set[str]] = {}
    for path, group in groups.items():
        sets.setdefault(group, set()).add(path)
    return sorted(sets.values(), key=lambda paths: (-len(paths), min(paths)))


def test_the_same_bytes_are_one_group_across_labels_and_splits() -> None:
    same = [record("train/happy/1.jpg", id="a"), record("test/sad/2.jpg", id="a")]
    assert together([*same, record("train/happy/3.jpg", id="b")]) == [
        {"train/happy/1.jpg", "test/sad/2.jpg"},
        {"train/happy/3.jpg"},
    ]


def test_an_augmented_name_joins_its_base_and_its_siblings_without_the_base() -> None:
    names = ["aug-1-034.jpg", "034.jpg", "aug-12-035.jpg", "aug-2-035.jpg", "36.jpg"]
    assert together([record(f"train/sad/{name}") for name in names]) == [
        {"train/sad/034.jpg", "train/sad/aug-1-034.jpg"},
        {"train/sad/aug-12-035.jpg", "train/sad/aug-2-035.jpg"},
        {"train/sad/36.jpg"},
    ]


def test_the_same_number_in_another_label_or_split_is_another_picture() -> None:
    names = ["train/happy/020.jpg", "train/sad/020.jpg", "valid/sad/020.jpg", "valid/sad/aug-1-020.jpg"]
    assert len(together([record(name) for name in names])) == 3


def test_both_hashes_have_to_agree() -> None:
    base = record("train/sad/1.jpg", dhash="0" * 16, phash="0" * 16)
    near = record("train/sad/2.jpg", dhash="0" * 15 + "3", phash="0" * 15 + "f")  # 2 and 4 bits
    one_only = record("train/sad/3.jpg", dhash="0" * 16, phash="1f" + "0" * 14)  # 0 and 5 bits
    the_other = record("train/sad/4.jpg", dhash="f" * 16, phash="0" * 16)
    assert together([base, near, one_only, the_other])[0] == {"train/sad/1.jpg", "train/sad/2.jpg"}


def test_a_copy_of_a_copy_is_a_copy() -> None:
    chain = [record(f"train/sad/{n}.jpg", dhash=h * 16, phash="0" * 16) for n, h in enumerate("0")]
    chain.append(record("train/sad/1.jpg", dhash="0" * 15 + "3", phash="0" * 16))
    chain.append(record("train/sad/2.jpg", dhash="0" * 15 + "f", phash="0" * 16))
    assert len(together(chain)) == 1


def test_pictures_without_a_hash_are_no_copies_of_each_other() -> None:
    assert len(together([record("train/sad/1.jpg"), record("train/sad/2.jpg")])) == 2


def test_empty_files_join_nothing_though_their_bytes_are_the_same() -> None:
    empty = [record(f"train/{label}/1.jpg", id="e3b0", problem="empty") for label in ("happy", "sad")]
    assert len(together(empty)) == 2


def test_two_families_with_an_empty_member_each_keep_their_own_names() -> None:
    empty = [record(f"train/sad/aug-1-{n}.jpg", id="e3b0", problem="empty") for n in range(2)]
    whole = [record(f"train/sad/{n}.jpg", id=f"ff0{n}") for n in range(2)]
    groups = duplicates.groups([*empty, *whole], dhash_distance=2, phash_distance=4)
    assert groups == {
        "train/sad/0.jpg": "ff00",
        "train/sad/aug-1-0.jpg": "ff00",
        "train/sad/1.jpg": "ff01",
        "train/sad/aug-1-1.jpg": "ff01",
    }


def test_a_group_is_named_by_its_smallest_id_in_any_order() -> None:
    rows = [record(f"train/sad/aug-{n}-1.jpg", id=letter * 64) for n, letter in enumerate("cab")]
    for _ in range(5):
        random.shuffle(rows)
        groups = duplicates.groups(rows, dhash_distance=2, phash_distance=4)
        assert set(groups.values()) == {"a" * 16}


def test_twelve_million_pairs_cost_less_than_a_loop_over_four_million() -> None:
    many = strangers(5000)

    def plain() -> None:
        hashes = [int(one.dhash, 16) for one in many[:2000]]
        assert min((a ^ b).bit_count() for a in hashes for b in hashes) == 0

    assert len(together(many)) == 5000
    assert pace.times(lambda: together(many), beside=plain) < 1


def strangers(count: int) -> list[Record]:
    bits = random.Random(1)
    return [
        record(
            f"train/sad/{n}.jpg",
            dhash=f"{bits.getrandbits(64):016x}",
            phash=f"{bits.getrandbits(64):016x}",
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(("dhash_distance", "phash_distance"), [(0, 0), (2, 4), (4, 6), (8, 10)])
def test_the_real_pets_are_296_originals_and_36_for_validation(
    dhash_distance: int, phash_distance: int
) -> None:
    if not PETS.is_dir():
        pytest.skip("needs the pets beside the repository")
    rows = list(scan.records(PETS, scan.files(PETS), source="pets", largest_pixels=10**8))
    groups = duplicates.groups(rows, dhash_distance=dhash_distance, phash_distance=phash_distance)
    train = {groups[row.path] for row in rows if row.published == "train"}
    valid = {groups[row.path] for row in rows if row.published == "valid"}
    assert (len(train), len(valid), len(train & valid)) == (296, 36, 0)
