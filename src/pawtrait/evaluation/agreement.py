"""How far reviewers agree, beyond chance: Cohen's kappa of every two of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sklearn.metrics import cohen_kappa_score

ENOUGH = 10  # pictures; on fewer, kappa swings between its ends


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers on the pictures that both have seen."""

    first: str
    second: str
    pictures: int
    same: int
    kappa: float | None  # -1..1; None where both say one and the same of everything, so chance explains all


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters' verdicts on the same things; None where it is not defined."""
    if len({verdict for pair in pairs for verdict in pair}) < 2:
        return None
    first, second = zip(*pairs, strict=True)
    return float(cohen_kappa_score(first, second))


def between(verdicts: Mapping[str, Mapping[str, str]]) -> list[Agreement]:
    """Every two reviewers who share a picture. ``verdicts`` maps reviewer → picture → verdict."""
    found = []
    for first, second in combinations(sorted(verdicts), 2):
        shared = sorted(verdicts[first].keys() & verdicts[second].keys())
        pairs = [(verdicts[first][one], verdicts[second][one]) for one in shared]
        if pairs:
            same = sum(one == other for one, other in pairs)
            found.append(Agreement(first, second, len(pairs), same, kappa(pairs)))
    return found


def sentences(agreements: Sequence[Agreement], least: float) -> Iterator[str]:
    """A sentence for every two; those under ``least`` are told to talk, where it is no accident."""
    for one in agreements:
        figure = "kappa is not defined" if one.kappa is None else f"kappa {one.kappa:.2f}"
        low = one.pictures >= ENOUGH and one.kappa is not None and one.kappa < least
        talk = f"; under {least:.2f}, so talk about what the moods look like" if low else ""
        yield f"{one.first} and {one.second} agree on {one.same} of {one.pictures} pictures, {figure}{talk}"
