"""What continuous integration installs on a bare machine, with stand-ins for all that it calls."""

import shutil
import subprocess

import pytest

NOTES = '#!/bin/sh\necho "$(basename "$0") $*" >> {log}\n{then}\n'


@pytest.fixture
def ran(tmp_path):
    """Runs it on a machine with these programs, each a line of shell; gives what it called, in order."""

    def run(fails: bool = False, **programs: str) -> list[str]:
        folder, log = tmp_path / "bin", tmp_path / "log"
        folder.mkdir()
        for name in ("bash", "sh", "dirname", "basename"):
            (folder / name).symlink_to(shutil.which(name))
        known = {"git": "", "make": "", "chromium": "", "apt-get": "", "apt-cache": "exit 100"}
        for name, then in (known | programs).items():
            program = folder / name.replace("_", ".")
            program.write_text(NOTES.format(log=log, then=then))
            program.chmod(0o755)
        done = subprocess.run(["bash", ".ci/run"], env={"PATH": str(folder)}, capture_output=True)
        assert bool(done.returncode) is fails, done.stderr
        return [line for line in log.read_text().splitlines() if "postgresql" not in line]

    return run


def made(calls: list[str]) -> list[str]:
    """In the order of their names: two run at once."""
    return sorted(call for call in calls if call.startswith("make"))


def installed(calls: list[str]) -> list[str]:
    return [call.partition("-qq ")[2] for call in calls if call.startswith("apt-get install")]


@pytest.mark.parametrize("python", ["python3.11", "python3.12"])
def test_either_python_does(ran, python):
    calls = ran(**{python.replace(".", "_"): ""})
    assert installed(calls) == []
    assert made(calls) == [f"make {what} PYTHON={python}" for what in ("check", "setup", "test")]
    assert calls[-3] == f"make setup PYTHON={python}"


@pytest.mark.parametrize("what", ["setup", "check", "test"])
def test_whatever_fails_fails_it(ran, what):
    calls = ran(fails=True, python3_11="", make=f"[ $1 = {what} ] && exit 2; exit 0")
    assert len(made(calls)) == (1 if what == "setup" else 3)


def test_one_that_can_make_environments_goes_before_one_that_cannot(ran):
    calls = ran(python3_11="exit 1", python3_12="")
    assert installed(calls) == []
    assert made(calls)[0] == "make check PYTHON=python3.12"


@pytest.mark.parametrize(("has", "python"), [("exit 0", "python3.11"), ("exit 100", "python3.12")])
def test_where_neither_can_the_systems_own_is_installed(ran, has, python):
    calls = ran(**{"apt-cache": has, "python3_12": "exit 1"})
    assert installed(calls) == [f"{python} {python}-venv"]
    assert made(calls)[-1] == f"make test PYTHON={python}"
