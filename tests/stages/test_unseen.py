"""Which feedback the gate may use: agreed on, and in nobody's training."""

from datetime import UTC, datetime

import numpy as np
import pytest

from pawtrait import champion, params, quarantine, sealed, unseen
from pawtrait.adapters import registry, succession, tracking
from pawtrait.adapters.store import database, feedback
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import images, manifest, scan
from pawtrait.dataset.labels import LABELS
from pawtrait.stages import freeze, gate

COLOURS = {"happy": (220, 180, 60), "sad": (60, 90, 200), "angry": (200, 60, 50), "other": (130, 130, 130)}


@pytest.fixture(autouse=True)
def _stores(workspace, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{workspace.root}/feedback.db")
    monkeypatch.setenv("PAWTRAIT_PICTURES", str(workspace.root / "inbox"))
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-12-01T03:00:00")
    opened = tracking.client()
    if opened.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        opened.delete_registered_model(registry.EXPRESSION.name)
    manifest.write(workspace.tables / "manifest.csv", [], manifest.Record)


def picture(mood, seed):
    """A PNG of the mood's colour under a pattern of its own, which no other picture resembles."""
    draw = np.random.default_rng(seed)
    blocks = np.kron(draw.normal(0, 40, (8, 8)), np.ones((16, 16)))[..., None]
    return images.encode_png((np.array(COLOURS[mood]) + blocks).clip(0, 255).astype(np.uint8))


def sent(mood, seed, day=20, month=11, reviewers=("ann", "bob"), consent=True, label=None):
    """A picture from a client, reviewed, called by its mood or by ``label``; gives its name."""
    label = label or mood
    when = datetime(2026, month, day, tzinfo=UTC)
    name = Pictures().put(picture(mood, seed))
    said = feedback.Said(
        id=f"f{seed}", time=when, picture=name, client=f"client {seed}", consent=consent, label=label
    )
    reviews = [
        feedback.Review(id=f"{who}{seed}", time=when, picture=name, reviewer=who, verdict=label)
        for who in reviewers
    ]
    with database.opened() as engine:
        feedback.add(engine, [said])
        feedback.add_reviews(engine, reviews)
    return name


def found(workspace):
    knobs = params.load()
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    table = workspace.tables / "manifest.csv"
    return {one.id: one.label for one in unseen.pictures(table, workspace.root / "data/feedback", policy)}


def trained_on(workspace, *pictures, label="sad"):
    """A manifest that holds these pictures; validation lets none in whose label is no mood."""
    records = [
        scan.look(
            data, f"train/{n}.png", label=label, published="train", source="feedback", largest_pixels=10**6
        )
        for n, data in enumerate(pictures)
    ]
    manifest.write(workspace.tables / "manifest.csv", records, manifest.Record)


def test_what_two_reviewers_agree_on_may_be_used(workspace):
    name = sent("sad", 1)
    assert found(workspace) == {name: "sad"}


def test_what_nobody_agreed_on_or_consented_to_may_not(workspace):
    sent("sad", 1, reviewers=("ann",))
    sent("happy", 2, consent=False)
    assert found(workspace) == {}


def test_a_snapshot_may_be_used_until_it_is_in_training(workspace):
    name = sent("angry", 3)
    freeze.run(
        month="2026-11", feedback=workspace.root / "data/feedback", manifest=workspace.tables / "manifest.csv"
    )
    assert found(workspace) == {name: "angry"}
    trained_on(workspace, picture("angry", 3))
    assert found(workspace) == {}


def test_what_waited_in_the_source_without_a_mood_is_in_no_training(workspace):
    trained_on(workspace, picture("angry", 3), label="to_label")
    name = sent("angry", 3)
    freeze.run(
        month="2026-11", feedback=workspace.root / "data/feedback", manifest=workspace.tables / "manifest.csv"
    )
    assert found(workspace) == {name: "angry"}


def test_of_a_snapshot_in_training_nothing_is_used_even_what_training_left_out(workspace):
    for seed in (4, 5):
        sent("angry", seed)
    freeze.run(
        month="2026-11", feedback=workspace.root / "data/feedback", manifest=workspace.tables / "manifest.csv"
    )
    trained_on(workspace, picture("angry", 4))
    assert found(workspace) == {}


def test_what_came_after_the_freeze_is_the_newest(workspace):
    sent("angry", 6)
    freeze.run(
        month="2026-11", feedback=workspace.root / "data/feedback", manifest=workspace.tables / "manifest.csv"
    )
    trained_on(workspace, picture("angry", 6))
    name = sent("other", 7, month=12, day=1)
    assert found(workspace) == {name: "other"}


def test_a_copy_of_a_training_picture_is_not_new(workspace):
    bright = images.encode_png(
        np.minimum(images.decode(picture("sad", 8), largest_pixels=10**6, name="") + 3, 255)
    )
    trained_on(workspace, bright)
    sent("sad", 8)
    assert found(workspace) == {}


def test_the_gate_hears_newer_feedback(workspace):
    """On the test split the challenger is better, what people sent since then it gets wrong throughout."""
    for name, skill in (("linear_probe", -1), ("cnn", 5)):
        folder = workspace.model(name, skill)
        with tracking.training(params.load(), name, []) as run:
            registry.log(run, folder)
        registry.register(sealed.check(folder)["model.onnx"], {"name": name}, name)
    succession.write_note("1", champion.NOTE)

    def judged():
        return gate.run(
            models=workspace.models,
            arrays=workspace.arrays,
            splits=workspace.tables / "splits.csv",
            out=workspace.reports / "verdict.json",
        )

    verdict = judged()
    assert verdict.outcome == "promote"
    assert "There is no reviewed feedback that neither model was trained on." in verdict.sentences
    for seed in range(12):
        mood = LABELS[seed % 4]
        sent(mood, 100 + seed, label=LABELS[(seed + 1) % 4])
    verdict = judged()
    assert verdict.figures["feedback_pictures"] == 12
    assert verdict.figures["feedback_challenger_macro_f1"] == 0.0
    said = "On reviewed feedback that neither model was trained on (12 pictures in 12 groups)"
    assert said in " ".join(verdict.sentences)
