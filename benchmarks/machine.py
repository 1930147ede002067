"""The machine beside a measured number."""

import platform
from pathlib import Path

_TOLD = Path("/proc/cpuinfo")


def processor() -> str:
    """Its name where the system tells it, else the kind of its instructions."""
    lines = _TOLD.read_text(encoding="utf-8").splitlines() if _TOLD.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.machine()
