"""The chart of the champions: what the ledger says is what is drawn."""

import pytest

from pawtrait.evaluation import drawing, months
from pawtrait.evaluation.months import Row


def gate(champion, challenger):
    """The gate's figures, intervals of 0.1 either way."""
    both = {"champion": champion, "challenger": challenger}
    ends = {"": 0.0, "_low": -0.1, "_high": 0.1}
    return {f"{who}_macro_f1{end}": value + by for who, value in both.items() for end, by in ends.items()}


YEAR = [
    Row("2026-01", "promoted", "2", "2", "1", gate(0.5, 0.6)),
    Row("2026-02", "kept", "3", "2", "2", gate(0.6, 0.4)),
    Row("2026-03", "skipped", None, "2", "2", {}),
    Row("2026-03-09", "rolled-back", "1", "1", "2", {}),
]


@pytest.fixture
def axes():
    return months.champions(YEAR).axes[0]


def test_the_line_goes_through_the_champions(axes):
    """Promoted with 0.6, kept, unchanged in a month without news, and back to the first one's 0.5."""
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[0, 0.6], [1, 0.6], [2, 0.6], [3, 0.5]]


def test_each_decision_is_named_and_each_point_carries_its_version(axes):
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "2026-01\npromoted",
        "2026-02\nkept",
        "2026-03\nskipped",
        "2026-03-09\nrolled-back",
    ]
    assert [text.get_text() for text in axes.texts] == ["v2", "v2", "v3", "v2", "v1"]


def test_a_challenger_that_failed_stands_beside_and_hollow(axes):
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["champion", "challenger that did not take over"]
    hollow = [points for points in axes.collections if points.get_label() == labels[1]]
    assert [points.get_offsets().tolist() for points in hollow] == [[[1.25, 0.4]]]


def test_a_ledger_without_figures_is_drawn_without_points():
    figure = months.champions([Row("2026-01", "failed", None, "1", "1", {})])
    assert figure.axes[0].get_legend() is None and not figure.axes[0].lines


def test_an_empty_ledger_says_so(tmp_path):
    figure = months.champions([])
    assert [text.get_text() for text in figure.axes[0].texts] == ["The ledger is empty."]
    drawing.save(figure, tmp_path / "empty.png")


def test_the_same_ledger_gives_the_same_bytes(tmp_path):
    for name in "ab":
        drawing.save(months.champions(YEAR), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
