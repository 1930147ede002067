"""What keeps foreign tools quiet and results repeatable."""

import gc
import os
import platform
import subprocess
import sys

import pytest

from pawtrait import environment


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "DEBUG")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    environment.settle()
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["MPLBACKEND"] == "Agg"


def test_nothing_phones_home(monkeypatch):
    for name in environment.QUIET:
        monkeypatch.delenv(name, raising=False)
    environment.settle()
    assert os.environ["DO_NOT_TRACK"] == os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, None),  # on macOS any of these hides the system's own proxy
        ({"NO_PROXY": "corp.example"}, None),
        ({"HTTP_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy:9"}, "127.0.0.1,localhost"),
        ({"all_proxy": "http://proxy:9", "NO_PROXY": "corp.example"}, "corp.example,127.0.0.1,localhost"),
        (
            {"https_proxy": "http://proxy:9", "no_proxy": "localhost, a", "NO_PROXY": "b"},
            "localhost,a,b,127.0.0.1",
        ),
        ({"HTTP_PROXY": "http://proxy:9", "no_proxy": "*"}, None),
    ],
)
def test_no_proxy_is_asked_for_servers_of_this_machine(monkeypatch, said, told):
    monkeypatch.setattr(os, "environ", said | {"USER": "ann"})
    environment.settle()
    expected = dict.fromkeys(environment.DIRECT, told) if told else {}
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    assert proxies == said | expected


@pytest.mark.parametrize(
    "settled", ["from pawtrait import environment; environment.settle()", "import pipelines"]
)
@pytest.mark.parametrize(("said", "name"), [({}, str(os.getuid())), ({"LOGNAME": "ann"}, "ann")])
def test_a_user_whom_passwd_does_not_know_has_a_name(settled, said, name):
    code = f"import pwd, getpass; pwd.getpwuid = {{}}.__getitem__; {settled}; print(getpass.getuser())"
    env = {one: value for one, value in os.environ.items() if one not in environment.NAMED} | said
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == name


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings libgomp on Linux only")
def test_torchs_waiting_threads_soon_sleep():
    code = "from pawtrait import environment; environment.settle(); import torch"
    plain = {name: value for name, value in os.environ.items() if name not in environment.QUIET}
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=plain | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"GOMP_SPINCOUNT = '{environment.QUIET['GOMP_SPINCOUNT']}'" in told.stderr


def test_the_cores_are_those_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 7, 9}, raising=False)
    assert environment.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert environment.cores() == os.cpu_count()


def test_native_chatter_is_held_back(capfd):
    with environment.muffled():
        os.write(2, b"a greeting from C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_native_chatter_is_shown_when_the_block_fails(capfd):
    with pytest.raises(RuntimeError), environment.muffled():
        os.write(2, b"why it failed\n")
        raise RuntimeError
    assert "why it failed" in capfd.readouterr().err


def test_an_interrupt_gives_standard_error_back(capfd):
    with pytest.raises(KeyboardInterrupt), environment.muffled():
        raise KeyboardInterrupt
    os.write(2, b"after\n")
    assert capfd.readouterr().err.endswith("after\n")


def test_what_was_imported_is_not_looked_through_again():
    before = gc.get_freeze_count()
    with pytest.raises(ImportError), environment.unswept():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled() and gc.get_freeze_count() > before


CLEARED = """
import resource, sys
from pawtrait import environment
size = int(sys.argv[2])
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
if sys.argv[1] == "kept":
    environment.keep_memory()
b"x" * size
before = faults()
for _ in range(8):
    b"x" * size
print(faults() - before)
"""


def pages_cleared(word):
    command = [sys.executable, "-c", CLEARED, word, str(64 << 20)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc's malloc")
def test_memory_that_is_kept_is_not_cleared_by_the_kernel_again_and_again():
    assert pages_cleared("kept") < pages_cleared("plain") / 20


PROGRAM = """
import os, sys
from pawtrait import environment
environment.repeat_hashes("program", sys.argv[1:])
print(os.environ["PYTHONHASHSEED"], hash("a string"), sys.argv[1:])
"""


def told(tmp_path, **environment):
    (tmp_path / "program.py").write_text(PROGRAM)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    command = [sys.executable, "-m", "program", "--out", "a file"]
    done = subprocess.run(
        command, cwd=tmp_path, env=inherited | environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_process_starts_anew_with_fixed_hashes_and_its_arguments(tmp_path):
    first, again = told(tmp_path), told(tmp_path)
    assert first == again
    assert first.startswith("0 ")
    assert first.endswith("['--out', 'a file']\n")


def test_hashes_that_the_user_fixed_stay_so(tmp_path):
    assert told(tmp_path, PYTHONHASHSEED="5").startswith("5 ")
