"""Who may import whom: the contracts stand in pyproject.toml, each with its reason."""

from pathlib import Path

import grimp
from importlinter.cli import lint_imports

SOURCE = Path("src/pawtrait")


def test_every_contract_holds(capsys):
    assert lint_imports(no_cache=True, no_logo=True) == 0, capsys.readouterr().out


def test_the_contracts_see_every_module():
    files = [path.relative_to("src").with_suffix("").as_posix() for path in SOURCE.rglob("*.py")]
    modules = {file.removesuffix("/__init__").replace("/", ".") for file in files}
    assert grimp.build_graph("pawtrait", cache_dir=None).modules == modules
