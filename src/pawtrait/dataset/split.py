"""Which split a picture belongs to: groups stay together, and what is settled stays settled.

Settled is a picture by its recorded split, or else by the split its source published it in.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Literal

from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import FEEDBACK, Record, Rejected
from pawtrait.dataset.rules import protection
from pawtrait.errors import BadData

Regroup = Callable[[Sequence[Record]], Mapping[str, str]]
NAMED = 5  # leaks that a message names; the number of the others follows


def separate(
    records: Sequence[Record],
    recorded: Mapping[str, str],
    *,
    leaks: Literal["stop", "drop"],
    regroup: Regroup,
) -> tuple[list[Record], list[Rejected]]:
    """Take out the pictures that tie splits together; in what is left no group has two settled splits.

    Of a group that straddles, the newest and least protected go first: pictures without a split (a bridge, or
    a copy of a test picture: test takes no new ones), then published ones, train before valid before test,
    then recorded ones in the same order. What is left is grouped anew: two pictures may have been copies
    only by way of a third. ``recorded`` maps ids to splits, ``regroup`` gives every path its group.

    Raises:
        BadData: settled pictures are copies across splits, and ``leaks`` is stop.
    """
    kept, dropped = list(records), list[Rejected]()
    while found := _ties(kept, recorded):
        settled = [row for row in found if _home(row[0], recorded)]
        if settled and leaks == "stop":
            raise BadData(_complaint(settled))
        dropped += [Rejected(one.id, one.path, one.label, "split", reason) for one, reason in found]
        out = {one.path for one, _ in found}
        kept = [record for record in kept if record.path not in out]
        groups = regroup(kept)
        kept = [replace(record, group=groups[record.path]) for record in kept]
    return kept, dropped


def missing(
    records: Sequence[Record], recorded: Mapping[str, str], *, valid: float, test: float
) -> list[str]:
    """The splits that have to be made: of the source nothing is recorded, nor was published in them.

    What is recorded of other pictures only, as after a change of the source, settles nothing.
    """
    if any(record.id in recorded for record in records if record.source != FEEDBACK):
        return []
    published = {record.published for record in records}
    shares = {"test": test, "valid": valid}
    return [split for split, share in shares.items() if share and split not in published]


def assign(
    records: Sequence[Record], recorded: Mapping[str, str], *, valid: float, test: float, salt: str
) -> dict[str, str]:
    """Give every group a split; a settled group keeps its own.

    A split that is missing altogether takes its share of the groups of train and of those without a split,
    class by class. Later groups go to train or valid, never to test. Fate hangs on the group and the salt
    alone, so the order of the pictures does not matter.

    Raises:
        BadData: a class has too few groups to be in every split.
    """
    homes = {record.group: "" for record in records}
    homes |= {record.group: home for record in records if (home := _home(record, recorded))}
    made = missing(records, recorded, valid=valid, test=test)
    if made:
        shares = {"valid": valid, "test": test}
        homes |= _first(records, homes, {split: shares[split] for split in made}, salt)
    rest = 0.0 if "valid" in made else valid
    return {group: home or _later(group, rest, salt) for group, home in homes.items()}


def _home(record: Record, recorded: Mapping[str, str]) -> str:
    """The split a picture is settled in, or ""."""
    return recorded.get(record.id) or record.published


def _ties(records: Sequence[Record], recorded: Mapping[str, str]) -> list[tuple[Record, str]]:
    """The pictures to take out now, of each group that straddles, and why."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.path):
        groups[record.group].append(record)
    return [tie for members in groups.values() for tie in _ties_of(members, recorded)]


def _ties_of(members: Sequence[Record], recorded: Mapping[str, str]) -> list[tuple[Record, str]]:
    homes: dict[str, str] = {}  # split → its first picture here
    for record in members:
        homes.setdefault(_home(record, recorded), record.path)
    new = homes.pop("", None)
    if len(homes) < 2 and not (new and "test" in homes):
        return []

    def rank(record: Record) -> tuple[bool, int]:
        return record.id in recorded, protection(_home(record, recorded))

    lowest = min(map(rank, members))
    out = [record for record in members if rank(record) == lowest]
    homes.pop(_home(out[0], recorded), None)
    places = [f"{homes[split]} in {split}" for split in sorted(homes, key=protection, reverse=True)]
    reason = f"copy of {' and of '.join(places)}" + ("; it would bridge them" if len(places) > 1 else "")
    return [(record, reason) for record in out]


def _complaint(leaks: Sequence[tuple[Record, str]]) -> str:
    named = "; ".join(f"{record.path} is a {reason}" for record, reason in leaks[:NAMED])
    more = f"; and {len(leaks) - NAMED} more" if len(leaks) > NAMED else ""
    return f"copies across splits: {named}{more}; remove them, or set split.leaks to drop"


def _first(
    records: Sequence[Record], homes: Mapping[str, str], shares: Mapping[str, float], salt: str
) -> dict[str, str]:
    """Draw the missing splits from the groups of each class that are in train or in no split.

    Groups with feedback are not drawn: it is for training, and would change what else is drawn.
    """
    drawn: dict[str, str] = {}
    sent = {record.group for record in records if record.source == FEEDBACK}
    labels = _labels(records)
    for label in LABELS:
        of_class = [group for group in homes if labels[group] == label and group not in sent]
        free = [group for group in of_class if homes[group] in ("", "train")]
        free.sort(key=lambda group: _unit(f"{salt}/{group}"))
        if len(free) <= len(shares):
            raise BadData(
                f"class {label}: {len(free)} groups of copies to make {' and '.join(shares)} from; "
                f"{len(shares) + 1} are needed, so add pictures"
            )
        total = len(free)
        for place, (split, share) in enumerate(shares.items()):
            spare = len(free) - (len(shares) - place)  # one for each split still to come, and for train
            count = min(max(1, round(share * total)), spare)
            drawn |= dict.fromkeys(free[:count], split)
            free = free[count:]
    return drawn


def _labels(records: Sequence[Record]) -> dict[str, str]:
    """The label most pictures of a group have; of equals the first in our order."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        votes[record.group][record.label] += 1
    return {group: max(LABELS, key=lambda label: count[label]) for group, count in votes.items()}


def _later(group: str, valid: float, salt: str) -> str:
    return "valid" if _unit(f"{salt}/{group}") < valid else "train"


def _unit(text: str) -> float:
    """Map text to [0, 1), evenly and for ever (53 bits, so it never rounds up to 1)."""
    return (int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 11) / 2**53
