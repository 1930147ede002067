"""The stages fingerprint and ingest: from any source to data/raw, whole or not at all."""

import hashlib
import json
import logging
import os
import resource
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from pawtrait.adapters.sources import kaggle
from pawtrait.dataset import demo, snapshots
from pawtrait.errors import BadFeedback, BadSource
from pawtrait.stages import fingerprint, ingest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "pets"
OURS = Path(__file__).resolve().parents[2] / "params.yaml"
MARK, RAW = Path("data/source.json"), Path("data/raw")
FEEDBACK = Path("data/feedback")
PAINTED = Path("../paintings.json")  # beside the workspace, since some tests look at all that is in it
MIRRORED = Path("../weights.json")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project root as the current folder."""
    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder with a split, another without, and things that are no pictures."""
    root = tmp_path / "pets"
    for name in ("Train/Happy/1.jpg", "Train/Sad/ä.jpg", "valid/angry/1.jpg", "Sleepy/1.jpg", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (root / "Train" / ".DS_Store").touch()
    return root


def _params(source: str | Path, **ingest_keys: Any) -> None:
    """This project's params.yaml with another source, in the current folder."""
    knobs = yaml.safe_load(OURS.read_text(encoding="utf-8"))
    knobs["ingest"] |= {"source": str(source), **ingest_keys}
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")


def _mark() -> dict[str, Any]:
    fingerprint.run(out=MARK, paintings=PAINTED, weights=MIRRORED)
    return dict(json.loads(MARK.read_text(encoding="utf-8")))


def _bring(source: str | Path) -> list[str]:
    _params(source)
    _mark()
    ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    return _raw()


def _raw() -> list[str]:
    return sorted(p.relative_to(RAW).as_posix() for p in RAW.rglob("*") if p.is_file())


EXPECTED = [
    "source.json",
    "train/happy/1.jpg",
    "train/sad/ä.jpg",
    "unsplit/sleepy/1.jpg",
    "valid/angry/1.jpg",
]


def test_a_folder_comes_by_split_and_label(pets: Path) -> None:
    assert _bring(pets) == EXPECTED
    assert (RAW / "train/sad/ä.jpg").read_bytes() == "Train/Sad/ä.jpg".encode()
    assert json.loads((RAW / "source.json").read_text(encoding="utf-8"))["source"] == "folder"


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
def test_an_archive_brings_the_same(kind: str, pets: Path, tmp_path: Path) -> None:
    assert _bring(shutil.make_archive(str(tmp_path / "made"), kind, pets)) == EXPECTED


def test_what_a_killed_run_unpacked_is_gone_after_the_next(pets: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", pets)
    shutil.copytree(pets, ".cache/.source.a1b2c3d4")
    assert _bring(archive) == EXPECTED
    assert list(Path(".cache").iterdir()) == []


def test_an_archive_at_an_address_brings_the_same(pets: Path, tmp_path: Path) -> None:
    made = Path(shutil.make_archive(str(tmp_path / "served" / "pets"), "zip", pets))
    handler = partial(SimpleHTTPRequestHandler, directory=str(made.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert _bring(f"http://127.0.0.1:{server.server_port}/pets.zip") == EXPECTED
        server.shutdown()


def test_kaggle_brings_exactly_the_version_of_the_fingerprint(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resolve(handle: str) -> tuple[str, Path]:
        asked.append(handle)
        return "ann/pets/versions/3", pets

    monkeypatch.setattr(kaggle, "resolve", resolve)
    assert _bring("kaggle:ann/pets") == EXPECTED
    assert asked == ["ann/pets", "ann/pets/versions/3"]


def test_the_demo_is_drawn_the_same_twice() -> None:
    _params("demo", demo={"train": 4, "valid": 4, "test": 4, "side": 64, "seed": 1, "faults": False})
    _mark()
    ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    first = {name: (RAW / name).read_bytes() for name in _raw()}
    ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    assert {name: (RAW / name).read_bytes() for name in _raw()} == first
    assert len(first) == 13


def test_the_demos_faults_all_come_along() -> None:
    _params("demo", demo={"train": 8, "valid": 4, "test": 4, "side": 64, "seed": 1, "faults": True})
    _mark()
    ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    planted = {fault.path.removeprefix(f"{demo.TOP}/").lower() for fault in demo.PLANTED}
    assert planted and planted <= {name.lower() for name in _raw()}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real pictures are not beside this checkout")
def test_the_real_pictures_come_once_each_whether_kaggles_second_copy_is_there_or_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    twice = tmp_path / "twice"
    shutil.copytree(SHARED, twice)
    for label in ("Angry", "Other", "Sad", "happy"):
        shutil.copytree(SHARED / "Master Folder/train" / label, twice / label)
    once = _bring(SHARED)
    assert len(once) == 1037
    assert _bring(twice) == once
    assert "1000 pictures lie in a split and once more beside it; counted once" in caplog.text


def test_nothing_written_names_a_place_on_this_disk(pets: Path, tmp_path: Path) -> None:
    _bring(pets)
    for path in (MARK, RAW / "source.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_the_fingerprint_is_left_alone_while_nothing_changes(pets: Path) -> None:
    _params(pets)
    _mark()
    os.utime(MARK, (0, 0))
    _mark()
    assert MARK.stat().st_mtime == 0
    (pets / "Train/Happy/2.jpg").touch()
    _mark()
    assert MARK.stat().st_mtime > 0


@pytest.mark.parametrize("change", ["a new picture", "a byte"])
def test_a_change_in_a_folder_or_archive_is_noticed(change: str, pets: Path, tmp_path: Path) -> None:
    def archive() -> Path:
        with tarfile.open(tmp_path / "pets.tar", "w") as box:
            box.add(pets, "pets")
        return tmp_path / "pets.tar"

    _params(pets)
    folder = _mark()
    _params(archive())
    packed = _mark()
    (pets / ("Train/Happy/1.jpg" if change == "a byte" else "new.jpg")).write_bytes(b"Train/Happy/1.jpG")
    _params(pets)
    assert _mark() != folder
    _params(archive())
    assert _mark() != packed


def test_the_demos_fingerprint_follows_its_numbers() -> None:
    _params("demo")
    before = _mark()
    _params("demo", demo={"train": 8, "valid": 4, "test": 4, "side": 64, "seed": 1, "faults": False})
    assert _mark() != before


def test_a_source_that_changed_after_its_fingerprint_is_refused(pets: Path) -> None:
    _params(pets)
    _mark()
    (pets / "Train/Happy/2.jpg").touch()
    with pytest.raises(BadSource, match=r"^pets has changed since.*renew it: python -m pawtrait\.stages"):
        ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)


def test_a_fingerprint_of_another_source_is_refused(pets: Path) -> None:
    _params("demo")
    _mark()
    _params(pets)
    with pytest.raises(BadSource, match=r"is of 'demo', ingest.source is 'pets'.*renew it"):
        ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_missing_or_odd_fingerprint_is_told_in_one_line(content: str | None, pets: Path) -> None:
    _params(pets)
    if content:
        MARK.parent.mkdir()
        MARK.write_text(content, encoding="utf-8")
    with pytest.raises(BadSource, match=r"^data/source\.json .*renew it"):
        ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)


@pytest.mark.parametrize("holding", [[], ["README.md", ".DS_Store", "__MACOSX/happy/._1.jpg"]])
def test_a_source_without_pictures_is_told_in_one_line(holding: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in holding:
        (tmp_path / "empty" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "empty" / name).touch()
    with pytest.raises(BadSource, match=rf"the folder has no pictures \({len(holding)} other files\)"):
        _bring(tmp_path / "empty")
    assert not RAW.exists()


def test_a_source_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(BadSource, match=r"^ingest\.source = 'nowhere' is not here; expected demo, kaggle:"):
        _bring("nowhere")


@pytest.mark.parametrize("source", ["data", "data/raw", "data/raw/train", "."])
def test_a_source_that_ingest_would_overwrite_or_eat_again_is_refused(source: str) -> None:
    Path("data/raw/train/happy").mkdir(parents=True)
    Path("data/raw/train/happy/1.jpg").touch()
    _params(source)
    place = Path("../elsewhere.json")
    fingerprint.run(out=place, paintings=PAINTED, weights=MIRRORED)
    with pytest.raises(BadSource, match="lie inside each other"):
        ingest.run(fingerprint=place, feedback=FEEDBACK, raw=RAW)
    assert Path("data/raw/train/happy/1.jpg").exists()


def test_an_evil_archive_leaves_what_was_there(pets: Path, tmp_path: Path) -> None:
    before = _bring(pets)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as box:
        box.writestr("happy/1.jpg", b"x")
        box.writestr("../../evil.jpg", b"x")
    with pytest.raises(BadSource, match=r"evil\.zip: the member '\.\./\.\./evil\.jpg' leads out"):
        _bring(tmp_path / "evil.zip")
    assert _raw() == before
    assert not list(tmp_path.rglob("evil.jpg"))
    assert list(Path(".cache").iterdir()) == []


@pytest.fixture
def tiny_disk() -> Iterator[Callable[[], None]]:
    """Once called, no file may grow beyond 100 kB: the operating system itself refuses a real write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_half_written(pets: Path, tiny_disk: Callable[[], None]) -> None:
    before = _bring(pets)
    (pets / "valid/angry/2.jpg").write_bytes(bytes(200_000))
    _mark()
    tiny_disk()
    with pytest.raises(BadSource, match=r"^valid/angry/2\.jpg: .*free some space"):
        ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    assert _raw() == before
    assert sorted(path.name for path in RAW.parent.iterdir()) == ["raw", "source.json"]


def test_a_picture_taken_away_is_gone_from_raw(pets: Path) -> None:
    _bring(pets)
    (pets / "Train/Happy/1.jpg").unlink()
    assert "train/happy/1.jpg" not in _bring(pets)


def _snapshot(month: str, **pictures: bytes) -> None:
    """A month's snapshot with pictures named by their mood."""
    draft = FEEDBACK / month
    rows = []
    for label, data in pictures.items():
        name = hashlib.sha256(data).hexdigest()
        path = snapshots.place(label, name, data)
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        (draft / path).write_bytes(data)
        rows.append(snapshots.Accepted(path, label, name, "2 of 2 reviewers say so"))
    snapshots.write(draft, rows, [snapshots.Refused("0" * 64, "too dark")])


GIF, OTHER = b"GIF89a one", b"GIF89a two"


def test_feedback_of_every_month_comes_to_training_and_nowhere_else(pets: Path) -> None:
    _snapshot("2026-11", sad=GIF)
    _snapshot("2026-12", happy=OTHER)
    (FEEDBACK / "README.md").write_text("what this is")
    for junk in ("2026-11/.DS_Store", "2026-11/pictures/sad/Thumbs.db"):  # somebody had a look
        (FEEDBACK / junk).touch()
    names = [
        f"train/sad/feedback-2026-11-{hashlib.sha256(GIF).hexdigest()[:16]}.gif",
        f"train/happy/feedback-2026-12-{hashlib.sha256(OTHER).hexdigest()[:16]}.gif",
    ]
    assert _bring(pets) == sorted([*EXPECTED, *names])
    assert (RAW / names[0]).read_bytes() == GIF
    assert json.loads((RAW / "source.json").read_text(encoding="utf-8"))["feedback"] == names


def test_a_source_that_holds_the_feedback_already_keeps_it(pets: Path, tmp_path: Path) -> None:
    _snapshot("2026-11", sad=GIF)
    first = _bring(pets)
    shutil.copytree(RAW, tmp_path / "copy")
    (tmp_path / "copy/source.json").unlink()
    assert _bring(tmp_path / "copy") == first
    assert json.loads((RAW / "source.json").read_text(encoding="utf-8"))["feedback"] == []


@pytest.mark.parametrize("name", ["rejected.csv", "pictures/sad/more.gif"])
def test_a_snapshot_with_a_file_less_or_more_stops(pets: Path, name: str) -> None:
    _snapshot("2026-11", sad=GIF)
    file = FEEDBACK / "2026-11" / name
    file.unlink() if file.exists() else file.write_bytes(OTHER)
    with pytest.raises(BadFeedback, match=f"2026-11: {name} is missing"):
        _bring(pets)


def test_a_snapshot_with_a_changed_byte_stops_and_leaves_what_was_there(pets: Path) -> None:
    _snapshot("2026-11", sad=GIF)
    before = _bring(pets)
    (FEEDBACK / "2026-11/accepted.csv").write_text("path,label,id,reason\n")
    with pytest.raises(BadFeedback, match=r"2026-11: accepted\.csv is not the file that was frozen"):
        ingest.run(fingerprint=MARK, feedback=FEEDBACK, raw=RAW)
    assert _raw() == before


@pytest.mark.parametrize("path", ["../../../secret.gif", "pictures/../../x.gif", "/etc/passwd"])
def test_a_snapshot_cannot_bring_a_file_from_elsewhere(pets: Path, path: str) -> None:
    rows = [snapshots.Accepted(path, "sad", "0" * 64, "")]
    FEEDBACK.joinpath("2026-11").mkdir(parents=True)
    snapshots.write(FEEDBACK / "2026-11", rows, [])
    with pytest.raises(BadFeedback, match="is no path of a picture in a snapshot"):
        _bring(pets)
