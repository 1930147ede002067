"""DVC by its command line, so that nothing here imports it: one stage, all of them, or two lanes at once."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from pawtrait import progress
from pawtrait.adapters import lineage
from pawtrait.errors import BadData

OPEN = "pictures"  # the lane that writes to the terminal itself: downloads show their bars
Act = Mapping[str, Sequence[str]]  # lanes that run at once: the stages of each, in order
COMMAND = "> "  # how DVC begins a line that repeats dvc.yaml


def prepare() -> None:
    """Let DVC do without git where the project was unpacked from a tarball.

    Raises:
        BadData: this is not the project's root, or its dvc.lock is in pieces.
    """
    if not Path("dvc.yaml").is_file():
        raise BadData(f"{Path.cwd().name} has no dvc.yaml; run from the project's root")
    check_lock()
    if not Path(".git").exists():  # an unpacked tarball
        subprocess.run(_command("config", "--local", "core.no_scm", "true"), check=False)


def check_lock() -> None:
    """Refuse a dvc.lock with a merge's marks, or half of one, before anything is begun that reads it.

    Raises:
        BadData: it cannot be read.
    """
    try:
        lineage.outputs()
    except (yaml.YAMLError, ValueError) as error:
        raise BadData(
            f"{lineage.LOCK} is damaged, as after a merge or a kill; restore it, as with"
            f" `git checkout HEAD -- {lineage.LOCK}`, and start again: DVC finds what is out of date"
        ) from error


def kept(result: Path) -> Any:
    """A stage's result that is JSON and that git keeps, so that a merge may have left its marks in it.

    Raises:
        BadData: it is not here, or in pieces.
    """
    try:
        return json.loads(result.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadData(f"{result} does not exist yet; run `make demo` or `dvc repro`") from error
    except ValueError as error:
        raise BadData(
            f"{result} is damaged, as after a merge ({error}); restore it, as with"
            f" `git checkout HEAD -- {result}`, or make it again with `pawtrait run`"
        ) from error


def repro(*arguments: str) -> None:
    """Run ``dvc repro`` with this Python first on the PATH, since stages are called as ``python -m``.

    Raises:
        BadData: a stage failed; DVC has said which.
    """
    prepare()
    if subprocess.run(_command("repro", *arguments), env=_environment(), check=False).returncode:
        said = f"dvc repro {' '.join(arguments)}".strip()
        raise BadData(f"{said} failed; its last lines above say why")


def acts(models: Sequence[str]) -> list[Act]:
    """The stages before those that measure time, for two cores: an act starts when the last one has ended."""
    scores = [f"evaluate@{model}" for model in models]
    data = ("ingest", "manifest", "validate", "split", "augment", "weights")
    return [
        {OPEN: data, "paintings": ("paintings",)},
        {"moods": ("train",), "portraits": ("train_cyclegan", "train_augmented")},
        {"scores": scores[::2], "others": scores[1::2]},
    ]


def repro_in_lanes(play: Sequence[Act]) -> None:
    """Run the lanes of each act side by side, then whatever stage is left.

    One stage seldom keeps two cores busy. Each line says which lane it comes from.

    Raises:
        BadData: a stage failed; the other lanes of its act have gone on to their ends.
    """
    prepare()
    if not _changed():
        progress.say("every stage is up to date")
        return
    for act in play:
        _side_by_side({lane: stages for lane, stages in act.items() if stages})
    repro()


def is_current(stage: str) -> bool:
    """Whether neither the stage nor one that it needs would run again."""
    status = _command("--wait-for-lock", "status", "--quiet", "--with-deps", stage)
    return subprocess.run(status, env=_environment(), check=False).returncode == 0


def check_current(stage: str) -> None:
    """Refuse results that the present code, parameters and data would not give.

    Raises:
        BadData: the stage, or one that it needs, would run again.
    """
    if not is_current(stage):
        raise BadData(
            "the results are out of date: code, parameters or data have changed (`dvc status --with-deps"
            f" {stage}` says what); run `pawtrait run` or `dvc repro` first"
        )


def _side_by_side(act: Act) -> None:
    with ThreadPoolExecutor(len(act)) as pool:
        codes = list(pool.map(_lane, act, act.values()))
    if bad := [lane for lane, code in zip(act, codes, strict=True) if code]:
        raise BadData(f"the lane {' and the lane '.join(bad)} failed; its last lines above say why")


def _lane(name: str, stages: Sequence[str]) -> int:
    """The exit code of ``dvc repro`` of these stages and no others: DVC locks what it looks at."""
    command = _command("--wait-for-lock", "repro", "--single-item", *stages)
    if name == OPEN:
        return subprocess.run(command, env=_environment(), check=False).returncode
    with subprocess.Popen(
        command,
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


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _environment() -> dict[str, str]:
    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([here, os.environ.get("PATH", "")])}
