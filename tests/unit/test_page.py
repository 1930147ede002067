"""The tables, the page and the cards, from rows made by hand."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image
from rich.console import Console

from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed, Rejected
from pawtrait.evaluation import page, plots, tables
from pawtrait.evaluation.card import card, limits
from pawtrait.evaluation.metrics import ClassScore
from tests.unit.conftest import contrast

FACTS = {
    "net": "cnn",
    "start": "random start",
    "parameters": 8_129_732,
    "side": 128,
    "labels": ["happy", "sad", "angry", "other"],
    "input_range": "native",
    "epochs": 6,
    "capped": True,
    "parity": 2e-7,
    "trained_on": 296,
    "recipe": {"learning_rate": 0.001, "augment": False},
}


def row(name="cnn", champion=True, **more):
    figures = {}
    for split in ("valid", "test"):
        for key, value in (("accuracy", 0.53), ("macro_f1", 0.48), ("log_loss", 1.1)):
            ends = {"": value, "_low": value - 0.16, "_high": value + 0.15}
            figures |= {f"{split}_{key}{end}": one for end, one in ends.items()}
        figures |= {f"{split}_weighted_f1": 0.5, f"{split}_calibration_error": 0.05}
        figures[f"{split}_calibration_luck"] = 0.14
        figures |= {f"{split}_pictures": 38, f"{split}_groups": 37}
    return {"rank": 1, "name": name, "champion": champion, **FACTS, "net": name, **figures, **more}


def model(**more):
    lines = [ClassScore("test", label, 0.5, 0.36, 0.42, 11) for label in FACTS["labels"]]
    lines[3] = ClassScore("test", "other", 0.2, 0.17, 0.18, 6)
    facts = {**FACTS, **{key: value for key, value in more.items() if key in FACTS}}
    return page.Model(row(**more), facts, lines, [], "cards/cnn.html")


def data(sources=("demo",), rejected=(), warnings=()):
    placed = [
        Placed(f"{split}{label}", f"{split}/{label}", label, f"{split}{label}", split)
        for split in ("train", "valid", "test")
        for label in FACTS["labels"]
    ]
    return page.data_of(placed, sources, rejected, warnings)


def report(rows, level=0.95, **about):
    pairs = [
        {"first": rows[0]["name"], "second": other["name"], "only_first": 5, "only_second": 1, "p": 0.21875}
        for other in rows[1:]
    ]
    sentences = ["cnn is the champion.", *(f"cnn against {other['name']}." for other in rows[1:])]
    validated = [pair | {"only_first": 2, "only_second": 0, "p": 0.5} for pair in pairs]
    tests = {"mcnemar": {"pairs": pairs}, "mcnemar_valid": {"pairs": validated}}
    verdict = {"rows": rows, "sentences": sentences, **tests}
    return page.report(
        verdict, data(**about), [model(name=one["name"], champion=one["champion"]) for one in rows], level
    )


class Outline(HTMLParser):
    """Collects what a check of the page needs, and that tags close in the order they open."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "use", "rect", "ellipse"})

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.addresses = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append((tag, known))
        self.ids += [known["id"]] if "id" in known else []
        self.addresses += [known[key] for key in ("src", "href", "xlink:href") if key in known]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


ROWS = [row(), row("deep_cnn", champion=False)]


def test_markdown_marks_the_champion_and_gives_every_figure_its_interval():
    first = tables.markdown(ROWS).splitlines()[2]
    assert first.startswith("| **cnn** 👑 | random start | 8,129,732 | 0.48 (0.32–0.63) |")


def test_markdown_is_a_rectangle():
    lines = tables.markdown([*ROWS, row("more", champion=False, folds_accuracy=0.46)]).splitlines()
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert len(lines) == 5


def test_random_folds_never_stand_without_their_sentence():
    shown = tables.markdown([row(folds_accuracy=0.46, picture_folds_accuracy=0.91)])
    assert "0.46 | 0.91" in shown
    assert "copies of one picture fall into training and test fold" in shown
    assert "copies of one picture" not in tables.markdown(ROWS)


def test_the_table_says_plainly_when_the_floor_won():
    rows = [row("linear_probe"), row("cnn", champion=False)]
    assert "The floor won: no network beat the linear probe on validation." in tables.markdown(rows)
    assert "The floor won" in report(rows)
    assert "The floor won" not in tables.markdown(ROWS)


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v2_whole_augmented_lr3e-4"])
def test_the_terminal_table_fits_80_columns(name):
    console = Console(width=80, file=io.StringIO())
    long = row(name, champion=False, start="features: ImageNet", folds_accuracy=0.4)
    console.print(tables.console([row(), long | {"folds_accuracy_low": 0.3, "folds_accuracy_high": 0.5}]))
    shown = console.file.getvalue()
    assert all(
        word in shown for word in ("👑", "mobilenet_v2", "features: ImageNet", "8,129,732", "0.30–0.50")
    )


def test_the_page_fetches_nothing():
    outline = Outline(report(ROWS))
    outside = [one for one in outline.addresses if not one.startswith(("#", "data:", "cards/"))]
    assert outside == []
    assert "url(http" not in report(ROWS)


def test_the_page_is_well_formed_with_unique_ids_and_links_that_lead_somewhere():
    outline = Outline(report(ROWS))
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    anchors = {one[1:] for one in outline.addresses if one.startswith("#")}
    assert anchors <= set(outline.ids)


def test_every_picture_and_column_has_words_for_a_screen_reader():
    tags = Outline(report(ROWS)).tags
    assert all(known.get("alt") for tag, known in tags if tag == "img")
    assert all(known.get("aria-label") or known.get("aria-hidden") for tag, known in tags if tag == "svg")
    assert all(known.get("scope") for tag, known in tags if tag == "th")
    assert ("html", {"lang": "en"}) in tags


def test_the_accent_stands_out_from_its_tint_by_day_and_by_night():
    pairs = re.findall(r"--accent: (#\w{6}); --tint: (#\w{6});", report(ROWS))
    assert len(pairs) == 2
    assert all(contrast(accent, tint) >= 4.5 for accent, tint in pairs)


def test_rejected_pictures_stand_with_their_reasons_and_names_are_escaped():
    bad = Rejected("id", "happy/<script>alert(1)</script>.jpg", "happy", "validate", "40x36 px is too small")
    shown = report(ROWS, rejected=[bad], warnings=["12 <pictures> are blurred; run `dvc repro`"])
    assert "40x36 px is too small" in shown
    assert "12 &lt;pictures&gt; are blurred; run <code>dvc repro</code>" in shown
    assert "<script>alert" not in shown


def test_mcnemar_is_read_from_either_side():
    cells = re.findall(r"0\.219<small>(\d : \d)</small>", report(ROWS))
    assert cells == ["5 : 1", "1 : 5"]


def test_the_models_are_tested_on_validation_too_which_is_said_to_flatter_the_champion():
    shown = report(ROWS)
    assert re.findall(r"0\.500<small>(\d : \d)</small>", shown) == ["2 : 0", "0 : 2"]
    assert "37 groups of validation pictures; they chose the champion" in shown


def test_one_model_alone_makes_a_page_too():
    assert "There is no other model to compare with." in report([row()])


def test_a_photo_is_embedded_small_enough_for_a_phone(tmp_path):
    Image.new("RGBA", (3000, 1500), "red").save(tmp_path / "sheet.png")
    made = page.photo(tmp_path / "sheet.png", "a red sheet", "red")
    assert made.src.startswith("data:image/jpeg;base64,")
    assert len(made.src) < 40_000


def test_every_picture_lies_in_a_roll_and_tells_how_wide_it_is_meant(tmp_path):
    """On a phone it rolls sideways instead of shrinking until nobody can read it."""
    Image.new("RGB", (1400, 300), "red").save(tmp_path / "gradcam.png")
    sheet = page.photo(tmp_path / "gradcam.png", "heat maps", "red")
    chart = page.drawn(plots.class_pies({"train": {"happy": 1}}), "pies", "moods")
    verdict = {"rows": [row()], "sentences": ["cnn is the champion."]}
    verdict |= {"mcnemar": {"pairs": []}, "mcnemar_valid": {"pairs": []}}
    shown = page.report(verdict, data(), [replace(model(), pictures=[chart, sheet])], 0.95)
    rolls = re.findall(r'<figure.*?>\s*<div class="roll" style="--own:(\d+)px">', shown)
    assert len(rolls) == shown.count("<figure") == shown.count("<figcaption")
    assert rolls[-2:] == ["163", "1400"] and int(min(rolls)) > 0
    assert re.search(r"max-width: 40rem\) { \.roll > \* { min-width: calc\(var\(--own\)", shown)


def test_the_card_has_the_sections_of_mitchell_et_al():
    shown = card(model(), data(), "ab" * 32, 0.95)
    titles = re.findall(r"<h2>(.*?)</h2>", shown)
    assert titles == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Training and evaluation data",
        "Quantitative analyses",
        "Ethical considerations",
        "Limits and recommendations",
    ]
    assert "ab" * 32 in shown
    assert Outline(shown).open == []


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (("demo",), "drawings by the same code"),
        (("demo", "kaggle"), "licence of the training pictures is not known"),
    ],
)
def test_the_card_tells_the_licence_of_the_data(sources, said):
    assert said in card(model(), data(sources), "ab", 0.95)


def test_each_headline_figure_stands_with_its_interval():
    """The card says so below; calibration error, which has none, stays in the table."""
    for shown in (report(ROWS), card(model(), data(), "ab", 0.95)):
        (tiles,) = re.findall(r'<dl class="tiles">(.*?)</dl>', shown, re.DOTALL)
        figures = re.findall(r"<dd>(.*?)</dd>", tiles)
        assert len(figures) == 4
        assert all(re.fullmatch(r"\d\.\d\d<small>\d\.\d\d–\d\.\d\d</small>", one) for one in figures)
        assert "macro-F1, validation" in tiles
    assert "calibration error</th><td>0.05</td><td>0.05</td>" in shown


def test_page_and_card_name_the_level_of_their_intervals():
    whole = report([row(), row("deep_cnn", champion=False)], level=0.9)
    for shown in (whole, card(model(), data(), "ab", 0.9)):
        assert "90\N{NO-BREAK SPACE}%" in shown and "95\N{NO-BREAK SPACE}%" not in shown
    assert "Shaded: p below 0.1," in whole


def test_a_mood_that_is_never_answered_has_no_share_of_right_answers():
    lines = [ClassScore("test", label, 0.0, 0.0, 0.0, 9) for label in LABELS]
    said = " ".join(limits(replace(model(), classes=lines)))
    assert "weakest on “happy”: of 9 such test pictures it finds none." in said


def test_the_card_warns_of_what_the_figures_show():
    said = " ".join(limits(model()))
    assert "38 pictures in 37 groups: an accuracy of 0.53 may as well be 0.37 or 0.68" in said
    assert "weakest on “other”: of 6 such test pictures it finds 17%" in said
    assert "started from random weights" in said
    assert "6 epochs" in said


def test_a_calibration_error_that_chance_makes_of_so_few_pictures_is_no_limit():
    assert "chances" not in " ".join(limits(model(test_calibration_error=0.23)))
    said = " ".join(limits(model(test_calibration_error=0.25)))
    assert "off by 0.25 on average, where chance alone makes 0.14 of so many pictures" in said


def test_figures_of_an_earlier_version_say_nothing_of_chance_and_make_a_page_and_a_card():
    old = model(test_calibration_error=0.5)
    del old.row["test_calibration_luck"]
    assert "probabilities are off" not in card(old, data(), "ab", 0.95)
    rows = [row()]
    del rows[0]["test_calibration_luck"]
    tests = {"mcnemar": {"pairs": []}, "mcnemar_valid": {"pairs": []}}
    verdict = {"rows": rows, "sentences": ["cnn is the champion."], **tests}
    assert "0.50 on test." in page.report(verdict, data(), [old], 0.95)
    assert "0.05 on test, where chance alone makes 0.14." in report(ROWS)


def test_a_model_at_chance_is_called_that():
    assert "may have learnt nothing" in " ".join(limits(model(test_accuracy_low=0.2)))
    assert "may have learnt nothing" not in " ".join(limits(model()))


def test_chance_is_what_the_commonest_mood_gives():
    supports = zip(LABELS, (20, 8, 6, 4), strict=True)
    lines = [ClassScore("test", label, 0.5, 0.5, 0.5, support) for label, support in supports]
    assert "reaches down to 0.53" in " ".join(limits(replace(model(test_accuracy_low=0.5), classes=lines)))


@pytest.mark.parametrize(("sources", "known"), [(["demo"], True), (["kaggle", "folder"], False)])
def test_a_card_names_the_animals_of_data_only_that_is_known_to_have_them(sources, known):
    assert ("hamsters" in card(model(), data(sources), "ab", 0.95)) == known


def test_many_copies_of_few_originals_are_few():
    said = " ".join(limits(model(test_pictures=152, test_groups=45)))
    assert "152 pictures in 45 groups" in said
