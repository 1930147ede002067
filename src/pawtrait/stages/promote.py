"""Promotion, outside DVC: a challenger takes over, with who, when and why in the ledger."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pawtrait import clock
from pawtrait.adapters import registry, succession
from pawtrait.adapters.store import ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadRegistry

ANYWAY = "to promote it anyway: --force --reason TEXT"


def run(
    *,
    version: str | None,
    actor: str,
    reasons: Sequence[str],
    note: Path,
    month: str | None = None,
    figures: Mapping[str, float] | None = None,
    force: bool = False,
    against: str | None = None,
) -> None:
    """Make a version champion, the one before it previous; the champion itself stays what it is.

    Args:
        version: None is the challenger; without one, a promotion that was cut off is finished.
        reasons: where none are given, that the gate said so.
        figures: the gate's; where none are given, those it left with the version, or else the registration's.
        force: whatever the gate said; ``reasons`` then have to say why.
        against: the champion that it was judged against; another one by now, as after a rollback, stays.

    Raises:
        BadRegistry: there is no challenger or no such version, the gate has not said to promote it against
            this champion, it was taken back or kept out since, or force came without a reason; or another
            version than ``against`` is champion.
    """
    with ledger.alone():
        finished = succession.settle(note)
        version = version or registry.aliases().get(registry.CHALLENGER)
        if version is None:
            _without_challenger(finished)
            return
        known = registry.numbered(version)
        old = registry.aliases().get(registry.CHAMPION)
        if old == version:
            print(f"version {version} is champion already")
            return
        if against not in (None, old):
            raise BadRegistry(
                f"version {version} was judged against {against}, but version {old} is champion now;"
                f" run `pawtrait gate --version {version}`"
            )
        _allowed(version, known.tags, old, force, reasons)
        succession.move(
            Decision(
                time=clock.now(),
                action="promoted",
                actor=actor,
                champion=version,
                previous=old,
                version=version,
                month=month,
                reasons=tuple(reasons) or (f"The gate said promote, against version {old}.",),
                figures=figures or _met(old, known.tags) or _registered(old, version),
                commit=_commit(known.tags),
            ),
            note,
        )
    print(f"version {version} is champion, version {old} is previous; `pawtrait rollback` takes it back")


def _without_challenger(finished: Decision | None) -> None:
    """There is none any more where its promotion was cut off, which is what was asked for."""
    if finished is None or finished.action != "promoted":
        raise BadRegistry(
            "there is no challenger; run `pawtrait register` after a training, or name a version"
        )
    print(f"version {finished.champion} is champion: the promotion that was cut off is finished now")


def _allowed(
    version: str, tags: Mapping[str, str], old: str | None, force: bool, reasons: Sequence[str]
) -> None:
    """Only the gate opens the way, or a person who says why."""
    if force:
        if not any(reason.strip() for reason in reasons):
            raise BadRegistry("--force needs a reason; give it with --reason TEXT")
        return
    verdict, against = tags.get("gate.verdict"), tags.get("gate.champion")
    undated = verdict == "promote" and "gate.time" not in tags  # by an earlier pawtrait's gate
    if verdict is None or undated or against != old:
        raise BadRegistry(
            f"the gate has not compared version {version} with champion {old};"
            f" run `pawtrait gate --version {version}`"
        )
    if verdict != "promote":
        raise BadRegistry(
            f"the gate's verdict on version {version} is `{verdict}`: {tags.get('gate.objections', '')};"
            f" {ANYWAY}"
        )
    later = [*succession.taken_back(version), *succession.declined(version, tags["gate.time"])]
    for sentence in later:  # than what the gate said
        raise BadRegistry(f"{sentence}; {ANYWAY}")


def _met(champion: str | None, tags: Mapping[str, str]) -> dict[str, float]:
    """What the gate measured, if it was against this champion."""
    if tags.get("gate.champion") != champion:
        return {}
    return {key: float(value) for key, value in json.loads(tags.get("gate.figures", "{}")).items()}


def _registered(champion: str | None, challenger: str) -> dict[str, float]:
    """Macro-F1 of both on the test split, as they were registered; only where they were."""
    found = {}
    for who, version in (("champion", champion), ("challenger", challenger)):
        tags = registry.numbered(version).tags if version else {}
        for end in ("", "_low", "_high"):
            if f"test_macro_f1{end}" in tags:
                found[f"{who}_macro_f1{end}"] = float(tags[f"test_macro_f1{end}"])
    return found


def _commit(tags: Mapping[str, str]) -> str | None:
    known = tags.get("git.commit", "none")
    return None if known == "none" else known
