"""Do two samples come from one source? Three statistics, each on many divisions of the pooled values.

If they do, any division into two samples is as likely as the one seen, so the share of divisions whose
statistic is at least as large is a p-value, for small samples and tied values too. And so is, for several
statistics at once, the share of divisions on which the smallest of their p-values is at least as small: exact
however the statistics hang together, as long as they are taken on the same divisions of the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DIGITS = 9  # of a statistic that count; sums in another order differ by less, real divisions by more
CHUNK = 1000  # divisions at once; bounds the memory


@dataclass(frozen=True, slots=True)
class Divisions:
    """So many random divisions, after the one seen; the same seed and sizes, the same divisions."""

    permutations: int
    seed: tuple[int, ...]

    def rows(self, first: int, second: int) -> Iterator[NDArray[np.bool_]]:
        """Rows (up to CHUNK, first + second) that mark the second sample; the very first is the one seen."""
        draw = np.random.default_rng(list(self.seed))
        seen = np.arange(first + second) >= first
        yield seen[None]
        for start in range(0, self.permutations, CHUNK):
            rows = np.tile(seen, (min(CHUNK, self.permutations - start), 1))
            yield draw.permuted(rows, axis=1)


def kolmogorov_smirnov(first: Floats, second: Floats, divisions: Divisions) -> Floats:
    """The largest distance (0..1) between the two distribution functions, of values (M,) and (N,).

    Out: (1 + permutations,), the division seen first, as of every statistic here.
    """
    pooled = np.concatenate([first, second])
    order = np.argsort(pooled, kind="stable")
    ends = np.append(np.diff(pooled[order]) > 0, True)  # tied values are one step
    total, ranks = len(pooled), np.arange(1, len(pooled) + 1)[ends]

    def apart(member: NDArray[np.bool_]) -> NDArray[np.int64]:
        """M·N times the distance, a whole number, so that equal ones are equal."""
        below = member[:, order].cumsum(axis=1, dtype=np.int64)[:, ends]  # of the second sample, at each step
        gaps: NDArray[np.int64] = np.abs(below * total - ranks * len(second)).max(axis=1)
        return gaps

    found = np.concatenate([apart(rows) for rows in divisions.rows(len(first), len(second))])
    distances: Floats = found / (len(first) * len(second))
    return distances


def chi_square(first: NDArray[np.int64], second: NDArray[np.int64], divisions: Divisions) -> Floats:
    """Pearson's chi-square of classes (M,) and (N,), whole numbers from 0; small counts do no harm."""
    pooled = np.concatenate([first, second])
    classes = np.unique(pooled)
    one_hot = (pooled[:, None] == classes).astype(np.float64)  # (M + N, K)
    counts = one_hot.sum(axis=0)
    expected = counts * (len(second) / len(pooled))
    weights = 1 / expected + 1 / (counts - expected)  # the first sample is off by as much as the second
    found = [
        (rows.astype(np.float64) @ one_hot - expected) ** 2 @ weights
        for rows in divisions.rows(len(first), len(second))
    ]
    return _rounded(np.concatenate(found))


def mmd(first: Floats, second: Floats, divisions: Divisions) -> Floats:
    """The squared maximum mean discrepancy of points (M, D) and (N, D), unbiased: around 0 for one source.

    Gretton et al. 2012, eq. 3, with an RBF kernel as wide as the median distance between pooled points.
    """
    kernel = rbf(np.concatenate([first, second]))
    np.fill_diagonal(kernel, 0.0)  # the sums leave out a point with itself
    whole = kernel.sum()
    degree = kernel.sum(axis=1)  # (M + N,)
    m, n = len(first), len(second)

    def apart(member: NDArray[np.bool_]) -> Floats:
        marked = member.astype(np.float64)
        inside = np.einsum("pi,pi->p", marked @ kernel, marked)  # within the second sample
        across = marked @ degree - inside  # from the second to the first
        rest = whole - inside - 2 * across  # within the first
        gaps: Floats = rest / (m * (m - 1)) + inside / (n * (n - 1)) - 2 * across / (m * n)
        return gaps

    return _rounded(np.concatenate([apart(rows) for rows in divisions.rows(m, n)]))


def rbf(points: Floats) -> Floats:
    """exp(-distance² / 2 width²) between points (N, D): (N, N); the width is the median distance."""
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0.0)
    median = float(np.median(distances[np.triu_indices(len(points), 1)]))
    width: float = median if median > 0 else 1.0  # most points alike: any width tells the others from them
    kernel: Floats = np.exp(-distances / (2 * width))
    return kernel


def p_values(statistics: Floats) -> Floats:
    """For each division the share of all divisions whose statistic is at least as large; none is 0."""
    below = np.searchsorted(np.sort(statistics), statistics, side="left")
    shares: Floats = (len(statistics) - below) / len(statistics)
    return shares


def together(statistics: Sequence[Floats]) -> list[float]:
    """A p-value for each statistic, of the division seen, that allows for the others' being looked at too.

    Westfall and Young 1993, step-down minP: where nothing differs, the smallest is at or under a rate with
    that probability. Statistics on other divisions than the others' count as independent of them.
    """
    table = np.array([p_values(one) for one in statistics])  # (T, 1 + permutations)
    adjusted = [1.0] * len(table)
    highest, left = 0.0, list(range(len(table)))
    for test in sorted(left, key=lambda index: table[index, 0]):
        smallest = table[left].min(axis=0)
        highest = max(highest, float((smallest <= table[test, 0]).mean()))
        adjusted[test] = highest
        left.remove(test)
    return adjusted


def _rounded(statistics: Floats) -> Floats:
    """Equal where only rounding tells them apart."""
    largest = float(np.abs(statistics).max())
    rounded: Floats = statistics if largest == 0 else np.round(statistics / largest, DIGITS) * largest
    return rounded
