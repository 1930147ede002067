"""Which model won, by how much, and whether that can be told from chance."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from pawtrait.errors import BadData
from pawtrait.evaluation import evidence, intervals, metrics
from pawtrait.evaluation.predictions import Scored
from pawtrait.evaluation.tables import remarks

Row = dict[str, Any]


def ranked(facts: Mapping[str, Mapping[str, Any]], figures: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """A row a model, best validation macro-F1 first, fewer parameters first among equals.

    The test split has no say in it.

    Args:
        facts: model.json by model name.
        figures: metrics.json by model name.

    Raises:
        BadData: no model is there to rank.
    """
    kept = ("net", "start", "parameters", "input_range", "epochs", "capped", "trained_on")
    rows = [
        {
            "name": name,
            "champion": False,
            **{key: facts[name].get(key) for key in kept},
            **metrics.of_all(figures[name]),
        }
        for name in facts
    ]
    rows.sort(key=lambda row: (-row["valid_macro_f1"], row["parameters"], row["name"]))
    if not rows:
        raise BadData("no model is selected; name at least one under `selected` in params.yaml")
    rows[0]["champion"] = True
    return [{"rank": rank, **row} for rank, row in enumerate(rows, start=1)]


def pairs(answers: Mapping[str, Scored]) -> list[Row]:
    """The exact McNemar test over groups between every two models on one split, in the given order."""
    return [
        {"first": a, "second": b, **_pair(evidence.by_group(answers[b], answers[a]))}
        for a, b in combinations(answers, 2)
    ]


def sentences(rows: Sequence[Row], test: Mapping[str, Scored], how: intervals.Bootstrap) -> list[str]:
    """What the table means, in words: who won, whether the lead is real, what to distrust."""
    best = rows[0]
    leads = [_lead(best["name"], other["name"], test, how) for other in rows[1:]]
    return [_victory(best), *leads, *remarks(rows)]


def signed(value: float) -> str:
    """A difference with its sign, a real minus, and a plain zero."""
    rounded = round(value, 2)
    return f"{rounded:+.2f}".replace("-", "−") if rounded else "0.00"


def p_value(value: float) -> str:
    """What follows a p in a sentence."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _victory(best: Row) -> str:
    return (
        f"{best['name']} ({best['start']}) is the champion with a validation macro-F1 of "
        f"{best['valid_macro_f1']:.2f} ({best['valid_macro_f1_low']:.2f} to "
        f"{best['valid_macro_f1_high']:.2f}); on the test split it is right on "
        f"{best['test_accuracy']:.0%} of {best['test_pictures']} pictures."
    )


def _lead(best: str, other: str, test: Mapping[str, Scored], how: intervals.Bootstrap) -> str:
    """One sentence on the champion's lead over another model on the test split.

    Two models are distinguishable where test and interval both say so, and of the same model: the test gives
    each group one vote, while the accuracy counts pictures, so that groups of many copies can part the two.
    """
    a, b = test[best], test[other]
    if np.array_equal(a.right, b.right):
        same = f"{best} and {other} are right on the same of the {len(a.actual)} test pictures"
        return f"{same}: not distinguishable."
    compared = evidence.by_group(b, a)
    gap = float(a.right.mean() - b.right.mean())
    span = intervals.lead(a, b, how)
    between = f"{intervals.percentage(how.level)} interval {signed(span.low)} to {signed(span.high)}"
    agreed = span.low > 0 if compared.only_first > compared.only_second else span.high < 0
    sure = compared.p < 1 - how.level and agreed
    known = "distinguishable" if sure else "not distinguishable"
    return (
        f"{best} against {other} on the {len(a.actual)} test pictures: accuracy {signed(gap)} "
        f"({between}; exact McNemar test over groups, p {p_value(compared.p)}): {known}."
    )


def _pair(compared: metrics.McNemar) -> Row:
    return {
        "only_first": compared.only_first,
        "only_second": compared.only_second,
        "p": round(compared.p, 6),
    }
