"""The gate's rules, on answers whose figures a person can work out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pawtrait import params
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation import evidence, gate
from pawtrait.evaluation.intervals import Bootstrap, Interval
from pawtrait.evaluation.predictions import Scored

HOW = Bootstrap(resamples=2000, level=0.95, seed=7)
GOOD = gate.Body(latency_ms=2.0, size_mb=9.0, parity=1e-7)
POLICY = params.Gate(
    promote_if_not_worse=False,
    tolerance=0.02,
    recall_margin=0.15,
    prove_recall=False,
    calibration_rise=0.1,
    latency_ms=100.0,
    latency_repeats=3,
    size_mb=300.0,
    parity=1e-4,
)


def answers(right, of=80, sure=0.7, groups=None):
    """A model that has ``right`` of the pictures right, moods in turn; a wrong answer names the next mood."""
    actual = np.arange(of) % 4
    said = np.where(np.isin(np.arange(of), right), actual, (actual + 1) % 4)
    p = np.full((of, 4), (1 - sure) / 3)
    p[np.arange(of), said] = sure
    names = np.array(groups if groups is not None else [f"g{n}" for n in range(of)])
    return Scored(actual, p, names)


def weighed(champion, challenger):
    return evidence.weigh(champion, challenger, HOW, 10)


def judged(test, feedback=None, body=GOOD, new_data=True, best=None, doubts=(), **policy):
    knobs = POLICY.model_copy(update=policy)
    return gate.judge(test, feedback, (GOOD, body), knobs, new_data=new_data, best=best, doubts=doubts)


@pytest.fixture(scope="module")
def better():
    """40 of 80 against 60 of 80, all of the 40 among them: p is 2·0.5^20."""
    return weighed(answers(range(40)), answers(range(60)))


@pytest.fixture(scope="module")
def slightly():
    """Four more right of 80, four others wrong instead of right: a hair's breadth and no evidence."""
    return weighed(answers(range(50)), answers(range(4, 55)))


@pytest.fixture(scope="module")
def same():
    return weighed(answers(range(40)), answers(range(40)))


def test_figures_are_those_worked_out_by_hand(better):
    """Half of each mood right, the other half called the next mood: recall, precision and F1 are all 0.5."""
    assert better.macro_f1.champion == pytest.approx(0.5)
    assert better.macro_f1.challenger == pytest.approx(0.75)
    assert (better.compared.only_first, better.compared.only_second) == (20, 0)
    assert better.compared.p == pytest.approx(2 * 0.5**20)
    assert better.recalls["sad"].champion == 0.5
    assert better.recalls["sad"].challenger == 0.75
    assert better.calibration == pytest.approx((0.2, 0.05))  # 0.7 sure, right on 0.5 and 0.75


def test_the_level_of_an_interval_is_told_as_it_is():
    assert "99.5% interval" in gate._pair(evidence.Pair(0.5, 0.6, Interval(0.02, 0.18)), 0.995)


def test_the_interval_of_the_difference_is_paired(better):
    """A gain on 20 of 80 pictures has a standard error of √(0.25·0.75/80) = 0.048, unpaired it were 0.074."""
    half = (better.macro_f1.span.high - better.macro_f1.span.low) / 2
    assert half == pytest.approx(1.96 * math.sqrt(0.25 * 0.75 / 80), rel=0.1)
    assert better.macro_f1.span.low < 0.25 < better.macro_f1.span.high


def test_copies_of_a_picture_count_once():
    """The same answers in 20 groups of four: the interval is twice as wide as over 80 groups."""
    by_four = [f"g{n // 4}" for n in range(80)]
    alone = weighed(answers(range(40)), answers(range(60)))
    copies = weighed(answers(range(40), groups=by_four), answers(range(60), groups=by_four))
    width = [one.macro_f1.span.high - one.macro_f1.span.low for one in (alone, copies)]
    assert width[1] / width[0] == pytest.approx(2, rel=0.15)
    assert (copies.pictures, copies.groups) == (80, 20)
    assert (copies.compared.only_first, copies.compared.only_second) == (5, 0)  # 20 pictures, a vote a group


def test_copies_of_one_picture_are_no_proof_that_a_model_is_worse():
    """The champion alone has six copies of one picture right, where McNemar's p over pictures is 0.031."""
    one = [f"g{max(n, 5)}" for n in range(80)]
    found = weighed(answers(range(40), groups=one), answers(range(6, 40), groups=one))
    assert (found.compared.only_first, found.compared.only_second) == (0, 1)
    assert not found.worse


def test_worse_in_so_many_groups_is_enough_however_wide_the_interval():
    """One picture with its five copies gained and eight pictures lost: exact p 0.039."""
    groups = [f"g{max(n, 5)}" for n in range(80)]
    champion, challenger = range(6, 60), [*range(6), *range(14, 60)]
    lost = weighed(answers(champion, groups=groups), answers(challenger, groups=groups))
    assert (lost.compared.only_first, lost.compared.only_second) == (1, 8)
    assert lost.macro_f1.span.low < 0 < lost.macro_f1.span.high
    assert lost.worse and not lost.better


def test_a_challenger_ahead_in_macro_f1_is_not_called_worse():
    """Twelve copies of one picture gained and eight pictures lost."""
    groups = [f"g{max(n, 11)}" for n in range(80)]
    champion, challenger = range(12, 60), [*range(12), *range(20, 60)]
    found = weighed(answers(champion, groups=groups), answers(challenger, groups=groups))
    assert found.compared.p < 0.05 and found.macro_f1.difference > 0
    assert not found.worse


def test_a_perfect_model_is_as_unsure_at_the_gate_as_in_the_report():
    found = weighed(answers(range(38), of=38), answers([], of=38))
    assert found.own[0].low == pytest.approx(0.907, abs=5e-4)  # 0.025^(1/38)
    assert found.own[1] == Interval(0, 0)


def test_the_smallest_difference_is_half_the_interval():
    """Half of 0.30; with power 0.8 it widens by (1.960 + 0.842) / 1.960 = 1.43."""
    found = evidence.smallest(Interval(-0.05, 0.25), groups=80, level=0.95)
    assert found.shown == pytest.approx(0.15)
    assert found.reliable == pytest.approx(0.15 * (1.959964 + 0.841621) / 1.959964)


def test_the_exact_test_needs_six_groups_one_way():
    """2·0.5⁶ = 0.031 is under 0.05 and 2·0.5⁵ = 0.0625 is not; at 99 % it takes 8: 2·0.5⁸ = 0.0078."""
    nothing = Interval(0.0, 0.0)
    assert evidence.smallest(nothing, groups=38, level=0.95).groups == 6
    assert evidence.smallest(nothing, groups=38, level=0.95).shown == pytest.approx(6 / 38)
    assert evidence.smallest(nothing, groups=38, level=0.99).groups == 8


def test_a_level_at_which_k_groups_give_just_its_p_takes_one_more():
    """At 75 % the test asks for p < 0.25, and 2·0.5³ is 0.25."""
    assert evidence.smallest(Interval(0.0, 0.0), groups=10, level=0.75).groups == 4


def test_a_difference_that_is_called_reliable_is_found_about_four_times_in_five():
    """Of 300 pictures a challenger truly gains 16 % and loses 8 %: about what is called reliable."""
    draw = np.random.default_rng(1)
    found, said = [], []
    for _ in range(60):
        u = draw.random(300)
        champion, challenger = u < 0.5, (u >= 0.08) & (u < 0.66)
        both = (answers(np.flatnonzero(right), of=300) for right in (champion, challenger))
        one = evidence.weigh(*both, Bootstrap(resamples=400, level=0.95, seed=7), bins=10)
        found.append(one.better)
        said.append(one.smallest.reliable)
    assert np.mean(said) == pytest.approx(0.08, abs=0.005)
    assert 0.65 < np.mean(found) < 0.95


def test_a_better_challenger_is_promoted(better):
    verdict = judged(better)
    assert verdict.outcome == "promote"
    assert verdict.objections == ()
    assert verdict.sentences[-1] == "Let through: better by +0.25 macro-F1, and more than chance."


def test_a_worse_one_is_kept_out_with_numbers():
    verdict = judged(weighed(answers(range(60)), answers(range(40))), promote_if_not_worse=True)
    assert verdict.outcome == "keep"
    assert verdict.objections[0].startswith(
        "the challenger is worse on the test split: macro-F1 0.75 → 0.50 (−0.25, 95% interval −0.3"
    )


def test_on_too_little_evidence_the_champion_stays(slightly):
    verdict = judged(slightly)
    assert verdict.outcome == "keep"
    assert verdict.objections[0].startswith(
        "too little evidence that the challenger is better: macro-F1 0.62 →"
    )
    assert verdict.sentences[-1] == "The champion stays."


def test_a_month_with_new_data_promotes_what_is_not_worse(slightly):
    assert judged(slightly, promote_if_not_worse=True).outcome == "promote"


def test_without_new_data_not_worse_is_not_enough(slightly):
    verdict = judged(slightly, promote_if_not_worse=True, new_data=False)
    assert verdict.outcome == "keep"
    assert "it knows no new data" in verdict.objections[0]


def test_not_worse_ends_at_the_tolerance():
    """Three pictures fewer of 80 are 0.04 less, under no suspicion by statistics, and over 0.02."""
    behind = weighed(answers(range(43)), answers(range(40)))
    assert not behind.worse
    verdict = judged(behind, promote_if_not_worse=True)
    assert verdict.outcome == "keep"
    assert verdict.objections[0].startswith("not shown better, and over 0.02 behind")
    assert judged(behind, promote_if_not_worse=True, tolerance=0.05).outcome == "promote"


def test_the_same_answers_are_no_evidence(same):
    assert judged(same).outcome == "keep"
    assert same.smallest.shown == pytest.approx(6 / 80)


def test_a_gain_by_the_interval_alone_is_not_enough():
    """Five pictures gained and none lost: the interval lies above 0, the exact p is 0.0625."""
    five = weighed(answers(range(40)), answers(range(45)))
    assert five.macro_f1.span.low > 0
    assert five.compared.p == 0.0625
    assert not five.better


def test_a_mood_that_falls_by_more_than_the_margin_stops_a_better_model():
    """Of 20 happy pictures the champion has 10 right, the challenger 6; it has all others right."""
    happy = [n for n in range(80) if n % 4 == 0]
    challenger = answers([n for n in range(80) if n % 4] + happy[:6])
    verdict = judged(weighed(answers(range(40)), challenger))
    assert verdict.outcome == "keep"
    assert verdict.objections == (
        "recall of happy on 20 test pictures falls from 0.50 to 0.30, more than the 0.15 allowed",
    )
    assert judged(weighed(answers(range(40)), challenger), recall_margin=0.2).outcome == "promote"


def test_a_proof_of_recall_takes_more_pictures_than_a_test_split_has(better, slightly):
    """None of 20 pictures a mood fell, which leaves 1 - 0.025^(1/20) = 0.168 open."""
    assert better.recalls["sad"].span.low == pytest.approx(-0.168, abs=5e-4)
    assert judged(better, prove_recall=True, recall_margin=0.17).outcome == "promote"
    said = judged(better, prove_recall=True).objections
    assert "recall of sad on 20 test pictures may have fallen by 0.17" in " ".join(said)
    verdict = judged(slightly, prove_recall=True, promote_if_not_worse=True, recall_margin=0.05)
    assert verdict.outcome == "keep"
    assert "recall of happy on 20 test pictures may have fallen by" in verdict.objections[0]
    said = " ".join(judged(slightly, recall_margin=0.05).sentences)
    assert "a fall of over 0.05 cannot be ruled out for happy" in said


@pytest.mark.parametrize(
    ("lost", "won", "low"),
    [
        ([], [], -0.142),  # 1 - 0.025^(1/24)
        ([0], [], -0.211),  # the bound of Clopper and Pearson on one of 24, 0.042 seen
        ([0, 4], [92], -0.211),  # one more fell than rose
    ],
)
def test_one_lost_picture_does_not_rule_a_fall_out(lost, won, low):
    """Of 24 happy pictures 23 were right; the resamples of one that fell reach down to 3 of 24, 0.125."""
    before = [n for n in range(96) if n != 92]
    after = sorted({*before, *won} - {*lost})
    found = weighed(answers(before, of=96), answers(after, of=96))
    assert found.recalls["happy"].span.low == pytest.approx(low, abs=1e-3)


def test_a_mood_that_fell_altogether_leaves_nothing_open():
    assert weighed(answers(range(80)), answers([])).recalls["happy"].span == Interval(-1.0, -1.0)


def test_a_fall_is_ruled_out_only_by_the_exact_bound():
    one = weighed(answers(range(96), of=96), answers(range(1, 96), of=96))
    said = "; a fall of over 0.15 cannot be ruled out for happy."
    assert said in " ".join(judged(one).sentences)


@pytest.mark.parametrize(("best", "promoted"), [(None, 10), (gate.Former("4", 0.5), 1)])
def test_a_chain_of_not_worse_loses_the_tolerance_once(best, promoted):
    """From 40 right of 80 one less each month, 0.0125 of macro-F1: two of them are more than 0.02."""
    chain = [weighed(answers(range(n)), answers(range(n - 1))) for n in range(40, 30, -1)]
    verdicts = [judged(one, best=best, promote_if_not_worse=True) for one in chain]
    assert [one.outcome for one in verdicts] == ["promote"] * promoted + ["keep"] * (10 - promoted)


def test_the_best_champion_so_far_is_named(same):
    verdict = judged(same, best=gate.Former("4", 0.56), promote_if_not_worse=True)
    assert verdict.objections[0].startswith(
        "not shown better, and over 0.02 behind version 4, the best champion so far (macro-F1 0.56);"
        " against the champion macro-F1 0.50 → 0.50 (0.00, "
    )
    said = "The best champion so far was version 4, macro-F1 0.56 on the same test pictures"
    assert any(sentence.startswith(said) for sentence in verdict.sentences)
    assert "version 4" not in " ".join(judged(same, best=gate.Former("4", 0.49)).sentences)


def test_a_model_that_is_too_sure_of_itself_is_stopped():
    """0.99 sure and right on 0.75 is an error of 0.24, where the champion's is 0.2."""
    sure = weighed(answers(range(40)), answers(range(60), sure=0.99))
    assert judged(sure).outcome == "promote"
    verdict = judged(sure, calibration_rise=0.03)
    assert verdict.objections == (
        "calibration error 0.200 → 0.240 (0.041 → 0.009 by chance alone) rises by "
        "more than the 0.030 allowed beyond chance",
    )


def test_a_calibration_error_that_chance_alone_makes_stops_nobody():
    """0.6 sure and right on three of four is as honest as four pictures can show, and 0.15 off."""
    found = weighed(answers(range(4), of=4, sure=0.99), answers(range(3), of=4, sure=0.6))
    assert found.calibration == pytest.approx((0.01, 0.15))
    assert found.luck == pytest.approx((0.0397, 0.1954), abs=1e-4)  # √(2/π · 4 · p(1 − p)) / 4
    assert "calibration" not in " ".join(judged(found).objections)


def test_a_champions_lucky_calibration_is_not_held_against_the_challenger(better):
    """0.06 and 0.11 beyond chance, where 0.1 is allowed; the champion's 0.044 under it is chance as well."""
    fair = replace(better, calibration=(0.001, 0.165), luck=(0.045, 0.105))
    assert judged(fair).outcome == "promote"
    (said,) = judged(replace(fair, calibration=(0.001, 0.215))).objections
    assert said.startswith("calibration error 0.001 → 0.215 (0.045 → 0.105 by chance alone) rises by more")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gate.Body(120.0, 9.0, 1e-7), "a picture takes 120.0 ms on one thread, over the budget of 100.0 ms"),
        (gate.Body(2.0, 301.0, 1e-7), "model.onnx has 301.0 MB, over the budget of 300.0 MB"),
        (
            gate.Body(2.0, 9.0, 2e-3),
            "ONNX and Keras differ by 2.0e-03 in a probability, over the 1.0e-04 allowed",
        ),
        (
            gate.Body(2.0, 9.0, math.nan),
            "ONNX and Keras differ by nan in a probability, over the 1.0e-04 allowed",
        ),
    ],
)
def test_a_budget_stops_a_better_model(better, body, said):
    verdict = judged(better, body=body)
    assert (verdict.outcome, verdict.objections) == ("keep", (said,))


def test_feedback_can_stop_a_better_model(better):
    verdict = judged(better, feedback=weighed(answers(range(30), of=40), answers(range(10), of=40)))
    assert verdict.outcome == "keep"
    assert verdict.objections[0].startswith(
        "the challenger is worse on reviewed feedback: macro-F1 0.75 → 0.25"
    )


@pytest.mark.parametrize("of", [2, 5])
def test_a_handful_of_feedback_stops_nothing(better, of):
    """All wrong, where the champion has all right: of five the exact p is 0.0625."""
    few = weighed(answers(range(of), of=of), answers([], of=of))
    assert few.macro_f1.span.high < 0
    assert judged(better, feedback=few).outcome == "promote"


def test_feedback_cannot_promote(same):
    """People correct what the champion gets wrong, so any other model looks good there."""
    good = weighed(answers([], of=40), answers(range(40), of=40))
    assert judged(same, feedback=good).outcome == "keep"


def test_a_doubt_asks_a_person_and_an_objection_goes_before_it(better, same):
    asked = judged(better, doubts=["the test split has changed"])
    assert (asked.outcome, asked.objections) == ("ask", ("the test split has changed",))
    assert (
        judged(better, body=gate.Body(200.0, 9.0, 0.0), doubts=["the test split has changed"]).outcome
        == "keep"
    )


def test_a_doubt_is_asked_about_even_where_evidence_lacks(same):
    assert judged(same, doubts=["the test split has changed"]).objections == ("the test split has changed",)


def test_the_sentences_name_the_smallest_difference(slightly):
    said = " ".join(judged(slightly).sentences)
    assert "On the test split (80 pictures in 80 groups) the macro-F1 is 0.62 →" in said
    assert "or 6 groups that all favour one model, whichever is more" in said
    assert "would be found 80% of the time" in said


FEW = "So few groups can show no difference at all: the exact test needs 6 that all favour one model."


@pytest.mark.parametrize(
    ("of", "said", "figures"),
    [
        (2, FEW, set()),
        (5, FEW, set()),
        (6, "can show no difference below 1.00 (half", {"shown"}),  # 6 / 6, and 1.43 to be found often
        (8, "whichever is more); no difference would be found 80% of the time.", {"shown"}),
        (9, "a true difference of 0.95 would be found 80% of the time", {"shown", "reliable"}),
    ],
)
def test_no_difference_over_one_is_told_of_a_handful(same, of, said, figures):
    few = weighed(answers([], of=of), answers([], of=of))
    verdict = judged(same, feedback=few)
    assert said in " ".join(verdict.sentences)
    assert {key for key in ("shown", "reliable") if f"feedback_smallest_{key}" in verdict.figures} == figures


def test_figures_are_flat_numbers(better):
    figures = judged(better, feedback=better).figures
    assert figures["difference"] == pytest.approx(0.25)
    assert figures["feedback_only_challenger"] == 20
    assert figures["challenger_size_mb"] == 9.0
    assert all(isinstance(value, int | float) for value in figures.values())


def test_a_mood_that_is_absent_says_nothing():
    few = answers(range(4), of=8)
    without = Scored(few.actual % 2, few.probabilities, few.groups)
    assert set(weighed(without, without).recalls) == set(LABELS[:2])


def test_different_pictures_are_not_compared():
    with pytest.raises(BadData, match="scored on different pictures"):
        weighed(answers(range(40)), answers(range(40), groups=["other"] * 80))
