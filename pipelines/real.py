"""``make real``: the same pipeline at the study's size on other data, in a workspace of its own.

The workspace is a copy of this code and its wiring, so that data, models and MLflow's store of the demo stay
as they are. What comes back is small: ``docs/results/real.json``, from which the README's tables are made.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from pawtrait.errors import BadParams, BadSource, PawtraitError
from pawtrait.files import write_text
from pipelines import readme
from pipelines.git import NOBODY, git, own
from pipelines.processes import heed, say

OVERLAYS = (Path("docs/real.yaml"),)
COPIED = (
    *("src", "dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"),
    *("data/.gitignore", "data/feedback/README.md"),
)
STORES = ("MLFLOW_TRACKING_URI", "DATABASE_URL", "PAWTRAIT_PICTURES")  # a team's; a workspace has its own
SUBJECT = "The code of"  # how every commit of a workspace begins
RECORDED = Path("data/recorded_splits.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run, or say in one line why not (2), or that it was stopped (130)."""
    parser = argparse.ArgumentParser("python -m pipelines.real", description=__doc__)
    parser.add_argument("--data", required=True, help="a folder, archive, URL or kaggle:OWNER/NAME")
    parser.add_argument("--weights", default=None, help="a folder or URL with Keras' and Magenta's files")
    parser.add_argument("--paintings", default=None, help="a folder, archive or URL; the demo's if left out")
    parser.add_argument("--name", default="real", help="name of the results under docs/results (%(default)s)")
    parser.add_argument(
        "--workspace", type=Path, help="kept, so that it can resume (.cache/real, or .cache/real-NAME)"
    )
    parser.add_argument(
        "--overlays",
        type=Path,
        nargs="+",
        default=OVERLAYS,
        help="files laid over params.yaml, in this order",
    )
    chosen = parser.parse_args(arguments)
    workspace = chosen.workspace or _place(chosen.name)
    heed()
    commit = readme.made_of()
    try:
        knobs = parameters(chosen.overlays, chosen.data, chosen.weights, chosen.paintings)
        prepare(workspace, knobs)
        _python(workspace, "-m", "pawtrait", "run")
        readme.renew(chosen.name, workspace, commit)
    except (PawtraitError, OSError) as error:  # of files and disks Python's own words are plain
        print(f"real: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        say(f"real: stopped; run it again to go on, what is done in {workspace} is kept", sys.stderr)
        return 130
    print(
        f"\nresults in docs/results/{chosen.name}.json, report in {workspace}/data/reports/index.html"
        f"\nits models: cd {workspace} && {Path(sys.executable).with_name('pawtrait')} predict PHOTO"
        f"\nits runs: MLFLOW_BACKEND_STORE_URI=sqlite:///{workspace}/mlflow.db make ui"
    )
    return 0


def _place(name: str) -> Path:
    """One for each data set: in a common one the first set's champion would go on answering for all."""
    return Path(".cache/real" if name == "real" else f".cache/real-{name}")


def parameters(
    overlays: Sequence[Path], data: str, weights: str | None, paintings: str | None
) -> dict[str, Any]:
    """The demo's parameters under the overlays, with the sources that were named.

    Raises:
        BadSource: a source is not there. BadParams: an overlay is no YAML.
    """
    knobs = _yaml(Path("params.yaml"))
    for overlay in overlays:
        knobs = merged(knobs, _yaml(overlay))
    knobs["ingest"]["source"] = _absolute(data)
    knobs["weights"]["mirror"] = _absolute(weights) if weights else None
    if paintings:
        knobs["paintings"]["source"] = _absolute(paintings)
    return knobs


def prepare(workspace: Path, knobs: Mapping[str, Any]) -> None:
    """Bring code and parameters into the workspace; its data, cache and runs stay for the next time.

    Raises:
        CommandError: the folder holds what no earlier run left, or git is missing, or refuses.
    """
    own(workspace, f"{NOBODY['user.name']}: {SUBJECT} ")
    copy(COPIED, workspace)
    if not (workspace / RECORDED).exists():  # the project's own rows are of other pictures
        write_text(workspace / RECORDED, RECORDED.read_text(encoding="utf-8").splitlines()[0] + "\n")
    write_text(workspace / "params.yaml", yaml.safe_dump(dict(knobs), sort_keys=False, allow_unicode=True))
    _commit(workspace)


def copy(names: Sequence[str], workspace: Path) -> None:
    """Files and folders of this checkout, each in the place of what was there under its name."""
    for name in names:
        source, target = Path(name), workspace / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copyfile(source, target)


def _commit(workspace: Path) -> None:
    """Commit code and parameters there, so that its runs and models know what they are of.

    Raises:
        CommandError: git is missing, or refuses.
    """
    if not (workspace / ".git").exists():
        git(workspace, "init", "--quiet", "--initial-branch", "main")
    git(workspace, "add", "--all")
    if git(workspace, "status", "--porcelain"):
        who = [word for key, value in NOBODY.items() for word in ("-c", f"{key}={value}")]
        message = f"{SUBJECT} {readme.made_of() or 'no commit'}, and parameters"
        git(workspace, *who, "commit", "--quiet", "--message", message)


def merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the overlay's values in place of its own, mapping by mapping."""
    result = dict(base)
    for key, value in overlay.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merged(old, value)
        result[key] = value
    return result


def _absolute(name: str) -> str:
    """A local path seen from everywhere, of which no shell may have written out ~; addresses as they are."""
    if ":" in name:
        return name
    path = Path(name).expanduser()
    if not path.exists():
        raise BadSource(
            f"{name} does not exist; name a folder or archive of pictures or paintings, or one of weights"
        )
    return str(path.resolve())


def _yaml(path: Path) -> dict[str, Any]:
    """A file of parameters; one without any lays nothing over the others.

    Raises:
        BadParams: it is no YAML, or no mapping.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BadParams(
            f"{path} is not YAML, where `<<: *defaults` of params.yaml is not known and a model of its own"
            f" is written out: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(loaded, dict | None):
        raise BadParams(f"{path} is a {type(loaded).__name__}; expected sections, as in params.yaml")
    return loaded or {}


def _python(workspace: Path, *arguments: str) -> None:
    """Run this Python inside the workspace on the workspace's own copy of the code."""
    own = {name: value for name, value in os.environ.items() if name not in STORES}
    environment = {**own, "PYTHONPATH": str((workspace / "src").resolve())}
    with subprocess.Popen([sys.executable, *arguments], cwd=workspace, env=environment) as child:
        try:
            code = child.wait()
        except BaseException:
            _end(child.pid)
            raise
    if code:
        raise PawtraitError(
            f"{' '.join(arguments)} failed in {workspace}; run it again to go on, what is done is kept"
        )


def _end(leader: int) -> None:
    """Let no stage go on unseen; at Ctrl-C the terminal has asked them all already."""
    with suppress(psutil.NoSuchProcess):
        for one in ((child := psutil.Process(leader)), *child.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.terminate()


if __name__ == "__main__":
    sys.exit(main())
