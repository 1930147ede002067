"""The command line starts light, which loaded modules tell, not seconds; help teaches and does nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "cv2", "PIL"),
    *("tensorflow", "keras", "torch", "onnx", "onnxruntime", "tf2onnx", "tensorflow_hub"),
    *("mlflow", "dvc", "prefect", "great_expectations", "fastapi", "sqlalchemy", "requests"),
}


@pytest.mark.parametrize("arguments", [["predict", "--help"], ["run", "--help"]], ids=" ".join)
def test_help_loads_no_framework(arguments):
    assert _loaded("pawtrait.cli", *arguments) & HEAVY == set()


def test_help_of_every_pipeline_teaches_and_does_nothing():
    names = sorted(path.stem for path in Path("pipelines").glob("*.py") if "__main__" in path.read_text())
    assert "retrain" in names
    script = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(f"pipelines.{name}").main(["--help"])
    except SystemExit as left:
        print(name, left.code)
"""  # in a process of its own: Prefect sets logging up
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line in {f"{name} 0" for name in names}] == [
        f"{name} 0" for name in names
    ], done.stderr
    assert re.findall(r"^usage: python -m pipelines\.(\w+)", done.stdout, re.MULTILINE) == names


def test_what_is_loaded_is_seen():
    assert _loaded("pawtrait.params") >= {"pawtrait", "pydantic", "yaml"}


def _loaded(module: str, *arguments: str) -> set[str]:
    """Top-level names of everything that ``python -m module`` imports."""
    command = [sys.executable, "-X", "importtime", "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\w+)", done.stderr, re.MULTILINE))
