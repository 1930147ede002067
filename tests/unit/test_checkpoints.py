"""Checkpoints: what goes in comes out, the last two stay, damage is noticed and passed over."""

import logging
from pathlib import Path

import numpy as np
import pytest

from pawtrait import checkpoints

ARRAYS = {
    "net/weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "adam/step": np.float32(7),
    "pictures": np.full((1, 2, 2, 3), 200, np.uint8),
    "none": np.zeros((0, 4), np.float64),
}


def test_arrays_come_back_with_their_bits_dtypes_and_shapes(tmp_path):
    checkpoints.save(tmp_path, ARRAYS, {})
    back = checkpoints.load(tmp_path)
    assert back is not None
    assert sorted(back.arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array, strict=True)


def test_an_array_that_lies_crosswise_in_memory_comes_back_as_it_reads(tmp_path):
    crosswise = np.arange(6, dtype=np.float32).reshape(2, 3).T
    checkpoints.save(tmp_path, {"crosswise": crosswise}, {})
    np.testing.assert_array_equal(checkpoints.load(tmp_path).arrays["crosswise"], crosswise)


def test_the_state_keeps_floats_to_the_last_bit_and_numbers_of_any_size(tmp_path):
    state = {"epoch": 3, "losses": [0.1 + 0.2, 1e-300], "rng": 2**127 + 1, "name": "Pfötchen"}
    checkpoints.save(tmp_path, {}, state)
    assert checkpoints.load(tmp_path).state == state


def test_nothing_was_saved(tmp_path):
    assert checkpoints.load(tmp_path / "never made") is None


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path):
    for epoch in range(1, 5):
        checkpoints.save(tmp_path, ARRAYS, {"epoch": epoch})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000003", "000004"]
    assert checkpoints.load(tmp_path).state == {"epoch": 4}


@pytest.mark.parametrize("name", ["arrays.safetensors", "state.json", "SHA256SUMS"])
def test_a_damaged_checkpoint_is_passed_over_with_a_word(tmp_path, caplog, name):
    checkpoints.save(tmp_path, ARRAYS, {"epoch": 1})
    newest = checkpoints.save(tmp_path, ARRAYS, {"epoch": 2})
    _flip_a_bit(newest / name)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load(tmp_path).state == {"epoch": 1}
    assert "000002 is damaged" in caplog.text


def test_a_checkpoint_without_one_of_its_files_is_passed_over(tmp_path):
    checkpoints.save(tmp_path, ARRAYS, {"epoch": 1})
    (checkpoints.save(tmp_path, ARRAYS, {"epoch": 2}) / "state.json").unlink()
    assert checkpoints.load(tmp_path).state == {"epoch": 1}


def test_saving_goes_on_after_a_damaged_checkpoint(tmp_path):
    _flip_a_bit(checkpoints.save(tmp_path, ARRAYS, {"epoch": 1}) / "state.json")
    assert checkpoints.load(tmp_path) is None
    checkpoints.save(tmp_path, ARRAYS, {"epoch": 1, "again": True})
    assert checkpoints.load(tmp_path).state == {"epoch": 1, "again": True}


def test_the_good_one_before_a_damaged_one_stays_to_fall_back_on(tmp_path):
    for epoch in (1, 2):
        last = checkpoints.save(tmp_path, ARRAYS, {"epoch": epoch})
    _flip_a_bit(last / "state.json")
    assert checkpoints.load(tmp_path).state == {"epoch": 1}
    _flip_a_bit(checkpoints.save(tmp_path, ARRAYS, {"epoch": 2}) / "state.json")
    assert checkpoints.load(tmp_path).state == {"epoch": 1}


def test_what_a_killed_writer_left_is_no_checkpoint_and_is_cleared_away(tmp_path):
    left = tmp_path / ".000001.12345678"
    left.mkdir()
    (left / "arrays.safetensors").write_bytes(b"half")
    assert checkpoints.load(tmp_path) is None
    checkpoints.save(tmp_path, ARRAYS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["000001"]


def test_a_state_that_json_cannot_hold_leaves_what_was_there(tmp_path):
    checkpoints.save(tmp_path, ARRAYS, {"epoch": 1})
    with pytest.raises(TypeError):
        checkpoints.save(tmp_path, ARRAYS, {"epoch": object()})
    assert checkpoints.load(tmp_path).state == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["000001"]


def _flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
