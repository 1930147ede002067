"""How far reviewers agree, beyond chance: Cohen's kappa of every two of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

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
    """Cohen's kappa of two raters' verdicts on the same things, four digits; None where it is not defined.

    In whole numbers, n² times the shares of the paper, so that chance alone is 0 and never a trifle less;
    by hand, since the service has no scikit-learn.
    """
    n = len(pairs)
    same = n * sum(one == other for one, other in pairs)
    first, second = (Counter(pair[place] for pair in pairs) for place in (0, 1))
    chance = sum(count * second[verdict] for verdict, count in first.items())
    return None if chance == n * n else round((same - chance) / (n * n - chance), 4)  # Cohen 1960, eq. 1


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
