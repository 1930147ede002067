"""How a champion follows another: written in the ledger first, then carried out, then what was cut off.

The ledger's newest move is the truth. Aliases, tags, description and the champion's note follow from it, by
writes that may be done twice, so a process that dies between two of them leaves nothing that ``settle`` does
not finish.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pawtrait import champion, sealed
from pawtrait.adapters import registry
from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadModel, BadRegistry

CHRONICLE = "\n\n**Decisions**\n\n"  # in a version's description, what follows is the ledger's

log = logging.getLogger(__name__)


def move(decision: Decision, note: Path) -> None:
    """Write a move into the ledger and carry it out.

    Raises:
        BadRegistry: there is no such version.
        BadModel: its files are missing or were changed; nothing is written then.
    """
    known = registry.numbered(_named(decision))
    digest = sealed.check(registry.folder_of(known), "model.onnx")["model.onnx"]
    if digest != known.tags.get("model.sha256", digest):
        raise BadModel(f"version {known.version} holds another model than was registered; restore a backup")
    with database.opened() as engine:
        last = max((one.time for one in ledger.moves(engine)), default=decision.time)
        written = replace(decision, sha256=digest, time=max(decision.time, last))  # a clock may be behind
        ledger.add(engine, written)
    _carry_out(written, note)


def settle(note: Path) -> Decision | None:
    """Finish the ledger's newest move where a process died in it, and give it; None where all is done."""
    with database.opened() as engine:
        moves = ledger.moves(engine)
    if not moves or _done(moves[-1], note):
        return None
    last = moves[-1]
    version = _named(last)
    known = {str(one.version): one.tags.get("model.sha256") for one in registry.versions()}
    if version not in known or last.sha256 not in (None, known[version]):
        log.warning("version %s of the ledger is not in this registry, which stays as it is", version)
        return None
    log.warning("version %s was %s but not all was written: finished now", version, last.action)
    _carry_out(last, note)
    return last


def taken_back(version: str) -> list[str]:
    """A sentence where somebody took this very version back: no figure of it has changed since."""
    with database.opened() as engine:
        mine = [one for one in ledger.moves(engine) if version in (one.version, one.previous)]
    if not mine or mine[-1].action != "rolled-back":
        return []
    last = mine[-1]
    when = f"by {last.actor} on {last.time:%Y-%m-%d}"
    return [f"version {version} was taken back {when}: {_joined(last.reasons)}"]


def declined(version: str, judged: str) -> list[str]:
    """A sentence where a version was kept out after the gate judged it: a person said no, or nobody spoke.

    Args:
        judged: when that was, ISO 8601; a later judgement opens the way again.
    """
    with database.opened() as engine:
        mine = [one for one in ledger.all(engine) if _concerns(one, version)]
    if not mine or mine[-1].action != "kept" or mine[-1].time < datetime.fromisoformat(judged):
        return []
    last = mine[-1]
    return [f"version {version} was kept out on {last.time:%Y-%m-%d}: {_joined(last.reasons[:1])}"]


def write_note(version: str, note: Path) -> None:
    """Write which version predicts here, and where its files lie."""
    found = registry.numbered(version)
    inside = registry.folder_of(found)
    champion.write(
        champion.Champion(
            found.name,
            str(found.version),
            sealed.facts(inside)["name"],
            sealed.check(inside)["model.onnx"],
            _relative(inside),
        ),
        note,
    )


def _carry_out(decision: Decision, note: Path) -> None:
    """Every write that follows from a move, the note last: it is what predicts."""
    version = _named(decision)
    registry.crown(version, decision.previous)
    for one in (version, decision.previous):
        if one is not None:
            _chronicle(one)
    registry.annotate(version, _tags(decision))
    write_note(version, note)


def _done(last: Decision, note: Path) -> bool:
    """Whether all that follows from a move is there."""
    known = registry.aliases()
    if known.get(registry.CHAMPION) != last.champion or known.get(registry.CHALLENGER) == last.champion:
        return False
    tags = registry.numbered(_named(last)).tags
    try:
        return tags.items() >= _tags(last).items() and champion.read(note).version == last.champion
    except BadModel:
        return False


def _tags(decision: Decision) -> dict[str, str]:
    moved = {
        "decision": decision.action,
        "decision.time": f"{decision.time:%Y-%m-%dT%H:%M:%S.%fZ}",
        "decision.actor": decision.actor,
    }
    return moved | ({"month": decision.month} if decision.month else {})


def _chronicle(version: str) -> None:
    """Bring the end of a version's description up to the ledger."""
    with database.opened() as engine:
        told = ledger.all(engine)
    mine = [one for one in told if _concerns(one, version)]
    lines = [f"- {_line(one, version)}" for one in mine]
    own = (registry.numbered(version).description or "").partition(CHRONICLE)[0] + CHRONICLE
    registry.annotate(version, {}, own + _newest(lines, registry.LONGEST - len(own)))


def _newest(lines: Sequence[str], room: int) -> str:
    """The last lines that there is room for; `pawtrait history` tells them all."""
    kept = list(lines)
    while len(kept) > 1 and len("\n".join(kept)) > room:
        kept.pop(0)
    return "\n".join(kept)


def _concerns(one: Decision, version: str) -> bool:
    """Whether a decision was about a version, or made another one follow it."""
    if one.version == version:
        return one.action in (*ledger.MOVES, "kept", "waiting")
    return one.previous == version and one.action in ledger.MOVES


def _line(one: Decision, version: str) -> str:
    """A decision as a version tells it that was moved to, kept out, or followed."""
    month = f" in the month {one.month}" if one.month else ""
    if one.version != version:
        return f"{one.time:%Y-%m-%d}: followed by version {one.version}, {one.action} by {one.actor}{month}"
    return f"{one.time:%Y-%m-%d}: {one.action} by {one.actor}{month}: {_joined(one.reasons)}"


def _joined(reasons: Sequence[str]) -> str:
    return " ".join(reasons) or "no reason given"


def _named(decision: Decision) -> str:
    if decision.champion is None:
        raise BadRegistry(f"a move needs a champion to move to; {decision.action} names none")
    return decision.champion


def _relative(path: Path) -> str:
    """Relative to the project's root where it lies inside, so that the folder may move."""
    relative = os.path.relpath(path.resolve(), Path.cwd())
    return path.as_posix() if relative.startswith("..") else Path(relative).as_posix()
