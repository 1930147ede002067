"""Do two samples come from one source? Three statistics, each with the p-value of a permutation test.

If they do, any division of the pooled values into two samples is as likely as the one seen, so the share
of divisions whose statistic is at least as large is a p-value, for small samples and tied values too. The
one seen counts among them: p = (1 + those at least as large) / (1 + permutations), never 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDING = 1e-9  # of a statistic; sums in another order differ by less, real divisions by more
CHUNK = 1000  # permutations at once; bounds the memory


@dataclass(frozen=True, slots=True)
class Compared:
    """A statistic, larger the further the samples lie apart, and how rare that is for one source."""

    statistic: float
    p: float


def kolmogorov_smirnov(first: Floats, second: Floats, permutations: int, seed: list[int]) -> Compared:
    """The largest distance (0..1) between the two distribution functions, of values (M,) and (N,).

    Whole numbers throughout, so that equal statistics are equal.
    """
    pooled = np.concatenate([first, second])
    order = np.argsort(pooled, kind="stable")
    ends = np.append(np.diff(pooled[order]) > 0, True)  # tied values are one step
    total = len(pooled)
    ranks = np.arange(1, total + 1)[ends]

    def apart(member: NDArray[np.bool_]) -> NDArray[np.int64]:
        """M·N·total times the distance, over rows (P, M + N) that mark the second sample."""
        below = member.cumsum(axis=1, dtype=np.int64)[:, ends]  # of the second sample, at each step
        gaps: NDArray[np.int64] = np.abs(below * total - ranks * len(second)).max(axis=1)
        return gaps

    seen = int(apart((order >= len(first))[None])[0])
    larger = sum(
        int((apart(rows) >= seen).sum()) for rows in _divisions(len(first), len(second), permutations, seed)
    )
    return Compared(seen / (len(first) * len(second)), _share(larger, permutations))


def chi_square(
    first: NDArray[np.int64], second: NDArray[np.int64], permutations: int, seed: list[int]
) -> Compared:
    """Pearson's chi-square between counts (K,) and (K,) of the same classes; its p needs no large counts.

    A division of the pooled rows fills the second sample's classes by the multivariate hypergeometric law.
    """
    pooled = first + second
    first, second, pooled = (counts[pooled > 0] for counts in (first, second, pooled))
    expected = pooled * (second.sum() / pooled.sum())
    weights = 1 / expected + 1 / (pooled - expected)

    def apart(counts: NDArray[np.int64]) -> Floats:
        """Over rows (P, K) of the second sample's counts; the first sample's are off by as much."""
        gaps: Floats = (counts - expected) ** 2 @ weights
        return gaps

    seen = float(apart(second[None])[0])
    draw = np.random.default_rng(seed)
    drawn = draw.multivariate_hypergeometric(pooled, int(second.sum()), permutations)
    return Compared(seen, _share(int((apart(drawn) >= seen * (1 - ROUNDING)).sum()), permutations))


def mmd(first: Floats, second: Floats, permutations: int, seed: list[int]) -> Compared:
    """The squared maximum mean discrepancy of points (M, D) and (N, D), unbiased: around 0 for one source.

    Gretton et al. 2012, eq. 3, with an RBF kernel as wide as the median distance between pooled points.
    """
    kernel = rbf(np.concatenate([first, second]))
    np.fill_diagonal(kernel, 0.0)  # the sums leave out a point with itself
    whole = kernel.sum()
    degree = kernel.sum(axis=1)  # (M + N,)
    m, n = len(first), len(second)

    def apart(member: NDArray[np.bool_]) -> Floats:
        """Over rows (P, M + N) that mark the second sample."""
        marked = member.astype(np.float64)
        inside = np.einsum("pi,pi->p", marked @ kernel, marked)  # within the second sample
        across = marked @ degree - inside  # from the second to the first
        rest = whole - inside - 2 * across  # within the first
        gaps: Floats = rest / (m * (m - 1)) + inside / (n * (n - 1)) - 2 * across / (m * n)
        return gaps

    seen = float(apart((np.arange(m + n) >= m)[None])[0])
    bar = seen - ROUNDING * abs(seen)
    larger = sum(int((apart(rows) >= bar).sum()) for rows in _divisions(m, n, permutations, seed))
    return Compared(seen, _share(larger, permutations))


def rbf(points: Floats) -> Floats:
    """exp(-distance² / 2 width²) between points (N, D): (N, N); the width is the median distance."""
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0.0)
    median = float(np.median(distances[np.triu_indices(len(points), 1)]))
    width: float = median if median > 0 else 1.0  # most points alike: any width tells the others from them
    kernel: Floats = np.exp(-distances / (2 * width))
    return kernel


def _divisions(first: int, second: int, permutations: int, seed: list[int]) -> Iterator[NDArray[np.bool_]]:
    """Rows (up to CHUNK, first + second) that mark ``second`` places each, at random."""
    draw = np.random.default_rng(seed)
    for start in range(0, permutations, CHUNK):
        rows = np.zeros((min(CHUNK, permutations - start), first + second), np.bool_)
        rows[:, first:] = True
        yield draw.permuted(rows, axis=1)


def _share(larger: int, permutations: int) -> float:
    return (1 + larger) / (1 + permutations)
