"""How the service fares, counted by hand."""

from dataclasses import dataclass

import pytest

from pawtrait.monitoring import health
from tests.rows import Asked


@dataclass(frozen=True)
class Thumb:
    method: str
    style: str
    thumbs: int


def assessed(*requests, truths=None, thumbs=(), champion=("pet-expression", "3")):
    return health.assess(requests, requests, truths or {}, thumbs, champion, 0.95)


def test_wilsons_interval():
    """8 of 10: the textbook's 0.490 to 0.943."""
    found = health.share(8, 10, 0.95)
    assert (found.share, found.interval.low, found.interval.high) == pytest.approx(
        (0.8, 0.4902, 0.9433), abs=1e-4
    )


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_none_and_all_of_ten_are_not_certain(hits, low, high):
    found = health.share(hits, 10, 0.95).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_of_nothing_there_is_no_share():
    assert health.share(0, 0, 0.95) == health.Share(0, 0, None, None)


@pytest.mark.parametrize(
    ("q", "expected"), [(0.5, 50.0), (0.95, 100.0), (0.9, 90.0), (0.91, 100.0), (0.01, 10.0)]
)
def test_a_quantile_is_a_value_that_was_seen(q, expected):
    values = [100.0, 10.0, 90.0, 20.0, 80.0, 30.0, 70.0, 40.0, 60.0, 50.0]
    assert health.quantile(values, q) == expected


def test_the_95th_of_a_hundred_is_the_95th():
    assert health.quantile(map(float, range(1, 101)), 0.95) == 95.0


def test_waiting_is_by_kind_and_of_what_went_well():
    requests = [Asked(latency_ms=ms) for ms in (10.0, 30.0, 20.0)]
    found = assessed(
        *requests, Asked(kind="stylize", latency_ms=900.0), Asked(outcome="error", latency_ms=9999.0)
    ).waiting
    assert [(row.kind, row.count, row.quantiles[0.5]) for row in found] == [
        ("predict", 3, 20.0),
        ("stylize", 1, 900.0),
    ]


def test_errors_are_counted_by_kind_of_all_requests():
    found = assessed(
        Asked(), Asked(outcome="error", error_kind="BadImage"), Asked(outcome="error", error_kind="BadImage"),
        Asked(outcome="error", error_kind="TimeoutError"),
    ).errors  # fmt: skip
    assert {kind: (one.hits, one.count) for kind, one in found.items()} == {
        "": (3, 4), "BadImage": (2, 4), "TimeoutError": (1, 4),
    }  # fmt: skip


def test_answers_are_held_against_confirmed_moods_alone():
    found = assessed(
        Asked(picture="a", label="happy", confidence=0.9),
        Asked(picture="b", label="sad", confidence=0.6),
        Asked(picture="c", label="sad", confidence=0.8),
        Asked(picture="unconfirmed", label="angry", confidence=0.99),
        truths={"a": "happy", "b": "other", "c": "other"},
    )
    assert (found.right.hits, found.right.count) == (1, 3)
    assert [(one.picture, one.confidence) for one in found.failures] == [("c", 0.8), ("b", 0.6)]
    assert found.confusions == [("other", "sad", 2)]
    assert (found.recalls["other"].hits, found.recalls["other"].count) == (0, 2)


def test_a_picture_that_was_asked_about_twice_counts_once_by_its_first_answer():
    """The second one may come from a model that was trained on it."""
    found = assessed(
        Asked(picture="a", label="sad"), Asked(picture="a", label="happy"), truths={"a": "happy"}
    )
    assert (found.right.hits, found.right.count) == (0, 1)


def test_answers_of_other_versions_and_other_models_are_left_out():
    asked = [
        Asked(picture="a", label="happy"),
        Asked(picture="b", label="sad", model_version="2"),
        Asked(picture="c", label="sad", model_name="pet-portrait"),
    ]
    truths = dict.fromkeys("abc", "happy")
    found = assessed(*asked, truths=truths)
    assert (found.right.hits, found.right.count, found.failures) == (1, 1, [])
    assert assessed(*asked, truths=truths, champion=None).right.count == 0


def test_a_picture_that_an_earlier_version_answered_first_is_left_out():
    """It may have been confirmed, and learned, before the champion answered it."""
    found = assessed(
        Asked(picture="a", label="sad", model_version="2"),
        Asked(picture="a", label="happy"),
        truths={"a": "happy"},
    )
    assert found.right.count == 0


def test_thumbs_are_by_method_and_by_style():
    said = [
        Thumb("nst", "waves", 1),
        Thumb("nst", "waves", -1),
        Thumb("nst", "ink", 1),
        Thumb("fast", "ink", -1),
        Thumb("cyclegan", "", 1),
    ]
    found = [(row.method, row.style, row.up.hits, row.up.count) for row in assessed(thumbs=said).thumbs]
    assert found == [
        ("cyclegan", "", 1, 1),
        ("fast", "", 0, 1),
        ("fast", "ink", 0, 1),
        ("nst", "", 2, 3),
        ("nst", "ink", 1, 1),
        ("nst", "waves", 1, 2),
    ]


def test_use_counts_labels_styles_hours_and_sizes():
    found = assessed(
        Asked(label="sad"), Asked(label="sad", width=100, height=128),
        Asked(kind="stylize", method="nst", style="ink", width=9000, height=10),
        Asked(outcome="error", error_kind="BadImage", width=None, height=None),
    ).use  # fmt: skip
    assert found.labels == {"happy": 0, "sad": 2, "angry": 0, "other": 0}
    assert found.portraits == {("nst", "ink"): 1}
    assert found.hours[20] == sum(found.hours) == 4
    assert {name: count for name, count in found.sizes.items() if count} == {
        "≤ 128": 1,
        "≤ 1024": 1,
        "> 4096": 1,
    }
