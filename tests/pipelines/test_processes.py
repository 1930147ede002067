"""Child processes: streamed, explained, and never left behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from prefect.states import Completed, Failed

from pipelines import server
from pipelines.processes import Children, CommandError, environment
from tests.pipelines.conftest import started_by

ROOT = Path(__file__).parents[2]
Until = Callable[[Callable[[], bool]], None]
Alive = Callable[[int], bool]
PARENT = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(child.pid)
time.sleep(300)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_line_is_heard_before_the_process_ends(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    code = f"""
import sys, time
from pathlib import Path
print("hello")
for _ in range(200):
    if Path({str(answer)!r}).exists(): sys.exit(0)
    time.sleep(0.05)
sys.exit("nobody listened")
"""
    Children().run("talk", python(code), lambda line: answer.write_text(line))
    assert answer.read_text() == "hello"


def test_a_failure_says_who_how_and_the_last_words() -> None:
    code = "import sys; print(*range(9), sep='\\n'); sys.exit('out of paint')"
    with pytest.raises(CommandError, match=r"^train@cnn failed \(exit 1\): 7 \| 8 \| out of paint$"):
        Children().run("train@cnn", python(code), lambda line: None)


def test_a_killed_process_is_named_by_its_signal() -> None:
    with pytest.raises(CommandError, match=r"x failed \(signal 9\): it said nothing"):
        Children().run("x", python("import os; os.kill(os.getpid(), 9)"), lambda line: None)


def test_a_missing_command_is_one_line() -> None:
    with pytest.raises(CommandError, match="register did not start: no-such-command: No such file"):
        Children().run("register", ["no-such-command"], lambda line: None)


def test_bytes_that_are_no_text_do_not_stop_the_log() -> None:
    said: list[str] = []
    Children().run("x", python("import os; os.write(1, b'caf\\xe9\\n')"), said.append)
    assert said == ["caf\ufffd"]


def test_a_stop_from_another_thread_ends_the_grandchild_too(until: Until, alive: Alive) -> None:
    children = Children()
    said: list[str] = []
    thread = Thread(target=lambda: _quietly(children, python(PARENT), said))
    thread.start()
    until(lambda: bool(said))
    children.stop()
    thread.join(10)
    assert not thread.is_alive()
    until(lambda: not alive(int(said[0])))


def test_nothing_starts_after_a_stop() -> None:
    children = Children()
    children.stop()
    with pytest.raises(CommandError, match="being cancelled"):
        children.run("x", python("print('I ran')"), lambda line: pytest.fail(line))


def test_a_process_that_will_not_listen_is_killed() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(300)"
    )
    children = Children(grace=0.2)
    with pytest.raises(CommandError, match=rf"signal {signal.SIGKILL.value}\): deaf"):
        children.run("deaf", python(code), lambda line: children.stop())


def test_an_exception_while_listening_leaves_no_process(until: Until, alive: Alive) -> None:
    pids: list[int] = []

    def interrupted(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Children().run("x", python(PARENT), interrupted)
    until(lambda: not alive(pids[0]))


def test_leaving_the_block_by_an_exception_stops_the_children() -> None:
    children = Children()
    with pytest.raises(ZeroDivisionError), children:
        1 / 0  # noqa: B018
    with pytest.raises(CommandError):
        children.run("x", python("pass"), lambda line: None)


def test_a_stage_finds_this_python_even_with_a_bare_path() -> None:
    path = environment({"PATH": "/usr/bin:/bin"})["PATH"]
    assert shutil.which("python", path=path) == str(Path(sys.executable).with_name("python"))


def test_a_path_that_already_leads_here_is_kept() -> None:
    path = f"/nowhere{os.pathsep}{Path(sys.executable).parent}"
    assert environment({"PATH": path})["PATH"] == path


HEEDING = """\
import os, signal, time
from pipelines.processes import heed
heed()
try:
    os.kill(os.getpid(), signal.SIGHUP)
    print("went on")
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGHUP)
    print("came to its end")
"""


@pytest.mark.parametrize(
    ("before", "said"), [(signal.SIG_DFL, "came to its end"), (signal.SIG_IGN, "went on")]
)
def test_a_closed_terminal_ends_what_nohup_did_not_start_and_does_so_once(
    before: signal.Handlers, said: str
) -> None:
    """Told twice, by the shell and by the kernel, it may not cut off what the first word began."""
    own = signal.signal(signal.SIGHUP, before)  # which a child inherits where it is ignored
    try:
        done = subprocess.run(python(HEEDING), cwd=ROOT, capture_output=True, text=True)
    finally:
        signal.signal(signal.SIGHUP, own)
    assert done.stdout == f"{said}\n", done.stderr


def _quietly(children: Children, command: list[str], said: list[str]) -> None:
    with pytest.raises(CommandError):
        children.run("x", command, said.append)


@pytest.mark.parametrize("heeds", [False, True])
def test_the_temporary_server_outlives_a_closed_terminal_only_where_its_run_ends_it(
    heeds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked: list[set[int]] = []

    @contextmanager
    def client(**_: object) -> Iterator[SimpleNamespace]:
        blocked.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        yield SimpleNamespace(hello=lambda: SimpleNamespace(raise_for_status=lambda: None))

    monkeypatch.setattr(server, "get_client", client)
    before = signal.signal(signal.SIGHUP, signal.default_int_handler if heeds else signal.SIG_DFL)
    try:
        server.reach()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (signal.SIGHUP in blocked[0]) is heeds and signal.SIGINT in blocked[0]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGHUP}


def test_a_flow_that_failed_says_so_where_a_job_at_night_is_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "reach", lambda: None)
    ends = (Completed(message="no alarm"), Failed(message="the disk is full"))
    assert [server.run("monitor", lambda state=state: state) for state in ends] == [0, 2]
    assert capsys.readouterr() == ("monitor: no alarm\n", "monitor: the disk is full\n")


def test_the_tests_own_programs_start_in_a_checkout_whose_path_has_a_space(tmp_path: Path) -> None:
    place = tmp_path / "my checkout"
    place.mkdir()
    (place / "python").symlink_to(sys.executable)
    (place / "program").write_text(
        started_by(str(place / "python"), "import os, sys; print(os.getpid(), sys.argv[1:])")
    )
    (place / "program").chmod(0o755)
    with subprocess.Popen([place / "program", "a b", "c"], stdout=subprocess.PIPE, text=True) as started:
        said = started.communicate()[0]
    assert said == f"{started.pid} ['a b', 'c']\n"  # one process: its parent is who started it
