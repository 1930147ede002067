"""Which source files a stage is made of: the closure of its imports, read without running anything."""

from functools import cache
from pathlib import Path

import grimp

SOURCE = Path("src")
DISPATCHER = {
    "pawtrait.stages.__main__",
    "pawtrait.environment",
}  # every stage; a change there changes no result


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("pawtrait", cache_dir=None)


def files_of(stage: str) -> set[str]:
    """Paths of every module that ``pawtrait.stages.STAGE`` imports, directly or not, itself included."""
    top = f"pawtrait.stages.{stage}"
    modules = _graph().find_upstream_modules(top) | {top}
    return {path for module in modules - DISPATCHER if (path := _path(module)) is not None}


def _path(module: str) -> str | None:
    """The module's file; a package whose __init__ is empty counts for nothing."""
    base = SOURCE / module.replace(".", "/")
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return file.as_posix() if file.stat().st_size else None
