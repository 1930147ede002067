"""Tests reach nobody's servers, stores or GPUs, whatever the shell that runs them was told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pawtrait import environment
from tests import holds, surroundings

ROOT = Path(__file__).parents[2]
SHELL = {
    "AWS_PROFILE": "work",
    "CUDA_VISIBLE_DEVICES": "0,1",
    "DATABASE_URL": "postgresql://team@ledger/pawtrait",
    "FORCE_COLOR": "1",
    "GIT_DIR": "/home/me/other/.git",
    "MLFLOW_REGISTRY_URI": "http://mlflow.team",
    "PAWTRAIT_KEYS": "secret:operator",
    "PAWTRAIT_WEBHOOK": "https://chat.team/hook",
    "PREFECT_API_URL": "http://prefect.team/api",
    "PREFECT_HOME": "/home/me/.prefect",
}


def left(**said: str) -> dict[str, str]:
    """What a pytest that was started with these variables has in its environment."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    code = "import os, tests.conftest; [print(f'{name}={value}') for name, value in os.environ.items()]"
    command, told = [sys.executable, "-c", code], {"PYTHONPATH": f"{ROOT}/src", **said}
    done = subprocess.run(command, cwd=ROOT, env=plain | told, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_nothing_that_a_shell_says_of_servers_and_stores_reaches_a_test() -> None:
    found = left(**SHELL)
    assert not {name for name, value in SHELL.items() if found.get(name) == value}
    assert found.items() >= surroundings.OWN.items()
    assert found["PREFECT_CLIENT_MAX_RETRIES"] == "8"  # as the package has it


def test_a_process_beside_shares_what_the_first_settled() -> None:
    theirs = {"PREFECT_HOME": "/tmp/homes/prefect_home", "PYTEST_XDIST_WORKER": "gw1"}
    assert left(**theirs)["PREFECT_HOME"] == theirs["PREFECT_HOME"]


@pytest.mark.parametrize("name", ["PAWTRAIT_CHROMIUM", holds.ASKED])
def test_what_is_said_to_the_tests_themselves_stays(name: str) -> None:
    assert left(**{name: "there"})[name] == "there"


def test_no_test_sees_a_gpu() -> None:
    assert environment.gpus() == []


def test_git_answers_in_another_users_checkout(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    another = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}  # as git tests itself
    subprocess.run(["git", "status"], cwd=tmp_path, env=another, check=True, capture_output=True)


def test_under_nohup_a_child_still_hears_that_its_terminal_closes() -> None:
    """Else tests that end one by it wait until they fail, in a run that someone started to leave it alone."""
    child = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
    run = f"print(subprocess.run([sys.executable, '-c', {child!r}]).returncode)"
    code = f"import subprocess, sys; from tests import surroundings; surroundings.listen(); {run}"
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    command = ["nohup", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert int(done.stdout) == -signal.SIGHUP
