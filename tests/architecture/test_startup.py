"""The command line starts light: what is loaded counts, since seconds depend on the machine."""

import re
import subprocess
import sys

import pytest

HEAVY = {
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "cv2", "PIL"),
    *("tensorflow", "keras", "torch", "onnx", "onnxruntime", "tf2onnx", "tensorflow_hub"),
    *("mlflow", "dvc", "prefect", "great_expectations", "fastapi", "sqlalchemy", "requests"),
}


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["run", "--help"]], ids=" ".join)
def test_help_loads_no_framework(arguments):
    assert _loaded("pawtrait.cli", *arguments) & HEAVY == set()


def test_what_is_loaded_is_seen():
    assert _loaded("pawtrait.params") >= {"pawtrait", "pydantic", "yaml"}


def _loaded(module: str, *arguments: str) -> set[str]:
    """Top-level names of everything that ``python -m module`` imports."""
    command = [sys.executable, "-X", "importtime", "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\w+)", done.stderr, re.MULTILINE))
