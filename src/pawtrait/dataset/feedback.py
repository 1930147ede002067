"""What becomes of a picture that people sent: accepted with a mood, rejected with a reason, or left waiting.

A picture is settled by reviewers who agree, or by a quorum of users if no reviewer contradicts them. Two
limits hold for each client: how many pictures of a month count, and its share of what a month accepts.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pawtrait.dataset import duplicates, rules
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Record
from pawtrait.params import Feedback, Validate

UNUSABLE = "unusable"  # a reviewer's verdict on a picture that shows no mood of a pet
HOME = "quarantine"  # the folder in the path of a picture that is none of the data set's
AMONG_OTHERS = ("label", "duplicate")  # rules of the data set that are judged in another way here


@dataclass(frozen=True, slots=True)
class Sent:
    """That somebody sent a picture for training, perhaps with the mood they see in it."""

    client: str
    time: datetime
    label: str | None
    in_house: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer saw: a mood, or ``UNUSABLE`` and why."""

    reviewer: str
    verdict: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture in quarantine with everything said of it; ``sent`` is oldest first and never empty."""

    picture: str  # SHA-256
    sent: tuple[Sent, ...]
    verdicts: tuple[Verdict, ...] = ()

    @property
    def voices(self) -> tuple[Verdict, ...]:
        """The reviewers' verdicts, and the labels of in-house annotators who are not among them."""
        names = {one.reviewer for one in self.verdicts}
        labels = {one.client: one.label for one in self.sent if one.in_house and one.label}
        return (*self.verdicts, *(Verdict(who, label) for who, label in labels.items() if who not in names))


@dataclass(frozen=True, slots=True)
class Earlier:
    """A picture that a snapshot settled, with who had sent it until then: it counts towards their limits."""

    picture: str
    month: str  # YYYY-MM that settled it
    accepted: bool
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a picture, and why."""

    picture: str
    outcome: Literal["accepted", "rejected", "waiting", "held"]  # held: no review would help it now
    reason: str  # one sentence
    label: str | None = None  # of accepted ones


def judge(
    candidates: Sequence[Candidate],
    problems: Mapping[str, str],
    looks: Mapping[str, Record],
    known: Sequence[Record],
    earlier: Sequence[Earlier],
    *,
    knobs: Feedback,
    distances: tuple[int, int],
    month: str | None = None,
) -> list[Ruling]:
    """Rule on every picture in quarantine, oldest first.

    Args:
        candidates: the pictures.
        problems: what is wrong with a picture by itself, by its SHA-256.
        looks: the records of the pictures that were looked at; others are held.
        known: the records of the data set, and of feedback that came in earlier.
        earlier: pictures that were settled before.
        knobs: params.yaml, feedback.
        distances: in how many bits the dhashes and the phashes of copies may differ.
        month: YYYY-MM, the one to be settled; parts of it may have been settled before.
    """
    ordered = _oldest_first(candidates)
    limited, out = limit(ordered, earlier, knobs.client_pictures)
    rejected = {**out, **{one.picture: problems[one.picture] for one in ordered if one.picture in problems}}
    alive = [looks[one.picture] for one in limited if one.picture in looks and one.picture not in rejected]
    rejected |= copies(alive, known, distances=distances)
    fine = {one.picture: one for one in limited}
    rulings = []
    for one in ordered:
        if one.picture in rejected:
            rulings.append(Ruling(one.picture, "rejected", rejected[one.picture]))
        elif one.picture not in looks:
            rulings.append(Ruling(one.picture, "held", "nobody has looked at its file yet"))
        else:
            rulings.append(settle(fine[one.picture], knobs))
    taken = [one for one in earlier if one.accepted and one.month == month]
    return share_out(rulings, fine, taken, share=knobs.client_share, always=knobs.client_always)


def to_look_at(candidates: Sequence[Candidate], earlier: Sequence[Earlier], most: int) -> list[Candidate]:
    """Those within their senders' limits, oldest first; ``judge`` rejects the others unseen.

    So one client never costs more than ``most`` looks a month.
    """
    return limit(_oldest_first(candidates), earlier, most)[0]


def limit(
    ordered: Sequence[Candidate], earlier: Sequence[Earlier], most: int
) -> tuple[list[Candidate], dict[str, str]]:
    """Count each client's first ``most`` pictures of a calendar month (UTC), whoever else sent them.

    In-house annotators have no limit: their names are known. Pictures that were settled before count by their
    time, so that a month in parts lets in the same pictures as one at once.

    Returns:
        The pictures that somebody sent within the limit, each with those senders alone; and for each other
        picture the reason why it is out.
    """
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    kept, out = [], {}
    everything: list[Earlier | Candidate] = [*earlier, *ordered]
    moments = sorted(
        ((sent.time, one.picture, sent) for one in everything for sent in one.sent), key=lambda it: it[:2]
    )
    within: dict[str, list[Sent]] = defaultdict(list)
    for _, picture, sent in moments:
        counted = seen[sent.client, f"{sent.time:%Y-%m}"]
        if sent.in_house or picture in counted or len(counted) < most:
            within[picture].append(sent)
            counted.add(picture)
    for one in ordered:
        if within[one.picture]:
            kept.append(replace(one, sent=tuple(within[one.picture])))
        else:
            out[one.picture] = (
                f"its sender sent more than {most} pictures in {one.sent[0].time:%Y-%m}"
                " (feedback.client_pictures)"
            )
    return kept, out


def of_the_set(records: Iterable[Record]) -> list[Record]:
    """The manifest's pictures with a mood.

    Validation rejects the others, so feedback that gives one of them a mood is no copy but new.
    """
    return [record for record in records if record.label in LABELS]


def by_itself(records: Sequence[Record], knobs: Validate) -> rules.Table:
    """The data set's critical rules that a picture can break by itself, and is rejected for."""
    table = rules.pictures(
        records,
        least_side=knobs.least_side,
        brightness=knobs.brightness,
        least_sharpness=knobs.least_sharpness,
    )
    critical = (rule for rule in table.rules if rule.severity == "critical")
    return replace(table, rules=tuple(rule for rule in critical if rule.name not in AMONG_OTHERS))


def copies(looks: Sequence[Record], known: Sequence[Record], *, distances: tuple[int, int]) -> dict[str, str]:
    """Map each picture that is a copy to the sentence that says of what.

    ``looks`` come oldest first; of copies among them the oldest stays. A copy of a copy is a copy.
    """
    dhash_distance, phash_distance = distances
    everything = [*known, *looks]
    groups = duplicates.groups(everything, dhash_distance=dhash_distance, phash_distance=phash_distance)
    homes: dict[str, Record] = {}
    for record in sorted(known, key=lambda one: (-rules.protection(one.published), one.path)):
        homes.setdefault(groups[record.path], record)
    found: dict[str, str] = {}
    for record in looks:
        original = homes.setdefault(groups[record.path], record)
        if original is not record:
            found[record.id] = _copy(original)
    return found


def settle(one: Candidate, knobs: Feedback) -> Ruling:
    """Rule on a sound picture by what reviewers and users said of it."""
    voices = one.voices
    counts = Counter(voice.verdict for voice in voices)
    agreed = [verdict for verdict, count in counts.items() if count >= knobs.reviewers]
    if len(agreed) == 1:
        return _reviewed(one.picture, agreed[0], voices)
    if len(voices) >= knobs.most_reviews:
        said = ", ".join(voice.verdict for voice in voices)
        return Ruling(one.picture, "rejected", f"{len(voices)} reviewers do not agree: {said}")
    label, count, of = _quorum(one)
    enough = 0 < knobs.quorum <= count and count / of >= knobs.quorum_share
    if enough and counts.keys() <= {label}:
        return Ruling(one.picture, "accepted", f"{count} of {of} users say {label}", label)
    seen = f"{len(voices)} of {knobs.reviewers} reviewers have seen it"
    split = f"its {len(voices)} reviewers do not agree; one more may decide"
    return Ruling(one.picture, "waiting", split if len(counts) > 1 else seen)


def share_out(
    rulings: Sequence[Ruling],
    candidates: Mapping[str, Candidate],
    taken: Sequence[Earlier],
    *,
    share: float,
    always: int,
) -> list[Ruling]:
    """Hold back a client's newest accepted pictures beyond its share of all that the month accepts.

    ``taken`` are those that the month accepted before. A picture that several clients or an annotator sent
    counts for nobody.
    """
    owners = {
        ruling.picture: _owner(candidates[ruling.picture].sent)
        for ruling in rulings
        if ruling.outcome == "accepted"
    }
    given = Counter(owner for one in taken if (owner := _owner(one.sent)))
    counts = given + Counter(owner for owner in owners.values() if owner)
    total = len(taken) + len(owners)
    cap = _cap(counts.values(), total - counts.total(), share, always)
    shared = []
    for ruling in rulings:
        owner = owners.get(ruling.picture)
        given.update([owner] if owner else [])
        if owner and given[owner] > cap:
            reason = (
                f"its sender has {counts[owner]} of {total} accepted pictures, where {cap} are allowed"
                " (feedback.client_share); the rest wait until other people send more"
            )
            ruling = Ruling(ruling.picture, "held", reason)
        shared.append(ruling)
    return shared


def queue(rulings: Sequence[Ruling], candidates: Mapping[str, Candidate], reviewer: str | None) -> list[str]:
    """The pictures that wait for a reviewer, those with most voices first, then by SHA-256.

    Labels have no influence on choice or order. For no reviewer, None: all that wait.
    """
    waiting = [candidates[ruling.picture] for ruling in rulings if ruling.outcome == "waiting"]
    open_ = [one for one in waiting if reviewer not in {voice.reviewer for voice in one.voices}]
    return [one.picture for one in sorted(open_, key=lambda one: (-len(one.voices), one.picture))]


def _oldest_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (one.sent[0].time, one.picture))


def _reviewed(picture: str, verdict: str, voices: Sequence[Verdict]) -> Ruling:
    agreeing = [voice for voice in voices if voice.verdict == verdict]
    said = f"{len(agreeing)} of {len(voices)} reviewers say {verdict}"
    if verdict == UNUSABLE:
        why = sorted({voice.reason for voice in agreeing if voice.reason})
        return Ruling(picture, "rejected", ": ".join([said, "; ".join(why)]) if why else said)
    return Ruling(picture, "accepted", said, verdict)


def _quorum(one: Candidate) -> tuple[str | None, int, int]:
    """The mood most users gave, how many did, of how many; each client's last word counts."""
    last = {sent.client: sent.label for sent in one.sent if sent.label and not sent.in_house}
    votes = Counter(last.values())
    label, count = max(votes.items(), key=lambda it: (it[1], it[0]), default=(None, 0))
    return label, count, votes.total()


def _owner(said: Sequence[Sent]) -> str | None:
    clients = {sent.client for sent in said}
    alone = len(clients) == 1 and not any(sent.in_house for sent in said)
    return clients.pop() if alone else None


def _cap(counts: Collection[int], others: int, share: float, always: int) -> int:
    """The largest cap under which no client has more than the share of what is then accepted."""
    for cap in range(max(counts, default=0), always, -1):
        if cap <= share * (others + sum(min(count, cap) for count in counts)):
            return cap
    return always


def _copy(original: Record) -> str:
    if original.published in ("test", "valid"):
        return f"copy of {original.path}, and no copy of a {original.published} picture enters training"
    if original.path.startswith(f"{HOME}/"):
        return f"copy of picture {original.id[:16]}, which came earlier"
    return f"copy of {original.path}, which the data set has already"
