"""The monitoring page: one file whatever there is to show, and names from outside stay names."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pawtrait.monitoring import charts, descriptors, drift, health, page, shown
from pawtrait.monitoring.drift import Policy, Side
from tests.rows import Asked

UNTIL = datetime(2026, 11, 4, tzinfo=UTC)
NASTY = "<script>alert(1)</script> $\\frac{1}$ \x07" + "long " * 40


def side(darker: float = 0.0, pictures: int = 30) -> Side:
    draw = np.random.default_rng(pictures)
    numbers = {
        "brightness": (draw.normal(120, 9, pictures) - darker).tolist(),
        "confidence": [0.5] * pictures,
    }
    looks = draw.normal(size=(pictures, descriptors.LENGTH)).astype(np.float32)
    return Side(numbers, looks, ["sad", "happy"] * (pictures // 2))


def rendered(
    days: Side,
    requests: list[Any],
    pictures: Any = None,
    level: float = 0.95,
    thumbs: Any = None,
    **changes: Any,
) -> str:
    reference = side()
    findings = drift.look(reference, days, Policy(0.05, 199, 20, 50, (1,)))
    truths = {one.picture: "happy" for one in requests if one.picture}
    thumbs = [one for one in requests if one.kind == "stylize"] if thumbs is None else thumbs
    known = {
        "since": UNTIL - timedelta(days=1), "until": UNTIL, "opinions": UNTIL - timedelta(days=30),
        "model": "pet-expression 3 (cnn)", "alarms": [], "notes": ["A note."], "rate": 0.05,
        "findings": findings, "reference": reference, "days": days, "feedback": 4,
        "health": health.assess(requests, requests, truths, thumbs, ("pet-expression", "3"), level),
    }  # fmt: skip
    return page.render(page.Look(**{**known, **changes}), pictures or {}, level)


def text(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


@pytest.fixture(scope="module")
def quiet() -> str:
    return rendered(side(pictures=0), [])


def test_a_day_without_anything_is_a_page(quiet):
    said = text(quiet)
    assert "No alarm" in said and "Nobody asked." in said
    assert "not compared, 0 in these days, fewer than 20" in said
    assert "nan" not in said.lower()


def test_the_page_asks_nothing_of_the_network(quiet):
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", quiet) == []


def test_an_alarm_is_the_first_thing_it_says():
    html = rendered(side(darker=40), [], alarms=["drift of brightness: it is dark"])
    assert text(html).index("1 alarm") < text(html).index("drift of brightness: it is dark")
    assert html.count('<span class="crown">drift</span>') >= 1


def test_the_rate_of_false_alarms_is_told_with_what_it_takes_for_granted(quiet):
    said = "one look in 20 raises one all the same where each picture is another pet’s"
    assert said in text(quiet)


def test_charts_are_drawn_where_both_sides_have_values():
    assert rendered(side(), []).count("<svg role") == 3  # brightness, confidence, answers
    assert rendered(side(pictures=0), []).count("<svg role") == 0


def test_the_classes_of_sizes_are_told_apart():
    figure = charts.sizes(health.use([]).sizes)
    figure.draw_without_rendering()
    names = [name.get_window_extent() for name in figure.axes[0].get_xticklabels()]
    assert len(names) == 7
    assert all(one.x1 + 2 < other.x0 for one, other in pairwise(names))


def test_names_from_outside_are_shown_as_text():
    asked = [
        Asked(kind="stylize", method="nst", style=NASTY),
        Asked(outcome="error", error_kind=NASTY),
    ]
    html = rendered(side(), asked)
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_long_list_of_styles_hides_no_method():
    """One method's 40 styles, four of them with two votes, come before the only one of another."""
    asked = [Asked(kind="stylize", method="fast", style=f"s{n:02d}") for n in [*range(40), *range(36, 40)]]
    asked.append(Asked(kind="stylize", method="nst", style="ink"))
    rows = health.thumbs_up(asked, 0.95)
    shown = [(row.method, row.style) for row in page.most_voted(rows, 6)]
    assert shown == [("fast", ""), *(("fast", f"s{n}") for n in range(36, 40)), ("nst", "")]
    assert len(page.most_voted(rows, 1)) == 2
    assert "its styles below it; 13 more with fewer votes are not shown" in text(rendered(side(), asked))


def test_the_chart_of_thumbs_leaves_no_method_out(monkeypatch):
    asked = [Asked(kind="stylize", method="fast", style=f"s{n:02d}") for n in range(40)]
    asked.append(Asked(kind="stylize", method="nst", style="ink"))
    drawn, draw = [], page.charts.thumbs
    monkeypatch.setattr(page.charts, "thumbs", lambda rows: drawn.extend(rows) or draw(rows))
    rendered(side(), asked)
    assert {row.method for row in drawn if not row.style} == {"fast", "nst"}
    assert len(drawn) == page.MOST_THUMBS


def portraits(html: str) -> str:
    (section,) = re.findall(r'<section id="portraits">.*?</section>', html, re.DOTALL)
    return section


def test_portraits_that_nobody_gave_a_thumb_for_are_a_table_too():
    asked = [Asked(kind="stylize", method="cyclegan"), Asked(kind="stylize", method="nst", style="ink")]
    section = portraits(rendered(side(), asked, thumbs=[]))
    assert "<svg" not in section
    assert "No thumb for a portrait since 2026-10-05." in text(section)
    (body,) = re.findall(r"<tbody>(.*?)</tbody>", section, re.DOTALL)
    assert {text(row) for row in body.split("</tr>")} >= {"– cyclegan 1", "ink nst 1"}


@pytest.mark.parametrize("thumbs", [[], [Asked(kind="stylize", method="nst", style="ink")]])
def test_where_nobody_had_a_portrait_painted_the_table_says_so(thumbs):
    section = portraits(rendered(side(), [], thumbs=thumbs))
    assert "nobody had one painted" in text(section)
    assert ("<svg" in section) == bool(thumbs)


def test_wrong_answers_are_shown_with_their_pictures():
    asked = [
        Asked(picture="a", label="sad", confidence=0.91),
        Asked(picture="gone", label="sad", confidence=0.9),
    ]
    html = rendered(side(), asked, {"a": np.full((400, 200, 3), 99, np.uint8)})
    assert html.count("data:image/jpeg") == 1
    assert 'width="90" height="180"' in html
    assert "happy, not sad 91 % sure" in text(html).replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def test_the_level_of_the_intervals_is_told_as_it_is():
    html = rendered(side(), [Asked(picture="a", label="sad", confidence=0.9)], level=0.995)
    assert "with 99.5\N{NO-BREAK SPACE}% intervals (Wilson)" in html


def test_a_forgotten_picture_leaves_the_page_and_the_others_stay(tmp_path):
    gone, stays = "a" * 64, "b" * 64
    asked = [Asked(picture=one, label="sad", confidence=0.9) for one in (gone, stays)]
    pixels = np.full((40, 20, 3), 99, np.uint8)
    for name, pictures in (("2026-11-02", [gone, stays]), ("2026-11-03", [stays])):
        html = rendered(side(), asked, dict.fromkeys(pictures, pixels))
        (tmp_path / f"{name}.html").write_text(html, encoding="utf-8")
    before = (tmp_path / "2026-11-03.html").read_bytes()
    shown.forget(tmp_path, {gone})
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == [before, before]


def test_the_same_day_gives_the_same_bytes():
    assert rendered(side(), [Asked()]) == rendered(side(), [Asked()])
