"""A whole project in a folder of its own: the tree, a git repository, and parameters for a tiny pipeline."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TREE = (
    "src",
    "pipelines",
    "dvc.yaml",
    "params.yaml",
    ".gitignore",
    ".dvcignore",
    ".dvc/config",
    ".dvc/.gitignore",
)
DATA = (
    ".gitignore",
    "recorded_splits.csv",
    "source.json",
    "paintings.json",
    "weights.json",
    "feedback/README.md",
)
TINY: dict[str, Any] = {
    "ingest.demo.train": 96,
    "ingest.demo.valid": 32,
    "ingest.demo.test": 32,
    "validate.least_groups": 4,
    "pictures.side": 64,
    "selected": ["linear_probe", "cnn"],
    "models.cnn.cap": 2,
    "evaluate.resamples": 200,
    "paintings.demo.count": 3,
    "paintings.demo.side": 64,
    "neural.side": 64,
    "neural.scales": [1.0],
    "neural.steps": [3],
    "hybrid.steps": 2,
    "stylize.photos": 2,
    "stylize.paintings": 1,
    "train_augmented.seeds": 2,
    **{
        f"cyclegan.presets.demo.{key}": value
        for key, value in {
            **{"load_size": 36, "crop_size": 32, "n_blocks": 1, "ngf": 4, "ndf": 4},
            **{"n_epochs": 1, "n_epochs_decay": 1, "pictures": 4},
        }.items()
    },
}


class Project:
    """A copy of the tree, and its commands run there as a person would."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        self._settings = settings

    def run(self, *command: str, code: int = 0, **popen: Any) -> str:
        """Run a command, see that it ends with ``code``, and give all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            **popen,
        )
        assert done.returncode == code, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def stage(self, name: str, *arguments: str, code: int = 0, **popen: Any) -> str:
        """Run one stage without DVC."""
        return self.run("python", "-m", "pawtrait.stages", name, *arguments, code=code, **popen)

    def look(self) -> str:
        """Take the fingerprints of the sources."""
        paths = ("--out", "data/source.json", "--paintings", "data/paintings.json")
        paths += ("--weights", "data/weights.json")
        return self.stage("fingerprint", *paths)

    def repro(self, *arguments: str) -> list[str]:
        """Bring it up to date and give the stages that DVC ran, in order."""
        lines = self.run("dvc", "repro", *arguments).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def set(self, **changes: Any) -> None:
        """Change parameters; a dot in a key is spelt as two underscores."""
        change(self.root / "params.yaml", {key.replace("__", "."): value for key, value in changes.items()})

    def commit(self, why: str) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", why)

    @property
    def environment(self) -> dict[str, str]:
        """This Python's commands first, this project's source, nobody's settings."""
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.root / 'src'}{os.pathsep}{self.root}",
            "PREFECT_HOME": str(self.root / ".prefect"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",  # nothing that is trained or registered needs it
            **{f"GIT_{who}_NAME": "Pawtrait" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "pawtrait@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        foreign = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "KERAS_BACKEND", "PYTHONHASHSEED")
        return {key: value for key, value in os.environ.items() if key not in foreign} | own | self._settings


def change(path: Path, changes: Mapping[str, Any]) -> None:
    """Set values in params.yaml by dotted key; a key that is not there fails."""
    knobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = knobs
        for name in sections:
            section = section[name]
        assert last in section, f"{path.name} has no {key}"
        section[last] = value
    path.write_text(yaml.dump(knobs, Dumper=_Plain, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Makes tiny projects: committed, its source's fingerprint taken, nothing run yet."""

    def make(name: str, **settings: str) -> Project:
        project = Project(tmp_path_factory.mktemp(name), **settings)
        _copy(project.root)
        change(project.root / "params.yaml", TINY)
        project.run("git", "init", "--quiet", "--initial-branch", "main")
        project.look()
        project.commit("A tiny pipeline")
        return project

    return make


@pytest.fixture(scope="session")
def project(new_project: Callable[..., Project]) -> Project:
    """The one that the quick tests share, brought up to date once."""
    made = new_project("project")
    assert "train@cnn" in made.repro()
    return made


@pytest.fixture(scope="session")
def bare_project() -> Callable[..., Project]:
    """Makes projects with parameters only, for stages that are run one by one on this tree's source."""

    def make(root: Path, **settings: str) -> Project:
        root.mkdir()
        shutil.copy2(ROOT / "params.yaml", root)
        change(root / "params.yaml", TINY)
        return Project(root, PYTHONPATH=str(ROOT / "src"), **settings)

    return make


class _Plain(yaml.SafeDumper):
    """YAML without anchors, so that one model's values are its own."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _copy(root: Path) -> None:
    for name in (*TREE, *(f"data/{name}" for name in DATA)):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():  # bytecode comes along: it saves a second a stage
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy2(ROOT / name, target)
