"""A look at a small store: drift is told from none, answers are held against reviews, nothing is invented."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from pawtrait import champion, cli_monitor, params, quarantine, samples
from pawtrait.adapters.store import database, feedback, forgetting, ledger, requests, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.requests import Request
from pawtrait.champion import Champion
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images, manifest, scan
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData, BadParams
from pawtrait.monitoring.drift import Policy
from pawtrait.stages import monitor

DAY = datetime(2026, 11, 3, tzinfo=UTC)
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)  # a mood each
LARGEST = 10**6


def jpeg(mood: int, draw: np.random.Generator, darker: float = 0.0) -> bytes:
    """A picture of a mood's colour with some light, some pattern."""
    noise = draw.normal(0, 30, (1, 1, 3)) + draw.normal(0, 12, (64, 64, 3))
    pixels = (COLOURS[mood] + noise - darker).clip(0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", pixels[..., ::-1])[1])


@pytest.fixture
def service(workspace, monkeypatch):
    """A data set on the disk, a champion that knows the colours, an empty store."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{workspace.root}/feedback.db")
    monkeypatch.setenv("PAWTRAIT_PICTURES", str(workspace.root / "inbox"))
    draw = np.random.default_rng(1)
    records, placed = [], []
    for split, size in {"train": 64, "valid": 32, "test": 32}.items():
        for index in range(size):
            place = workspace.root / "raw" / f"{split}/{LABELS[index % 4]}/{index:03d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(jpeg(index % 4, draw))
            path = place.relative_to(workspace.root / "raw").as_posix()
            seen = scan.look(
                place.read_bytes(),
                path,
                label=LABELS[index % 4],
                published=split,
                source="demo",
                largest_pixels=LARGEST,
            )
            records.append(seen)
            placed.append(manifest.Placed(seen.id, path, seen.label, seen.id[:16], split))
    manifest.write(workspace.tables / "manifest.csv", records, manifest.Record)
    manifest.write(workspace.tables / "splits.csv", placed, manifest.Placed)
    folder = workspace.model("cnn", skill=5)
    champion.write(Champion("pet-expression", "3", "cnn", "0" * 64, str(folder)))
    knobs = yaml.safe_load((workspace.root / "params.yaml").read_text(encoding="utf-8"))
    knobs["monitor"] |= {"least": 20, "permutations": 999, "most_errors": 0.2, "enough_feedback": 4}
    (workspace.root / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    return workspace


def ask(day: datetime, count: int, seed: int, *, darker: float = 0.0, version: str = "3", keep: bool = True):
    """So many requests on a day, as the service writes them down."""
    draw, kept, rows = np.random.default_rng(seed), Pictures(), []
    answering = Classifier.load(Path("data/models/cnn"))
    for index in range(count):
        data = jpeg(index % 4, draw, darker)
        seen = scan.look(data, "x", label="", published="", source="feedback", largest_pixels=LARGEST)
        if keep:
            kept.put(data)
        pixels = images.resize(images.decode(data, largest_pixels=LARGEST, name="x"), answering.side)
        said = answering.probabilities(pixels[None])[0]
        rows.append(
            Request(
                id=f"{day:%d}-{seed}-{index}", time=day + timedelta(minutes=index), kind="predict",
                outcome="ok",
                latency_ms=10.0 + index, picture=seen.id, width=seen.width, height=seen.height,
                brightness=seen.brightness, sharpness=seen.sharpness, model_name="pet-expression",
                model_version=version, label=LABELS[said.argmax()], confidence=float(said.max()),
            )
        )  # fmt: skip
    with database.opened() as engine:
        requests.add(engine, rows)
    return rows


def look(service, day: datetime = DAY, days: int = 1) -> monitor.Watch:
    return monitor.run(
        since=day,
        until=day + timedelta(days=days),
        splits=service.tables / "splits.csv",
        raw=service.root / "raw",
        out=service.root / "monitor",
    )


def found(seen: monitor.Watch, what: str):
    return next(one for one in seen.findings if one.what == what)


def test_an_empty_store_is_a_page_without_alarms(service):
    seen = look(service)
    assert seen.alarms == () and seen.page == service.root / "monitor/2026-11-03.html"
    assert all(one.p is None for one in seen.findings) and seen.figures["requests"] == 0


def test_a_day_like_the_training_data_raises_no_alarm(service):
    ask(DAY, 40, seed=2)
    seen = look(service)
    assert seen.drift == ()
    assert {what: found(seen, what).counts for what in ("brightness", "pictures", "labels")} == {
        "brightness": (64, 40), "pictures": (64, 40), "labels": (64, 40),
    }  # fmt: skip


def test_a_dark_day_does_and_the_json_beside_the_page_says_the_same(service):
    ask(DAY, 40, seed=2, darker=50)
    seen = look(service)
    assert found(seen, "brightness").drifted and found(seen, "pictures").drifted
    told = json.loads(seen.page.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["alarms"] == list(seen.alarms) and told["figures"] == dict(seen.figures)


def test_the_same_day_looked_at_again_is_the_same_to_the_byte(service):
    ask(DAY, 40, seed=2, darker=50)
    first = look(service).page.read_bytes()
    assert look(service).page.read_bytes() == first


def test_only_the_days_in_question_are_compared(service):
    ask(DAY, 40, seed=2)
    ask(DAY + timedelta(days=1), 40, seed=3, darker=50)
    assert not found(look(service), "brightness").drifted


def test_answers_of_other_models_are_not_compared(service):
    ask(DAY, 30, seed=2)
    ask(DAY, 15, seed=3, version="2")
    seen = look(service)
    assert found(seen, "labels").counts == (64, 30) and found(seen, "brightness").counts == (64, 45)
    assert "15 answers are not the champion’s" in seen.page.read_text(encoding="utf-8").replace("&#39;", "’")


def test_a_picture_asked_about_twice_counts_once(service):
    ask(DAY, 30, seed=2)
    ask(DAY + timedelta(hours=3), 1, seed=2)
    assert found(look(service), "brightness").counts == (64, 30)


def test_copies_in_the_training_split_count_once(service):
    path = service.tables / "splits.csv"
    placed = manifest.read(path, manifest.Placed)
    twins = [
        manifest.Placed(one.id, one.path, one.label, f"g{n // 2}", one.split) for n, one in enumerate(placed)
    ]
    manifest.write(path, twins, manifest.Placed)
    ask(DAY, 30, seed=2)
    assert found(look(service), "brightness").counts == (32, 30)


@pytest.mark.parametrize(
    ("decided", "learned"),
    [([("promoted", 40)], 60), ([("promoted", 20)], 64), ([("waiting", 40), ("promoted", 20)], 60)],
)
def test_what_feedback_brought_after_the_champion_was_trained_is_not_behind_it(service, decided, learned):
    """Its first decision may have made it wait for a person, while the pictures came that it never saw."""
    ask(DAY, 40, seed=2)
    known = manifest.read(service.tables / "manifest.csv", manifest.Record)
    training = [one.id for one in known if one.published == "train" or one.path.startswith("train/")][:4]
    when = DAY - timedelta(days=30)
    rows = [settling.Settled(one, "2026-10", when, "sad", "two say so") for one in training]
    with database.opened() as engine:
        settling.settle(engine, "2026-10", rows, when)
        for action, days in decided:
            about = {"actor": "ann", "champion": "3", "previous": None, "version": "3"}
            ledger.add(engine, ledger.Decision(time=DAY - timedelta(days=days), action=action, **about))
    assert found(look(service), "brightness").counts == (learned, 40)


def test_pictures_that_were_not_kept_are_not_looked_at(service):
    ask(DAY, 30, seed=2, keep=False)
    seen = look(service)
    assert found(seen, "pictures").p is None and found(seen, "brightness").p is not None


def test_without_a_champion_inputs_are_still_compared(service):
    champion.NOTE.unlink()
    ask(DAY, 30, seed=2)
    seen = look(service)
    assert found(seen, "labels").p is None and found(seen, "brightness").p is not None
    assert "there is no champion yet" in seen.page.read_text(encoding="utf-8")


def test_answers_are_held_against_what_two_reviewers_agree_on(service):
    rows = ask(DAY - timedelta(days=3), 8, seed=2)
    assert [row.label for row in rows[:4]] == list(LABELS)
    say(rows[:6], reviewed=["happy", "happy", "angry", "other"])  # the second was called sad
    seen = look(service)
    assert (seen.figures["right_count"], seen.figures["right"]) == (4, 0.75)
    assert seen.waiting == 4 and seen.enough
    assert "happy, not sad" in seen.page.read_text(encoding="utf-8")


def test_a_look_longer_than_opinion_days_says_since_when_its_answers_count(service):
    say(ask(DAY - timedelta(days=59), 8, seed=2), reviewed=["happy", "sad", "angry", "other"])
    seen = look(service, DAY - timedelta(days=59), days=60)
    assert seen.figures["right_count"] == 4
    assert "since 2026-09-05 were right" in seen.page.read_text(encoding="utf-8")


def test_what_the_champion_before_answered_is_not_told_as_this_ones(service):
    say(ask(DAY - timedelta(days=3), 8, seed=2, version="2"), reviewed=["angry"] * 6)
    seen = look(service)
    assert seen.figures["right_count"] == 0 and seen.waiting == 6
    page = seen.page.read_text(encoding="utf-8")
    assert "No answer of pet-expression 3 (cnn) since 2026-10-05 is confirmed" in page


def test_thumbs_of_whole_methods_are_among_the_figures(service):
    said = [
        feedback.StyleSaid(
            id=f"{method} {style}", time=DAY, client="c", method=method, style=style, strength=1.0,
            thumbs=thumbs, seconds=0.1,
        )
        for method, style, thumbs in (("nst", "ink", 1), ("nst", "waves", -1), ("cyclegan", "", 1))
    ]  # fmt: skip
    with database.opened() as engine:
        feedback.add_styles(engine, said)
    figures = look(service).figures
    assert (figures["thumbs_nst"], figures["thumbs_nst_count"]) == (0.5, 2)
    assert (figures["thumbs_cyclegan"], figures["thumbs_cyclegan_count"]) == (1.0, 1)


def test_a_look_takes_what_was_forgotten_out_of_earlier_pages(service):
    """A service in a container may not write them."""
    gone, page = "a" * 64, service.root / "monitor/2026-11-02.html"
    page.parent.mkdir()
    page.write_text(f'a day<figure id="{gone}">a picture</figure>', encoding="utf-8")
    with database.opened() as engine:
        forgetting.forget(engine, gone, [gone], [], DAY)
    look(service)
    assert page.read_text(encoding="utf-8") == "a day"


def test_many_errors_are_an_alarm(service):
    ask(DAY, 20, seed=2)
    errors = [
        Request(id=f"e{n}", time=DAY, kind="predict", outcome="error", error_kind="BadImage", latency_ms=1.0)
        for n in range(20)
    ]
    with database.opened() as engine:
        requests.add(engine, errors)
    seen = look(service)
    assert [alarm.partition(":")[0] for alarm in seen.alarms] == ["errors"] and seen.drift == ()


def test_more_pictures_than_wanted_are_drawn_from(service, monkeypatch):
    knobs = yaml.safe_load((service.root / "params.yaml").read_text(encoding="utf-8"))
    knobs["monitor"]["most"] = 25
    (service.root / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    ask(DAY, 40, seed=2)
    assert {one.counts for one in look(service).findings} == {(25, 25)}


def test_in_place_of_pictures_that_were_not_kept_late_ones_are_looked_at_like_early_ones(tmp_path):
    """Only the later half was kept; the spare ones are drawn from all, not from the oldest."""
    kept, draw, rows = Pictures(tmp_path / "inbox"), np.random.default_rng(4), []
    for index in range(96):
        data = jpeg(index % 4, draw)
        name = kept.put(data) if index >= 48 else sha256(data).hexdigest()
        when = DAY + timedelta(minutes=index)
        rows.append(
            Request(id=str(index), time=when, kind="predict", outcome="ok", latency_ms=1.0, picture=name)
        )
    policy = Policy(rate=0.01, permutations=99, least=2, most=8, seed=(1, 2))
    days, notes = samples.asked(rows, kept, None, policy=policy, largest_pixels=LARGEST)
    assert len(days.descriptors) == 8
    assert notes == ["96 different pictures were asked about; 8 of those kept were looked at."]


def test_a_picture_that_left_the_source_is_not_looked_for_where_the_splits_are_older(service):
    gone = "train/happy/000.png"
    (service.root / "raw" / gone).unlink()
    known = manifest.read(service.tables / "manifest.csv", manifest.Record)
    stay = [one for one in known if one.path != gone]
    manifest.write(service.tables / "manifest.csv", stay, manifest.Record)
    ask(DAY, 40, seed=2)
    assert found(look(service), "brightness").counts == (63, 40)


def test_a_missing_table_is_said(service):
    (service.tables / "manifest.csv").unlink()
    with pytest.raises(BadData, match=r"manifest\.csv is not here"):
        look(service)


def test_a_month_without_a_decision_is_missed_once_it_is_late(service):
    assert monitor.calendar(DAY) == []  # nobody has asked or retrained anything before
    ask(datetime(2026, 10, 20, tzinfo=UTC), 1, seed=9)
    assert "calendar of 2026-11: the retraining was due by 2026-11-03" in monitor.calendar(DAY)[0]
    with database.opened() as engine:
        decision = ledger.Decision(
            time=DAY, action="kept", actor="retrain", champion="3", previous=None, month="2026-11"
        )
        ledger.add(engine, decision)
    assert monitor.calendar(DAY) == []


def test_a_month_that_nothing_was_decided_about_is_told_in_the_next(service):
    with database.opened() as engine:
        for month in ("2026-09", "2026-11"):
            ledger.add(
                engine,
                ledger.Decision(
                    time=DAY, action="kept", actor="retrain", champion="3", previous=None, month=month
                ),
            )
    assert [said.partition(":")[0] for said in monitor.calendar(DAY)] == ["calendar of 2026-10"]


def say(rows: list[Request], reviewed: list[str]) -> None:
    """Users send these pictures; two reviewers see the same in the first of them."""
    said = [
        feedback.Said(
            id=f"s{n}", time=row.time, picture=row.picture or "", client=f"c{n}", consent=True, label="sad"
        )
        for n, row in enumerate(rows)
    ]
    verdicts = [
        feedback.Review(id=f"r{who}{n}", time=row.time, picture=row.picture or "", reviewer=who, verdict=mood)
        for who in ("ann", "bob")
        for n, (row, mood) in enumerate(zip(rows, reviewed, strict=False))
    ]
    with database.opened() as engine:
        feedback.add(engine, said)
        feedback.add_reviews(engine, verdicts)
        knobs = params.load()
        policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
        quarantine.look(engine, Pictures(), policy)


@pytest.mark.parametrize("until", [date(2026, 11, 4), date(9999, 12, 31)])
def test_a_day_still_to_come_has_no_page_that_would_be_the_newest_until_then(workspace, monkeypatch, until):
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-03T23:59:59")
    with pytest.raises(BadParams, match="in the future; expected 2026-11-03"):
        monitor.look(days=1, until=until, out=Path("pages"))
    assert not Path("pages").exists()


@pytest.mark.parametrize("days", [800_000, 10**10])
def test_more_days_than_there_were_are_refused(workspace, days):
    with pytest.raises(BadParams, match=f"{days} days reach back before the year 1"):
        monitor.look(days=days, until=None, out=Path("pages"))


def test_the_command_looks_at_whole_days_and_names_its_page(service, capsys, monkeypatch):
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-03T23:59:59")
    service.root.joinpath("data/raw").symlink_to(service.root / "raw")
    ask(DAY + timedelta(hours=23), 30, seed=2, darker=50)
    cli_monitor.monitor(days=1, until=datetime(2026, 11, 3), out=Path("pages"))
    said = capsys.readouterr().out
    assert "✗ drift of brightness: median" in said and "the page: pages/2026-11-03.html" in said
    assert "<title>Pawtrait on 2026-11-03</title>" in Path("pages/2026-11-03.html").read_text()


def test_answers_to_what_the_champion_learned_from_count_for_nothing(service):
    rows, when = ask(DAY - timedelta(days=3), 4, seed=2), DAY - timedelta(days=30)
    settled = [settling.Settled(row.picture, "2026-10", when, row.label, "two say so") for row in rows]
    with database.opened() as engine:
        settling.settle(engine, "2026-10", settled, when)
        assert look(service).figures["right_count"] == 4  # nobody has decided on version 3: it may know none
        about = {"actor": "ann", "champion": "3", "previous": None, "version": "3"}
        ledger.add(engine, ledger.Decision(time=DAY - timedelta(days=20), action="promoted", **about))
    assert look(service).figures["right_count"] == 0
