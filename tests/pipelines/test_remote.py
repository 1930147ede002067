"""A DVC remote: what one clone pushed, another gets back without computing it again."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DVC = [sys.executable, "-m", "dvc"]


def test_a_second_clone_gets_data_models_and_metrics_back_without_recomputing(
    toy: Path, tmp_path: Path
) -> None:
    _run(*DVC, "repro", "--quiet", at=_with_a_source(toy))
    _commit(toy)
    _remote(toy, tmp_path / "remote")
    _run(*DVC, "push", "--quiet", at=toy)

    second = tmp_path / "second"
    _run("git", "clone", "--quiet", str(toy), str(second), at=tmp_path)
    assert not (second / "data/models/cnn.txt").exists()
    _remote(second, tmp_path / "remote")
    _run(*DVC, "pull", "--quiet", at=second)

    for made in (
        "data/raw.txt",
        "data/models/cnn.txt",
        "data/reports/models/cnn.txt",
        "data/reports/compare.json",
    ):
        assert (second / made).read_bytes() == (toy / made).read_bytes()
    assert "Data and pipelines are up to date." in _run(*DVC, "status", at=second)
    _run(*DVC, "repro", "--quiet", at=second)
    assert not (second / "ran.txt").exists()  # every stage notes there that it ran


def test_the_remote_is_of_this_checkout_alone(toy: Path, tmp_path: Path) -> None:
    """Its folder exists on this machine only, so no commit may name it."""
    _commit(_with_a_source(toy))
    _remote(toy, tmp_path / "remote")
    assert _run("git", "status", "--porcelain", at=toy) == ""
    assert str(tmp_path / "remote") in _run(*DVC, "remote", "list", at=toy)


def test_a_tilde_that_the_shell_left_alone_is_the_home(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _remote(toy, Path("~/remote"))
    assert (tmp_path / "remote").is_dir() and not (toy / "~").exists()
    assert str(tmp_path / "remote") in _run(*DVC, "remote", "list", at=toy)


def _remote(folder: Path, where: Path) -> None:
    make = [
        "make",
        "--quiet",
        "-f",
        str(ROOT / "Makefile"),
        "-o",
        "setup",
        f"PY={shlex.quote(sys.executable)}",
    ]
    _run(*make, f"REMOTE={where}", "dvc-remote", at=folder)


def _with_a_source(folder: Path) -> Path:
    (folder / "data/source.json").write_text("{}")
    return folder


def _commit(folder: Path) -> None:
    (folder / ".gitignore").write_text("/ran.txt\n")
    _run("git", "add", "--all", at=folder)
    who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
    _run("git", *who, "commit", "--quiet", "--message", "toy", at=folder)


def _run(*command: str, at: Path) -> str:
    return subprocess.run(command, cwd=at, check=True, capture_output=True, text=True).stdout
