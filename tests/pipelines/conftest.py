"""A toy DVC project with the real one's shape, and one Prefect server for all tests of this folder."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DVC_YAML = """\
stages:
  ingest:
    cmd: python toy.py data/raw.txt
    deps: [data/source.json, toy.py]
    outs: [data/raw.txt]
  train:
    matrix:
      model: ${selected}
    cmd: python toy.py data/models/${item.model}.txt
    deps: [data/raw.txt, toy.py]
    params:
      - models.${item.model}.learning_rate
    outs:
      - data/models/${item.model}.txt
  evaluate:
    matrix:
      model: ${selected}
    cmd: python toy.py data/reports/models/${item.model}.txt
    deps:
      - data/models/${item.model}.txt
      - toy.py
    outs:
      - data/reports/models/${item.model}.txt
  compare:
    cmd: python toy.py data/reports/compare.json
    deps: [data/reports/models, toy.py]
    outs:
      - data/reports/compare.json:
          cache: false
      - data/reports/forest.png
"""

TOY = '''\
"""Every stage of the toy: notes that it ran, does what the environment says, writes its output."""
import json, os, sys, time
from pathlib import Path

stage = os.environ["DVC_STAGE"].removeprefix("dvc.yaml:")
with Path("ran.txt").open("a") as log:
    log.write(stage + "\\n")

if stage == os.environ.get("TOY_FAIL"):
    sys.exit(f"{stage} has no heart for this")
if stage == os.environ.get("TOY_HANG"):
    Path("hanging").write_text(str(os.getpid()))
    time.sleep(300)
if stage.startswith("train") and "TOY_MEET" in os.environ:  # two that only go on together
    Path("met-" + stage).touch()
    deadline = time.monotonic() + 20
    while len(list(Path().glob("met-*"))) < 2:
        if time.monotonic() > deadline:
            sys.exit(f"{stage} waited alone")
        time.sleep(0.05)

row = {
    "rank": 1, "name": "cnn", "champion": True, "net": "cnn", "start": "random start", "parameters": 8129732,
    "input_range": "native", "epochs": 6, "capped": True, "trained_on": 400, "valid_macro_f1": 0.5,
}
out = Path(sys.argv[1])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps({"champion": "cnn", "rows": [row]}) if out.suffix == ".json" else stage)
if stage == "compare":
    out.with_name("forest.png").write_text("a forest")
'''

PAWTRAIT = '''\
"""Stands in for the command line: notes what it was told, says what the test wants, dies when it wants."""
import json, os, signal, sys
from pathlib import Path

told = " ".join(sys.argv[1:])
with Path(os.environ["TOY"], "told.txt").open("a") as log:
    log.write(told + "\\n")
fatal = os.environ.get("TOY_KILL")
if fatal and told.startswith(fatal):
    os.kill(os.getppid(), signal.SIGKILL)  # the flow dies at this line
if sys.argv[1:3] == ["feedback", "freeze"] and "TOY_FEEDBACK" in os.environ:
    month = Path("data/feedback", sys.argv[sys.argv.index("--month") + 1])
    month.mkdir(parents=True, exist_ok=True)
    (month / "accepted.csv").write_text(os.environ["TOY_FEEDBACK"])
    if fatal == "frozen":
        os.kill(os.getppid(), signal.SIGKILL)
if sys.argv[1] == "register" and "--out" in sys.argv:
    Path(sys.argv[-1]).parent.mkdir(exist_ok=True)
    Path(sys.argv[-1]).write_text(json.dumps({"version": "2", "champion": "1"}))
if sys.argv[1] == "gate":
    verdict = {
        "outcome": os.environ.get("TOY_VERDICT", "keep"), "challenger": "2", "champion": "1", "figures": {},
        "objections": ["too little evidence"], "sentences": ["macro-F1 is 0.50"],
    }
    Path("data/reports/verdict.json").write_text(json.dumps(verdict))
'''


def started_by(python: str, code: str) -> str:
    """A program in Python; as pip has it, by way of the shell, since no path of a #! may hold a space."""
    return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n{code}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project, nothing run yet; `bin/pawtrait` stands in for the command line."""
    folder = tmp_path_factory.mktemp("toy")
    params = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    params = ["selected: [cnn, resnet50]" if line.startswith("selected:") else line for line in params]
    (folder / "params.yaml").write_text("\n".join(params) + "\n", encoding="utf-8")
    (folder / "dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    (folder / "bin").mkdir()
    (folder / "bin" / "pawtrait").write_text(started_by(sys.executable, PAWTRAIT), encoding="utf-8")
    (folder / "bin" / "pawtrait").chmod(0o755)
    (folder / ".gitignore").write_text("data/reports/verdict.json\n.cache/\n", encoding="utf-8")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data/.gitignore", folder / "data")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q"], cwd=folder, check=True)
    subprocess.run([*dvc, "config", "core.analytics", "false"], cwd=folder, check=True)
    return folder


@pytest.fixture
def toy(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the toy project, which is the current folder."""
    folder = tmp_path / "toy"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.setenv("TOY", str(folder))
    return folder


@pytest.fixture
def project(toy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy project with one model, since a turn runs every stage; committed, with a store of its own."""
    from tests.pipelines.months import WHO, git  # late: it loads Prefect

    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PAWTRAIT_NOW", "2027-01-15T03:00:00")  # no month of the tests is still to come
    params = (toy / "params.yaml").read_text(encoding="utf-8")
    assert "selected: [cnn, resnet50]" in params
    (toy / "params.yaml").write_text(params.replace("selected: [cnn, resnet50]", "selected: [cnn]"))
    git(toy, "add", "--all")
    git(toy, *WHO, "commit", "--quiet", "--message", "first")
    return toy


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of one Prefect server for the whole session."""
    import pipelines  # noqa: F401, I001  Prefect reads its settings from here
    from prefect.settings import get_current_settings
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=90):
        yield str(get_current_settings().api.url)


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits until something is true; two minutes in vain, or what is said, fails the test."""

    def wait(true: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process still runs; one that ended but was not yet collected does not."""

    def look(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    return look
