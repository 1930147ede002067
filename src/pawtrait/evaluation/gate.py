"""Whether a challenger takes over from the champion: the rules, and the reasons in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pawtrait import params
from pawtrait.evaluation.evidence import POWER, Evidence, Pair
from pawtrait.evaluation.intervals import percentage
from pawtrait.evaluation.leaderboard import p_value, signed

Outcome = Literal["promote", "keep", "ask"]
NEWER = "reviewed feedback that neither model was trained on"
# "let through", not "promoted": that is decided later, and a person may say no.
NAMES = {"promote": "let through", "keep": "kept", "ask": "needs a person"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Attributes:
        outcome: promote the challenger, keep the champion, or ask a person.
        objections: sentences against the challenger; none where it is let through.
        sentences: what was found, and at the end what follows.
        figures: the numbers behind them.
    """

    outcome: Outcome
    objections: tuple[str, ...]
    sentences: tuple[str, ...]
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Body:
    """What a model is beside its answers."""

    latency_ms: float  # one picture, one thread, the median
    size_mb: float  # of model.onnx, in 10^6 bytes
    parity: float  # greatest difference of a probability between ONNX and Keras, measured on export


@dataclass(frozen=True, slots=True)
class Former:
    """An earlier champion and what it reached on the same test split."""

    version: str
    macro_f1: float


def judge(
    test: Evidence,
    feedback: Evidence | None,
    bodies: tuple[Body, Body],
    policy: params.Gate,
    *,
    new_data: bool,
    best: Former | None = None,
    doubts: Sequence[str] = (),
) -> Verdict:
    """Weigh a challenger against the champion.

    - Any objection keeps the champion. Without one, a doubt asks a person. Without either, a challenger that
      is shown to be better is let through.
    - On too little evidence the champion stays. With ``promote_if_not_worse``, a challenger that knows new
      data is let through if it is at most ``tolerance`` behind the best champion so far. Counted from the
      last champion, each month could lose the tolerance once more.
    - Reviewed feedback only counts against the challenger: it is rich in the champion's own mistakes, so that
      doing better there proves nothing.

    Args:
        test: on the frozen test split.
        feedback: on reviewed feedback that neither has been trained on, if there is any.
        bodies: champion's, challenger's.
        new_data: the challenger was trained on data that the champion had not seen.
        best: the best of the earlier champions on the same test split, if there are any.
        doubts: sentences on what makes the comparison doubtful.
    """
    if best and best.macro_f1 <= test.macro_f1.champion:
        best = None
    objections = [*_harms(test, policy), *_veto(feedback), *_limits(bodies[1], policy)]
    mark = best.macro_f1 if best else test.macro_f1.champion
    near = test.macro_f1.challenger - mark >= -policy.tolerance
    may = policy.promote_if_not_worse and new_data and near
    if not objections and not doubts and not test.better and not may:
        objections.append(_too_little(test, policy, new_data, best))
    outcome: Outcome = "keep" if objections else "ask" if doubts else "promote"
    said = [*_about(test, "the test split"), *_recalls(test, policy), _calibrated(test), _sizes(bodies)]
    said += [_remembered(best)] if best else []
    said += [*_about(feedback, NEWER)] if feedback else [f"There is no {NEWER}."]
    said.append(_end(outcome, test))
    return Verdict(outcome, (*objections, *doubts), tuple(said), _figures(test, feedback, bodies))


def _harms(test: Evidence, policy: params.Gate) -> Iterator[str]:
    """What the test split holds against the challenger."""
    if test.worse:
        yield f"the challenger is worse on the test split: macro-F1 {_pair(test.macro_f1, test.level)}"
    for label, recall in test.recalls.items():
        of = f"recall of {label} on {test.supports[label]} test pictures"
        if recall.difference < -policy.recall_margin - 1e-9:
            fall = f"falls from {recall.champion:.2f} to {recall.challenger:.2f}"
            yield f"{of} {fall}, more than the {policy.recall_margin:.2f} allowed"
        elif policy.prove_recall and recall.span.low < -policy.recall_margin:
            fall = f"may have fallen by {-recall.span.low:.2f}"
            yield f"{of} {fall}, more than the {policy.recall_margin:.2f} allowed"
    # An error below what chance makes counts as none: a champion's luck is not held against the challenger.
    old, new = (max(error - luck, 0.0) for error, luck in zip(test.calibration, test.luck, strict=True))
    if new - old > policy.calibration_rise + 1e-9:
        more = f"more than the {policy.calibration_rise:.3f} allowed beyond chance"
        yield f"calibration error {_by_chance(test)} rises by {more}"


def _veto(feedback: Evidence | None) -> Iterator[str]:
    if feedback and feedback.worse:
        gap = _pair(feedback.macro_f1, feedback.level)
        yield f"the challenger is worse on reviewed feedback: macro-F1 {gap}"


def _limits(body: Body, policy: params.Gate) -> Iterator[str]:
    """The budgets that a model exceeds, whatever its rival."""
    if body.latency_ms > policy.latency_ms:
        taken = f"{body.latency_ms:.1f} ms on one thread"
        yield f"a picture takes {taken}, over the budget of {policy.latency_ms:.1f} ms"
    if body.size_mb > policy.size_mb:
        yield f"model.onnx has {body.size_mb:.1f} MB, over the budget of {policy.size_mb:.1f} MB"
    if not body.parity <= policy.parity:  # NaN keeps no budget
        gap = f"{body.parity:.1e} in a probability"
        yield f"ONNX and Keras differ by {gap}, over the {policy.parity:.1e} allowed"


def _too_little(test: Evidence, policy: params.Gate, new_data: bool, best: Former | None) -> str:
    """Why a challenger that nothing speaks against is not let through."""
    gap = f"macro-F1 {_pair(test.macro_f1, test.level)}, exact McNemar test p {p_value(test.compared.p)}"
    if not policy.promote_if_not_worse:
        return f"too little evidence that the challenger is better: {gap}"
    if not new_data:
        return f"too little evidence that the challenger is better, and it knows no new data: {gap}"
    behind = f"not shown better, and over {policy.tolerance:.2f} behind"
    if best:
        reached = f"version {best.version}, the best champion so far (macro-F1 {best.macro_f1:.2f})"
        return f"{behind} {reached}; against the champion {gap}"
    return f"{behind}: {gap}"


def _about(found: Evidence, what: str) -> Iterator[str]:
    """The difference, the exact test, and what the set could show."""
    compared = found.compared
    yield (
        f"On {what} ({found.pictures} pictures in {found.groups} groups) the macro-F1 is"
        f" {_pair(found.macro_f1, found.level)}."
    )
    yield (
        f"The challenger is ahead in {compared.only_first} of the groups, the champion in"
        f" {compared.only_second} (exact McNemar test, p {p_value(compared.p)})."
    )
    yield _shows(found)


def _shows(found: Evidence) -> str:
    """The smallest difference that so many groups could show; a macro-F1 never differs by more than 1."""
    least = found.smallest
    if least.groups > found.groups:
        return (
            "So few groups can show no difference at all:"
            f" the exact test needs {least.groups} that all favour one model."
        )
    reliable = f"a true difference of {least.reliable:.2f}" if least.reliable <= 1 else "no difference"
    return (
        f"These pictures can show no difference below {least.shown:.2f} (half the paired interval's width, or"
        f" {least.groups} groups that all favour one model, whichever is more); {reliable} would be found"
        f" {POWER:.0%} of the time."
    )


def _recalls(test: Evidence, policy: params.Gate) -> Iterator[str]:
    """Each mood's recall, and whether it is shown to be no worse than allowed."""
    each = [f"{label} {r.champion:.2f} → {r.challenger:.2f}" for label, r in test.recalls.items()]
    open_ = [label for label, r in test.recalls.items() if r.span.low < -policy.recall_margin]
    proof = f"; a fall of over {policy.recall_margin:.2f} is ruled out for all moods"
    if open_:
        proof = f"; a fall of over {policy.recall_margin:.2f} cannot be ruled out for {', '.join(open_)}"
    yield f"Recall: {', '.join(each)}{proof}."


def _remembered(best: Former) -> str:
    reached = f"macro-F1 {best.macro_f1:.2f} on the same test pictures"
    return f"The best champion so far was version {best.version}, {reached}: gate.tolerance counts from it."


def _calibrated(test: Evidence) -> str:
    return f"Calibration error: {_by_chance(test)}."


def _by_chance(test: Evidence) -> str:
    """0.200 → 0.240 (0.041 → 0.009 by chance alone)."""
    (old, new), (before, now) = test.calibration, test.luck
    return f"{old:.3f} → {new:.3f} ({before:.3f} → {now:.3f} by chance alone)"


def _sizes(bodies: tuple[Body, Body]) -> str:
    old, new = bodies
    return (
        f"A picture on one thread: {old.latency_ms:.2f} → {new.latency_ms:.2f} ms; model.onnx:"
        f" {old.size_mb:.1f} → {new.size_mb:.1f} MB; ONNX against Keras: {new.parity:.0e}."
    )


def _end(outcome: Outcome, test: Evidence) -> str:
    if outcome == "keep":
        return "The champion stays."
    if outcome == "ask":
        return "A person has to decide."
    if not test.better:
        return (
            "Let through: not shown better, but not worse, and it knows new data (gate.promote_if_not_worse)."
        )
    return f"Let through: better by {signed(test.macro_f1.difference)} macro-F1, and more than chance."


def _pair(pair: Pair, level: float) -> str:
    """0.50 → 0.60 (+0.10, 95% interval +0.02 to +0.18)."""
    return (
        f"{pair.champion:.2f} → {pair.challenger:.2f} ({signed(pair.difference)},"
        f" {percentage(level)} interval {signed(pair.span.low)} to {signed(pair.span.high)})"
    )


def _figures(test: Evidence, feedback: Evidence | None, bodies: tuple[Body, Body]) -> dict[str, float]:
    """Everything that was measured, under flat names, rounded to nine decimals."""
    found: dict[str, float] = dict(_numbers(test))
    if feedback:
        found |= {f"feedback_{key}": value for key, value in _numbers(feedback)}
    for who, body in zip(("champion", "challenger"), bodies, strict=True):
        found |= {
            f"{who}_latency_ms": body.latency_ms,
            f"{who}_size_mb": body.size_mb,
            f"{who}_parity": body.parity,
        }
    return {key: value if isinstance(value, int) else round(value, 9) for key, value in found.items()}


def _numbers(found: Evidence) -> Iterator[tuple[str, float]]:
    yield "pictures", found.pictures
    yield "groups", found.groups
    figures = (found.macro_f1.champion, found.macro_f1.challenger), found.own, found.calibration, found.luck
    for who, f1, own, error, luck in zip(("champion", "challenger"), *figures, strict=True):
        yield f"{who}_macro_f1", f1
        yield f"{who}_macro_f1_low", own.low
        yield f"{who}_macro_f1_high", own.high
        yield f"{who}_calibration_error", error
        yield f"{who}_calibration_luck", luck
    yield "difference", found.macro_f1.difference
    yield "difference_low", found.macro_f1.span.low
    yield "difference_high", found.macro_f1.span.high
    yield "only_challenger", found.compared.only_first
    yield "only_champion", found.compared.only_second
    yield "mcnemar_p", found.compared.p
    for key, value in (("shown", found.smallest.shown), ("reliable", found.smallest.reliable)):
        if value <= 1:
            yield f"smallest_{key}", value
    for label, recall in found.recalls.items():
        yield f"champion_recall_{label}", recall.champion
        yield f"challenger_recall_{label}", recall.challenger
