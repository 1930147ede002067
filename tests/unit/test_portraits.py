"""What portraits are worth and cost, from rows made by hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pawtrait.dataset import manifest
from pawtrait.evaluation import portraits
from pawtrait.evaluation.portraits import FIGURES, Judged, Portrait, Price

METHODS = ("nst", "fast", "cyclegan")


def judged(method: str = "nst", path: str = "a.png", **changes: Any) -> Judged:
    known: dict[str, Any] = {
        **{"path": path, "method": method, "photo": "test/sad/1.jpg", "painting": "red"},
        **{"content": 0.5, "style": 0.5, "weighted": 5.5, "identity": 0.5, "mood": "sad", "mood_kept": True},
        **{"seconds": 1.0, "core_seconds": 2.0, "megabytes": 10.0},
    }
    return Judged(**known | changes)


ROWS = [
    judged("nst", "n1", style=0.1, content=0.8, weighted=1.8, identity=0.6, seconds=8.0),
    judged("nst", "n2", style=0.3, content=0.6, weighted=3.6, identity=0.8, seconds=12.0, mood_kept=False),
    judged("cyclegan", "c1", style=0.9, content=0.2, weighted=9.2, identity=0.9, seconds=0.1),
    judged(
        "cyclegan", "c1", style=0.7, content=0.2, weighted=7.2, identity=0.9, seconds=0.1, painting="blue"
    ),
]


def summary() -> dict[str, dict[str, Any]]:
    return {row["method"]: row for row in portraits.summary(ROWS, METHODS)}


def test_a_row_has_the_mean_the_least_and_the_most_of_its_portraits():
    row = summary()["nst"]
    assert (row["style"], row["style_low"], row["style_high"]) == pytest.approx((0.2, 0.1, 0.3))
    assert (row["seconds"], row["seconds_low"], row["seconds_high"]) == (10, 8, 12)


def test_moods_kept_are_a_share():
    assert (summary()["nst"]["mood_kept"], summary()["cyclegan"]["mood_kept"]) == (0.5, 1)


def test_a_portrait_judged_against_several_paintings_counts_once():
    assert {name: row["portraits"] for name, row in summary().items()} == {"nst": 2, "cyclegan": 1}
    assert summary()["cyclegan"]["style"] == pytest.approx(0.8)


def test_methods_stand_in_the_order_of_the_parameters_without_those_that_painted_nothing():
    assert [row["method"] for row in portraits.summary(ROWS, METHODS)] == ["nst", "cyclegan"]
    assert [row["method"] for row in portraits.summary(ROWS, METHODS[::-1])] == ["cyclegan", "nst"]
    assert portraits.summary([], METHODS) == []


def test_every_figure_has_its_column_and_can_be_written_as_json():
    (row,) = portraits.summary(ROWS[:1], METHODS)
    columns = {f"{key}{end}" for key in FIGURES for end in ("", "_low", "_high")}
    assert set(row) == {"method", "portraits"} | columns
    assert json.loads(json.dumps(row)) == row


def test_large_figures_are_written_without_an_exponent():
    (row,) = portraits.summary([judged(megabytes=1234.5, content=0.000123)], METHODS)
    assert "| 1,234 (1,234–1,234) |" in portraits.markdown([row])
    assert "| 0.000123 (0.000123–0.000123) |" in portraits.markdown([row])


@pytest.mark.parametrize(
    ("key", "leader"),
    [
        ("content", "cyclegan"),
        ("style", "nst"),
        ("weighted", "nst"),
        ("identity", "cyclegan"),
        ("mood_kept", "cyclegan"),
        ("seconds", "cyclegan"),
    ],
)
def test_who_leads_in_a_figure_has_the_least_of_a_loss_and_the_most_of_a_merit(key, leader):
    assert portraits.best(list(summary().values()), key)["method"] == leader


def test_the_sentences_say_what_the_table_says():
    assert portraits.sentences(portraits.summary(ROWS, METHODS)) == [
        "nst comes closest to the paintings (style loss 0.2); cyclegan keeps most of the photo (content loss"
        " 0.2).",
        "By the weighted sum of both, nst leads with 2.7.",
        "Identity is kept best by cyclegan: cosine 0.90 between the features of portrait and photo.",
        "cyclegan is the fastest with 0.1 s a portrait, nst the slowest with 10 s, 100 times as long.",
    ]


def test_who_cannot_be_told_apart_in_two_places_leads_together():
    alike = [judged("nst", "n", identity=0.9968), judged("fast", "f", identity=0.9965)]
    said = portraits.sentences(portraits.summary(alike, METHODS))[2]
    assert said.startswith("Identity is kept best by nst and fast: cosine 1.00 ")


def test_the_sentences_follow_the_figures():
    faster = [
        judged("nst", "n", style=0.9, seconds=0.5),
        judged("fast", "f", style=0.1, content=0.9, seconds=1.0),
    ]
    first, *_, last = portraits.sentences(portraits.summary(faster, METHODS))
    assert first.startswith("fast comes closest to the paintings (style loss 0.1); nst keeps most")
    assert last.startswith("nst is the fastest with 0.5 s a portrait, fast the slowest with 1 s, 2 times")


def test_a_method_that_leads_in_style_and_content_is_named_once():
    both = [judged("nst", "n", style=0.1, content=0.1), judged("fast", "f", style=0.9, content=0.9)]
    first = portraits.sentences(portraits.summary(both, METHODS))[0]
    assert first.startswith(
        "nst comes closest to the paintings (style loss 0.1); it also keeps most of the photo"
    )


def test_many_seconds_are_written_out():
    slow = [judged("nst", "n", seconds=340.0), judged("fast", "f", seconds=0.004)]
    last = portraits.sentences(portraits.summary(slow, METHODS))[-1]
    assert "the fastest with 0.004 s a portrait" in last and "the slowest with 340 s, 85000 times" in last


def test_one_method_alone_is_compared_with_nothing():
    assert portraits.sentences(portraits.summary(ROWS[:2], METHODS)) == []
    assert portraits.sentences([]) == []


def test_records_are_the_rows_rounded_for_a_report():
    (record,) = portraits.records([judged(style=0.123456789)])
    assert record == asdict(judged()) | {"style": 0.123457}
    assert json.loads(json.dumps(record)) == record


def test_portraits_and_prices_come_back_from_their_tables(tmp_path: Path):
    shown = [
        Portrait("b.png", "nst", "test/sad/1.jpg", "sad", "red", 30, 40),
        Portrait("a.png", "cyclegan", "test/sad/1.jpg", "sad", "", 30, 40),
    ]
    manifest.write(tmp_path / "portraits.csv", shown, Portrait)
    assert manifest.read(tmp_path / "portraits.csv", Portrait) == shown[::-1]
    prices = [Price("a.png", 0.25, 0.5, 12.5)]
    manifest.write(tmp_path / "prices.csv", prices, Price)
    assert manifest.read(tmp_path / "prices.csv", Price) == prices


def test_the_kernel_distance_is_told_with_its_judge_and_its_error():
    facts = {"kid": 0.5, "kid_error": 0.1, "kid_photos": 2.0, "judged_by": "squeezenet (ImageNet)"}
    assert portraits.kid_sentence(facts).startswith(
        "KID on squeezenet (ImageNet) features, painted photos against paintings: 0.5 ± 0.1 (standard"
        " error), against 2 for the unpainted photos. "
    )
    assert portraits.kid_sentence(facts | {"kid": None}) == ""


def test_a_large_kernel_distance_is_told_without_an_exponent():
    """Its error has two digits that count, so that one of three is written out as well."""
    facts = {"kid": 1523.0, "kid_error": 428.2, "kid_photos": 999.6, "judged_by": "squeezenet (ImageNet)"}
    said = portraits.kid_sentence(facts)
    assert "1,523 ± 428 (standard error), against 1,000 for the unpainted photos." in said
