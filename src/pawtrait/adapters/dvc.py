"""DVC by its command line, so that nothing here imports it: one stage, or all of them."""

import os
import subprocess
import sys
from pathlib import Path

from pawtrait.errors import BadData


def repro(*arguments: str) -> None:
    """Run ``dvc repro`` with this Python first on the PATH, since stages are called as ``python -m``.

    Raises:
        BadData: a stage failed; DVC has said which.
    """
    here = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([here, os.environ.get("PATH", "")])}
    if not Path("dvc.yaml").is_file():
        raise BadData(f"{Path.cwd().name} has no dvc.yaml; run from the project's root")
    if not Path(".git").exists():  # an unpacked tarball
        subprocess.run([sys.executable, "-m", "dvc", "config", "--local", "core.no_scm", "true"], check=False)
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", *arguments], env=environment, check=False)
    if done.returncode:
        raise BadData(f"dvc repro {' '.join(arguments)}".strip() + " failed; its last lines above say why")
