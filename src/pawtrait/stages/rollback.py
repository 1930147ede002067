"""Rollback, outside DVC: the champion before, or any other version, is champion again."""

from collections.abc import Sequence
from pathlib import Path

from pawtrait import clock
from pawtrait.adapters import registry, succession
from pawtrait.adapters.store import ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadRegistry


def run(*, actor: str, reasons: Sequence[str], note: Path, version: str | None = None) -> None:
    """Go back to a version; to the previous champion where none is named. Done twice, it goes there and back.

    One that was cut off and is typed again is finished, no more: whoever types it means the same step back.

    Raises:
        BadRegistry: there is nothing to go back to, or no such version.
    """
    with ledger.alone():
        finished = succession.settle(note)
        if version is None and finished and finished.action == "rolled-back":
            print(
                f"version {finished.champion} is champion again: the rollback that was cut off is finished"
                f" now{_image(finished.champion)}; once more goes back to version {finished.previous}"
            )
            return
        known = registry.aliases()
        target, old = version or known.get(registry.PREVIOUS), known.get(registry.CHAMPION)
        if target is None:
            raise BadRegistry("there is no previous champion to go back to; name a version with --to")
        if target == old:
            print(f"version {target} is champion already")
            return
        succession.move(
            Decision(
                time=clock.now(),
                action="rolled-back",
                actor=actor,
                champion=target,
                previous=old,
                version=target,
                reasons=tuple(reasons),
            ),
            note,
        )
    print(f"version {target} is champion again, version {old} is previous{_image(target)}")


def _image(version: str | None) -> str:
    """What a service needs whose model is baked in."""
    image = registry.numbered(version).tags.get(registry.IMAGE) if version else None
    return f"; its image is {image}" if image else ""
