"""What the folder docker/ says, parsed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE = Path("docker/compose.yaml")


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The compose file, merges and all."""
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return read
