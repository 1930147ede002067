"""Service and web app run on the packages of their extra alone, which are what their images hold."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

HEAVY = {"tensorflow", "keras", "torch", "pandas", "scikit-learn", "matplotlib", "mlflow", "prefect", "dvc"}
ALONE = """
import sys
from importlib.abc import MetaPathFinder

class Elsewhere(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {foreign!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: it is not in the image", name=name)

sys.meta_path.insert(0, Elsewhere())
import {modules}
"""
BESIDES = {
    "serving": "pawtrait.cli_serve, pawtrait.adapters.registry, pawtrait.style_transfer.painter, onnx.utils",
    "app": "streamlit",
}


def _required(extra: str) -> list[str]:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def _modules(part: str) -> list[str]:
    """Every module of a part, but the page that Streamlit runs and that would draw itself."""
    paths = sorted(Path("src/pawtrait", part).rglob("*.py"))
    names = [
        ".".join(path.with_suffix("").parts[1:])
        for path in paths
        if path.name not in ("main.py", "__main__.py")
    ]
    return [name.removesuffix(".__init__") for name in names]


def _closure(wanted: list[str]) -> set[str]:
    """The distributions that come with these requirements, by normalized name."""
    found: set[str] = set()
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        one = waiting.pop()
        name = _normal(one.name)
        extras = one.extras or {""}
        if name in found and not one.extras:
            continue
        found.add(name)
        for text in metadata.requires(one.name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _foreign(extra: str) -> set[str]:
    """The modules of this environment that no distribution of the extra brings."""
    ours = _closure(_required(extra)) | {"pawtrait"}
    modules = metadata.packages_distributions()
    return {name for name, owners in modules.items() if not ours & {_normal(owner) for owner in owners}}


@pytest.mark.parametrize(("extra", "part"), [("serve", "serving"), ("app", "app")])
def test_it_imports_with_the_packages_of_its_image(extra, part):
    modules = ", ".join(["pawtrait.cli", *_modules(part), BESIDES[part]])
    code = ALONE.format(foreign=_foreign(extra), modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-600:]


@pytest.mark.parametrize("extra", ["serve", "app"])
def test_a_package_that_is_not_in_the_image_would_be_missed(extra):
    code = ALONE.format(foreign=_foreign(extra), modules="matplotlib")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 1


def test_the_service_s_image_has_none_of_what_trains():
    assert _closure(_required("serve")) & HEAVY == set()


def test_every_package_of_the_images_has_its_version_pinned():
    lines = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {_normal(line.partition("==")[0]) for line in lines if not line.startswith("#")}
    assert _closure([*_required("serve"), *_required("app")]) - pinned == set()
