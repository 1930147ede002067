"""Stage split: accepted pictures find their split, and leaks are stopped or taken out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed, Record, Rejected, read, write
from pawtrait.errors import BadData
from pawtrait.stages import split
from tests.rows import record

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    (tmp_path / "params.yaml").write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    homes = ("train", "valid", "test")
    return [record(f"{home}/{label}/{home}{n}.jpg") for home in homes for label in LABELS for n in range(2)]


def run(records: list[Record], recorded: str = "id,split\n") -> dict[str, str]:
    write(Path("accepted.csv"), records, Record)
    Path("recorded.csv").write_text(recorded)
    split.run(
        accepted=Path("accepted.csv"),
        recorded=Path("recorded.csv"),
        splits=Path("splits.csv"),
        dropped=Path("dropped.csv"),
        summary=Path("split.json"),
        docs=Path("split_docs"),
    )
    return {row.path: row.split for row in read(Path("splits.csv"), Placed)}


def leaks(policy: str) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert "  leaks: drop" in text
    Path("params.yaml").write_text(text.replace("  leaks: drop", f"  leaks: {policy}"), encoding="utf-8")


def test_published_splits_come_out_as_they_went_in(published: list[Record]) -> None:
    assert run(published) == {row.path: row.published for row in published}
    found = json.loads(Path("split.json").read_text())
    assert found["pictures"]["valid"] == dict.fromkeys(LABELS, 2)
    assert found["origin"] == dict.fromkeys(("train", "valid", "test"), "published")
    assert found["dropped"] == 0


def test_a_copy_across_splits_is_dropped_with_its_reason(published: list[Record]) -> None:
    [home] = [row for row in published if row.path == "test/sad/test0.jpg"]
    copy = record("train/sad/copy.jpg", group=home.group)
    assert "train/sad/copy.jpg" not in run([*published, copy])
    assert read(Path("dropped.csv"), Rejected) == [
        Rejected(copy.id, copy.path, "sad", "split", "copy of test/sad/test0.jpg in test")
    ]
    assert json.loads(Path("split.json").read_text())["dropped"] == 1


def test_with_stop_a_copy_across_splits_stops(published: list[Record]) -> None:
    leaks("stop")
    copy = record("train/sad/copy.jpg", group="test/sad/test0.jpg")
    with pytest.raises(BadData, match=r"train/sad/copy\.jpg is a copy of test/sad/test0\.jpg in test"):
        run([*published, copy])
    assert not Path("splits.csv").exists()


def test_pictures_without_splits_are_split_and_the_summary_says_so(published: list[Record]) -> None:
    loose = [record(f"unsplit/{label}/{n}.jpg") for label in LABELS for n in range(20)]
    homes = run(loose)
    found = json.loads(Path("split.json").read_text())
    assert found["groups"]["test"] == dict.fromkeys(LABELS, 3)
    assert found["origin"]["test"] == "made"
    assert set(homes.values()) == {"train", "valid", "test"}


def test_recorded_pictures_keep_their_split(published: list[Record]) -> None:
    loose = [replace(row, published="") for row in published]
    recorded = "id,split\n" + "".join(f"{row.id},{row.published}\n" for row in published)
    assert run(loose, recorded) == {row.path: row.published for row in published}
    assert json.loads(Path("split.json").read_text())["origin"]["test"] == "recorded"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,exam\n", "a is in 'exam'; expected one of train, valid, test"),
        ("a,test\na,train\n", "a is in test and"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused(published: list[Record], rows: str, message: str) -> None:
    with pytest.raises(BadData, match=rf"recorded\.csv: {message}"):
        run(published, "id,split\n" + rows)


def test_a_split_without_a_class_stops(published: list[Record]) -> None:
    lacking = [row for row in published if not row.path.startswith("valid/angry")]
    with pytest.raises(BadData, match=r"splits\.csv: split valid has no picture of class angry"):
        run(lacking)
    assert any("valid/angry" in page for page in _pages())
    with tracking.pipeline(params.load()) as found:  # which ends it anew when the block does
        assert tracking.client().get_run(found.id).info.status == "FAILED"


def test_the_run_has_the_data_docs_and_what_was_dropped(published: list[Record]) -> None:
    run(published)
    with tracking.pipeline(params.load()) as found:
        kept = [one.path for one in tracking.client().list_artifacts(found.id, "split_docs")]
        data = [one.path for one in tracking.client().list_artifacts(found.id, "data")]
    assert "split_docs/index.html" in kept
    assert {"data/dropped.csv", "data/split.json"} <= set(data)


def _pages() -> list[str]:
    return [one.read_text(encoding="utf-8") for one in sorted(Path("split_docs").rglob("*.html"))]


def test_no_pictures_stop(published: list[Record]) -> None:
    with pytest.raises(BadData, match="class happy: 0 groups of copies"):
        run([])
