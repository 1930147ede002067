"""Where a year's project may be made: it replaces what an earlier year left, and nothing of anybody else."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from pipelines import chronicle, readme, year
from pipelines.git import own
from pipelines.processes import CommandError

ROOT = Path(__file__).parents[2]


def test_a_folder_with_somebodys_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(year, "_inside", lambda _: pytest.fail("it went on"))
    assert year.main(["--months", "1", "--project", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"year: {tmp_path} holds something else, which would be lost; name a new or an empty folder\n"
    )
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_years_project_is_made_in_a_new_folder_and_again_over_an_earlier_years(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann")  # as some people's shells have it, for their own commits
    for _ in range(2):
        year.found(tmp_path / "year")
        (tmp_path / "year/feedback.db").touch()  # the year left it, so it may go
    year.found(tmp_path / "year")
    assert not (tmp_path / "year/feedback.db").exists()
    assert (tmp_path / "year/src/pawtrait/cli.py").is_file()


def test_a_year_is_of_the_commit_at_which_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits, kept = ["while it ran", "at its start"], []
    monkeypatch.setattr(readme, "made_of", lambda: commits[-1])
    monkeypatch.setattr(year, "found", lambda _: commits.pop())
    monkeypatch.setattr(year, "_inside", lambda _: nullcontext())
    monkeypatch.setattr(chronicle, "rows", lambda _: [])
    monkeypatch.setattr(chronicle, "results", lambda _told, _minutes, commit, _machine: kept.append(commit))
    for name in ("live", "poisoned", "lost", "broken"):
        monkeypatch.setattr(year, name, lambda *_: [])
    monkeypatch.setattr(readme, "refresh", lambda _: None)
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    assert year.main(["--months", "1", "--project", str(tmp_path / "year"), "--write"]) == 0
    assert kept == ["at its start"]


@pytest.mark.parametrize("place", [".", "..", "inner/.."])
def test_neither_the_current_folder_nor_one_above_it_is_ever_ours(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project/inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(CommandError, match="holds something else"):
        own(Path(place), "")


def test_what_lies_in_the_cache_of_the_project_may_be_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".cache/year/begun", "elsewhere/.cache/year/begun"):
        Path(name).parent.mkdir(parents=True)
        Path(name).touch()
    own(Path(".cache/year"), "nobody")
    for other in (".cache", "elsewhere/.cache/year"):
        with pytest.raises(CommandError, match="holds something else"):
            own(Path(other), "nobody")


def test_a_cache_that_is_a_link_to_another_disk_is_still_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk/year").mkdir(parents=True)
    (tmp_path / "disk/year/begun").touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project/.cache").symlink_to(tmp_path / "disk")
    monkeypatch.chdir(tmp_path / "project")
    own(Path(".cache/year"), "nobody")
