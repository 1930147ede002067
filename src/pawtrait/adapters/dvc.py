"""DVC by its command line, so that nothing here imports it: one stage, all of them, or two lanes at once."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pawtrait import progress
from pawtrait.errors import BadData

COMMON = ("augment", "weights")  # what both lanes need is made before them
LANES = {  # in order; what measures time comes after them
    "moods": ("train", "evaluate", "compare"),
    "portraits": ("paintings", "train_cyclegan", "train_augmented"),
}
COMMAND = "> "  # how DVC begins a line that repeats dvc.yaml


def repro(*arguments: str) -> None:
    """Run ``dvc repro`` with this Python first on the PATH, since stages are called as ``python -m``.

    Raises:
        BadData: a stage failed; DVC has said which.
    """
    _prepare()
    if subprocess.run(_command("repro", *arguments), env=_environment(), check=False).returncode:
        said = f"dvc repro {' '.join(arguments)}".strip()
        raise BadData(f"{said} failed; its last lines above say why")


def repro_in_lanes() -> None:
    """Run all stages, those of the classifiers beside those of the painters, and what needs both after them.

    One training seldom keeps two cores busy. Each line says which lane it comes from.

    Raises:
        BadData: a stage failed; the other lane has gone on to its end.
    """
    _prepare()
    if not _changed():
        progress.say("every stage is up to date")
        return
    repro(*COMMON)
    with ThreadPoolExecutor(len(LANES)) as pool:
        codes = list(pool.map(_lane, LANES))
    if bad := [name for name, code in zip(LANES, codes, strict=True) if code]:
        raise BadData(f"the lane of {' and that of '.join(bad)} failed; its last lines above say why")
    repro()


def check_current(stage: str) -> None:
    """Refuse results that the present code, parameters and data would not give.

    Raises:
        BadData: the stage, or one that it needs, would run again.
    """
    status = _command("--wait-for-lock", "status", "--quiet", "--with-deps", stage)
    if subprocess.run(status, env=_environment(), check=False).returncode:
        raise BadData(
            f"the results are not of the present code, parameters and data (`dvc status --with-deps {stage}`"
            " says what changed); run `pawtrait run`, or `dvc repro` first"
        )


def _lane(name: str) -> int:
    """The exit code of ``dvc repro`` of a lane's stages and no others: DVC locks what it looks at."""
    with subprocess.Popen(
        _command("--wait-for-lock", "repro", "--single-item", *LANES[name]),
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as lane:
        assert lane.stdout is not None
        for line in lane.stdout:
            if line.strip() and not line.startswith(COMMAND):
                progress.say(f"{name:9} │ {line.rstrip()}")
    return lane.returncode


def _changed() -> bool:
    """Whether any stage has work to do; DVC answers within seconds."""
    return subprocess.run(_command("status", "--quiet"), env=_environment(), check=False).returncode != 0


def _prepare() -> None:
    if not Path("dvc.yaml").is_file():
        raise BadData(f"{Path.cwd().name} has no dvc.yaml; run from the project's root")
    if not Path(".git").exists():  # an unpacked tarball
        subprocess.run(_command("config", "--local", "core.no_scm", "true"), check=False)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _environment() -> dict[str, str]:
    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([here, os.environ.get("PATH", "")])}
