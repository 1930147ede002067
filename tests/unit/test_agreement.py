"""Cohen's kappa by hand."""

import pytest

from pawtrait.evaluation import agreement


def test_kappa_as_worked_out_by_hand():
    """Of 10 pictures 7 are called alike. Each says sad of 5 or 6 and happy of 5 or 4: by chance 0.5 agree.

    ann: 5 sad, 5 happy; ben: 6 sad, 4 happy. Chance: 0.5·0.6 + 0.5·0.4 = 0.5. Kappa: (0.7 − 0.5) / (1 − 0.5).
    """
    pairs = [("sad", "sad")] * 4 + [("sad", "happy")] + [("happy", "sad")] * 2 + [("happy", "happy")] * 3
    assert agreement.kappa(pairs) == pytest.approx(0.4)


def test_full_agreement_on_two_moods_is_one_and_full_disagreement_is_below_zero():
    assert agreement.kappa([("sad", "sad"), ("happy", "happy")]) == 1
    assert agreement.kappa([("sad", "happy"), ("happy", "sad")]) == -1


def test_agreement_as_chance_would_have_it_is_zero_and_not_just_below():
    """Two of five alike, and by chance ⅖·⅗ + ⅖·⅖ = ⅖; scikit-learn's figure was told as -0.00."""
    pairs = [("sad", "sad"), ("sad", "other"), ("happy", "sad"), ("other", "sad"), ("other", "other")]
    assert agreement.kappa(pairs) == 0 and f"{agreement.kappa(pairs):.2f}" == "0.00"


@pytest.mark.parametrize("pairs", [[], [("sad", "sad")] * 5])
def test_kappa_is_not_defined_where_nothing_could_differ(pairs):
    assert agreement.kappa(pairs) is None


def test_reviewers_are_compared_on_what_both_have_seen():
    verdicts = {
        "ben": {"1": "sad", "2": "happy", "3": "sad"},
        "ann": {"1": "sad", "2": "sad", "9": "other"},
        "cem": {"8": "sad"},
    }
    [one] = agreement.between(verdicts)
    assert (one.first, one.second, one.pictures, one.same) == ("ann", "ben", 2, 1)


def test_low_agreement_is_told_once_there_are_enough_pictures():
    few = agreement.Agreement("ann", "ben", 4, 2, 0.1)
    many = agreement.Agreement("ann", "ben", 40, 20, 0.1)
    sole = agreement.Agreement("ann", "ben", 40, 40, None)
    said = list(agreement.sentences([few, many, sole], least=0.4))
    assert said[0] == "ann and ben agree on 2 of 4 pictures, kappa 0.10"
    assert said[1].startswith("ann and ben agree on 20 of 40 pictures, kappa 0.10; under 0.40, so talk")
    assert said[2].endswith("kappa is not defined")
