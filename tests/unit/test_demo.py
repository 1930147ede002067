"""The demo draws its animals, always the same ones, and plants its faults."""

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pawtrait.dataset import demo, scan
from pawtrait.dataset.demo.canvas import Canvas, Pose, bow
from pawtrait.dataset.demo.moods import feel
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadParams

SMALL = {"train": 8, "valid": 5, "test": 4}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "set"
    demo.draw(folder, SMALL, 96, seed=3, faults=True)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def planted(folder: Path, kind: str) -> tuple[Path, Path]:
    (fault,) = [fault for fault in demo.PLANTED if fault.kind == kind]
    return folder / fault.path, folder / fault.original


@pytest.mark.parametrize("species", demo.SPECIES)
@pytest.mark.parametrize("mood", LABELS)
def test_every_species_shows_every_mood(species: str, mood: str) -> None:
    pixels = demo.picture(species, mood, 64, np.random.default_rng(1))
    assert pixels.shape == (64, 64, 3) and pixels.dtype == np.uint8
    assert pixels.std() > 15
    others = [demo.picture(species, other, 64, np.random.default_rng(1)) for other in LABELS if other != mood]
    assert all((pixels != other).any() for other in others)


def test_the_same_seed_draws_the_same_pixels_at_any_time() -> None:
    first = demo.picture("cat", "sad", 96, np.random.default_rng(5))
    demo.picture("sheep", "happy", 96, np.random.default_rng(6))
    assert (demo.picture("cat", "sad", 96, np.random.default_rng(5)) == first).all()


@pytest.mark.parametrize("seed", range(20))
def test_moods_move_mouth_and_brows_their_own_way(seed: int) -> None:
    happy, sad, angry, other = (feel(label, np.random.default_rng(seed)) for label in LABELS)
    assert happy.curve > 0.15 > abs(other.curve) and sad.curve < -0.1 and angry.curve < 0
    assert angry.slant > 0.2 and sad.slant < -0.2
    assert min(happy.ears) > 0 > max(sad.ears)


def test_a_point_on_the_turned_head_lands_where_the_hand_calculates_it() -> None:
    canvas = Canvas(np.zeros((100, 100, 4), np.uint8), Pose(x=50, y=50, unit=20, yaw=np.pi / 2))
    # a quarter turn: what lay before the head's middle lies to its right, what lay right has gone behind
    assert canvas.project(np.array([[1.0, 0.5]]), lift=0.25) == pytest.approx(np.array([[55.0, 60.0]]))


def test_a_bow_hangs_by_its_sag_in_the_middle() -> None:
    assert bow(0, 0, 2, 0, 0.5, n=3) == pytest.approx(np.array([[0, 0], [1, 0.5], [2, 0]]))


def test_labels_and_splits_have_their_counts_and_no_name_comes_twice(tmp_path: Path) -> None:
    demo.draw(tmp_path / "set", SMALL, 48, seed=3, faults=False)
    names = [tuple(name.split("/")) for name in files(tmp_path / "set")]
    assert {top for top, *_ in names} == {"Master Folder"}
    assert {label for _, _, label, _ in names} == {"happy", "Sad", "Angry", "Other"}
    assert {split: sum(split == s for _, s, _, _ in names) for split in SMALL} == SMALL
    assert len({(label, name) for _, _, label, name in names}) == len(names)


def test_more_pictures_change_no_earlier_ones(tmp_path: Path) -> None:
    demo.draw(tmp_path / "few", {"train": 5, "valid": 1}, 48, seed=3, faults=False)
    demo.draw(tmp_path / "many", {"train": 9, "valid": 6, "test": 2}, 48, seed=3, faults=False)
    few, many = files(tmp_path / "few"), files(tmp_path / "many")
    assert few.items() < many.items()


def test_another_seed_draws_other_pictures(tmp_path: Path) -> None:
    for seed in (1, 2):
        demo.draw(tmp_path / str(seed), {"test": 4}, 48, seed=seed, faults=False)
    one, two = files(tmp_path / "1"), files(tmp_path / "2")
    assert one.keys() == two.keys() and not set(one.values()) & set(two.values())


def test_the_faults_come_on_top_and_are_the_same_each_time(drawn: Path, tmp_path: Path) -> None:
    demo.draw(tmp_path / "plain", SMALL, 96, seed=3, faults=False)
    demo.draw(tmp_path / "again", SMALL, 96, seed=3, faults=True)
    spoiled, plain = files(drawn), files(tmp_path / "plain")
    assert spoiled.keys() - plain.keys() == {fault.path for fault in demo.PLANTED}
    assert plain.items() < spoiled.items()
    assert files(tmp_path / "again") == spoiled


def test_the_truncated_file_opens_but_does_not_load(drawn: Path) -> None:
    path, original = planted(drawn, "truncated")
    assert original.read_bytes().startswith(path.read_bytes())
    with Image.open(path) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_a_test_picture_lies_in_train_byte_for_byte(drawn: Path) -> None:
    path, original = planted(drawn, "copy")
    assert path.read_bytes() == original.read_bytes()
    assert (path.parts[-3], original.parts[-3]) == ("train", "test")


def test_a_valid_picture_lies_in_train_under_other_bytes_and_is_known_by_its_looks(drawn: Path) -> None:
    path, original = planted(drawn, "near copy")
    assert (path.parts[-3], original.parts[-3]) == ("train", "valid")
    assert path.read_bytes() != original.read_bytes()
    ((difference, cosine),) = _distances([path, original])
    assert difference <= 2 and cosine <= 4


def test_tiny_png_and_text_are_what_they_are_called(drawn: Path) -> None:
    with Image.open(planted(drawn, "tiny")[0]) as image:
        assert image.size == (24, 24)
    with Image.open(planted(drawn, "png")[0]) as image:
        assert image.format == "PNG"
    text = planted(drawn, "text")[0]
    assert text.suffix == ".jpg" and text.read_text(encoding="utf-8").startswith("This is a note")


def test_a_dozen_augmented_copies_carry_the_names_of_their_originals(drawn: Path) -> None:
    copies = [fault for fault in demo.PLANTED if fault.kind == "augmented"]
    assert len(copies) == 12
    for fault in copies:
        head, number, base = Path(fault.path).name.split("-", 2)
        assert head == "aug" and number.isdigit() and fault.original.endswith(f"/{base}")
        with Image.open(drawn / fault.path) as one, Image.open(drawn / fault.original) as other:
            assert one.size == other.size and one.tobytes() != other.tobytes()


def test_faults_without_pictures_to_make_them_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"needs 4 pictures in each split, valid has 3"):
        demo.draw(tmp_path / "set", {"train": 8, "valid": 3, "test": 4}, 48, seed=1, faults=True)
    assert not list(tmp_path.iterdir())


def test_strangers_are_never_taken_for_copies(tmp_path: Path) -> None:
    demo.draw(tmp_path / "set", {"train": 160}, 128, seed=4, faults=False)
    between = _distances(sorted((tmp_path / "set").rglob("*.jpg")))
    assert len(between) == 160 * 159 / 2
    assert not [pair for pair in between if pair[0] <= 2 and pair[1] <= 4]


def _distances(paths: list[Path]) -> list[tuple[int, int]]:
    """Bits that differ in both perceptual hashes, for every pair; a copy has 2 and 4 at most."""
    grey = [_scanned(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) for path in paths]
    hashes = [(int(scan.dhash(one), 16), int(scan.phash(one), 16)) for one in grey]
    return [((a ^ c).bit_count(), (b ^ d).bit_count()) for (a, b), (c, d) in combinations(hashes, 2)]


def _scanned(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, (scan.SIDE, scan.SIDE), interpolation=cv2.INTER_AREA), np.uint8)
