"""Who may import whom: the contracts stand in pyproject.toml, each with its reason."""

import subprocess
import sys
from pathlib import Path

import grimp

SOURCE = Path("src/pawtrait")


def test_every_contract_holds():
    """In a process of its own: its console holds on to the standard output that it met when imported."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_see_every_module():
    files = [path.relative_to("src").with_suffix("").as_posix() for path in SOURCE.rglob("*.py")]
    modules = {file.removesuffix("/__init__").replace("/", ".") for file in files}
    assert grimp.build_graph("pawtrait", cache_dir=None).modules == modules
