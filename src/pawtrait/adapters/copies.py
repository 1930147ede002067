"""Copies of versions that MLflow's server keeps: fetched by the gate, a promotion or a rollback."""

import re
from pathlib import Path

from pawtrait import champion
from pawtrait.adapters import cache, registry
from pawtrait.errors import BadModel


def unneeded() -> dict[Path, int]:
    """Folders of copies, here and in the months' clone, whose version has no alias, with their bytes.

    A version without one is fetched again when somebody names it. The copy that a champion's note names
    stays, and so does what is no copy by its name.

    Raises:
        BadRegistry: MLflow does not answer.
    """
    aliased = {
        f"{name}-{number}"
        for name, kind in registry.KINDS.items()
        for number in registry.aliases(kind).values()
    }
    homes = cache.homes()
    copies = [copy for home in homes for copy in sorted((home / registry.COPIES).glob("*")) if _is_copy(copy)]
    predicting = {copy for home in homes if (copy := _predicting(home))}
    return {
        copy: cache.size(copy)
        for copy in copies
        if copy.name not in aliased and copy.resolve() not in predicting
    }


def _is_copy(folder: Path) -> bool:
    """Whether it has the name of a copy: a kind's, and a version."""
    names = "|".join(map(re.escape, registry.KINDS))
    return folder.is_dir() and re.fullmatch(rf"({names})-\d+", folder.name) is not None


def _predicting(home: Path) -> Path | None:
    """The copy that the champion's note of a checkout names, if it names one."""
    try:
        folder = home / champion.read(home / champion.NOTE).folder  # data/versions/NAME-N/artifacts/model
    except BadModel:
        return None
    return folder.resolve().parents[1]
