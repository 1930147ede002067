"""Who may import whom: the contracts stand in pyproject.toml, each with its reason."""

import re
import subprocess
import sys
import tomllib
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


def test_architecture_draws_the_layers_of_the_contract():
    contracts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one["layers"] for one in contracts["contracts"] if one["id"] == "layers")
    drawn = re.search(
        r"^## Who may import whom\n\n((?: {4}.*\n)+)", Path("ARCHITECTURE.md").read_text("utf-8"), re.M
    )
    assert [_modules(one) for one in drawn[1].split("→")] == [{"pipelines"}, *map(_modules, layers)]


def _modules(layer):
    return {name.strip() for name in layer.split("|")}
