"""What every test may use: quiet tools, and one MLflow store for the whole session."""

from pathlib import Path

import pytest

from pawtrait import environment

environment.settle()  # before anything imports a framework, which reads these variables then


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's MLflow database lies; MLflow migrates it once, which takes 3 to 8 s."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def mlflow_store(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the session's store, where MLflow looks while the test runs."""
    address = f"sqlite:///{store_folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address
