"""What `make` makes anew, a moved checkout's environment, and what it frees: nothing that a month needs."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = (
    ".cache/checkpoints/cnn/7/state.pt",
    ".cache/real/params.yaml",
    ".cache/real-mine/params.yaml",
    ".cache/retrain.lock",
    ".cache/retrain/.cache/owed-2026-11.json",
    ".cache/retrain/dvc.lock",
    ".cache/store.lock",
    "data/champion.json",
    "mlflow.db",
)
FREED = (
    ".cache/downloads.zip",
    ".cache/year/dvc.lock",
    ".venv/installed",
    "src/pawtrait/__pycache__/cli.pyc",
)


def test_state_stays_and_caches_go(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("src", "pipelines", "tests", "benchmarks"):
        (tmp_path / folder).mkdir()
    for name in (*KEPT, *FREED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "--quiet", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*KEPT, "Makefile"}


@pytest.mark.parametrize(("noted", "anew"), [("{here}\n", 0), ("", 0), ("/elsewhere\n", 1)])
def test_the_environment_of_a_moved_or_copied_checkout_is_made_anew(
    tmp_path: Path, noted: str, anew: int
) -> None:
    here = tmp_path / "a checkout"
    (here / ".venv").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", here)
    for name in ("pyproject.toml", "constraints.txt"):
        (here / name).touch()
    (here / ".venv/installed").write_text(noted.format(here=here.resolve()))
    asked = subprocess.run(["make", "--question", ".venv/installed"], cwd=here, capture_output=True)
    assert asked.returncode == anew, asked.stderr


def test_the_environment_notes_where_it_was_made(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    command = ["make", "--quiet", "setup", "PY=true", "PYTHON=true"]
    (tmp_path / ".venv").mkdir()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / ".venv/installed").read_text() == f"{tmp_path.resolve()}\n"


def test_an_environment_that_another_checkout_links_to_stays_as_it_is(tmp_path: Path) -> None:
    first, here = tmp_path / "first", tmp_path / "here"
    (first / ".venv").mkdir(parents=True)
    (first / ".venv/installed").write_text(f"{first.resolve()}\n")
    here.mkdir()
    shutil.copy(ROOT / "Makefile", here)
    for name in ("pyproject.toml", "constraints.txt"):
        (here / name).touch()
    (here / ".venv").symlink_to(first / ".venv")
    command = ["make", "--quiet", "setup", "PY=true", f"PYTHON={shlex.quote(sys.executable)}"]
    subprocess.run(command, cwd=here, check=True, capture_output=True)
    assert (first / ".venv/installed").read_text() == f"{first.resolve()}\n"
    assert not (here / ".venv").is_symlink()
    assert (here / ".venv/installed").read_text() == f"{here.resolve()}\n"
