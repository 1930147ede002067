"""What `make` makes anew, a moved checkout's environment, and what it frees: nothing that a month needs."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LOGS = '#!/bin/sh\necho "$@" >> calls\n'
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


@pytest.mark.parametrize(
    ("told", "has", "extras"),
    [
        ([], False, [".[dev]"]),
        (["GPU=1"], False, [".[dev,gpu]"]),  # in an environment that is up to date too
        (["GPU=0"], False, []),
        (["GPU=1"], True, []),
        (["--always-make"], True, [".[dev,gpu]"]),  # what is there is kept up to date
    ],
)
def test_libraries_for_a_gpu_come_where_they_are_asked_for(
    checkout: Path, told: list[str], has: bool, extras: list[str]
) -> None:
    note = checkout / ".venv/installed"
    if told:
        note.write_text(f"{checkout}\n")
    if has:
        (checkout / ".venv/with-gpu").touch()
    _setup(checkout, *told)
    calls = (checkout / "calls").read_text().splitlines() if (checkout / "calls").exists() else []
    assert [call.split()[-1] for call in calls if " install " in call] == extras
    assert (checkout / ".venv/with-gpu").exists() == (has or told == ["GPU=1"])


def test_bytecode_is_compiled_once_all_is_installed(checkout: Path) -> None:
    assert _setup(checkout).returncode == 0
    calls = [call for call in (checkout / "calls").read_text().splitlines() if "--version" not in call]
    assert " pip install " in f" {calls[0]}"
    assert calls[1:] == ["-m compileall -qq -j 0 .venv/lib src"]


def test_packages_that_do_not_compile_stop_nothing(checkout: Path) -> None:
    python = checkout / "environments python"
    python.write_text(LOGS + 'test "$2" != compileall\n')
    assert _setup(checkout).returncode == 0
    assert (checkout / ".venv/installed").is_file()


@pytest.mark.parametrize(
    ("good", "taken"),
    [
        (["python3.11", "python3", "python3.12"], "python3.11"),
        (["python3", "python3.12"], "python3"),
        (["python3.12"], "python3.12"),
    ],
)
def test_the_first_python_of_a_known_version_is_taken(checkout: Path, good: list[str], taken: str) -> None:
    for name in ("python3.11", "python3", "python3.12"):
        _program(checkout / "bin" / name, f"exit {0 if name in good else 1}")
    assert f"with {taken}:" in _setup(checkout, python=None).stdout


def test_without_a_python_one_line_says_what_to_install(checkout: Path) -> None:
    done = _setup(checkout, python=None)
    assert done.returncode == 2
    assert done.stderr.startswith("make setup: found no Python 3.11 or 3.12")
    assert not (checkout / "calls").exists()


def test_where_python_cannot_make_environments_the_missing_package_is_named(checkout: Path) -> None:
    known = 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac'
    _program(checkout / "bin/python3.11", known)
    done = _setup(checkout, python=None)
    assert done.returncode == 2
    assert "apt install python3.11-venv" in done.stderr.splitlines()[0]
    assert not (checkout / "calls").exists()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Makefile and stand-ins for the programs that it calls; what it finds by name lies in ``bin``."""
    here = tmp_path.resolve()
    (here / ".venv").mkdir()
    shutil.copy(ROOT / "Makefile", here)
    for name in ("pyproject.toml", "constraints.txt"):
        (here / name).touch()
    _program(here / "environments python", "")
    (here / "bin").mkdir()
    for tool in ("cat", "echo", "printf", "pwd", "rm", "test", "touch"):  # make calls some without a shell
        (here / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return here


def _program(path: Path, then: str) -> None:
    path.write_text(f"{LOGS if path.parent.name != 'bin' else '#!/bin/sh'}\n{then}\n")
    path.chmod(0o755)


def _setup(here: Path, *told: str, python: str | None = "true") -> "subprocess.CompletedProcess[str]":
    """What `make setup` does there; without a ``python`` it looks for one in ``bin``."""
    named = [f"PYTHON={python}"] if python else []
    command = [str(shutil.which("make")), "--quiet", "setup", "PY='./environments python'", *named, *told]
    env = {"PATH": str(here / "bin")} if python is None else None
    return subprocess.run(command, cwd=here, env=env, capture_output=True, text=True)
