"""The gate on a real registry: who meets whom, on which pictures, and what makes the figures doubtful."""

import json

import numpy as np
import pytest
import yaml
from sklearn.metrics import f1_score

from pawtrait import champion, params, sealed
from pawtrait.adapters import registry, succession, tracking
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData, BadRegistry
from pawtrait.stages import gate, promote, rollback


@pytest.fixture(autouse=True)
def _empty(workspace, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{workspace.root}/feedback.db")
    opened = tracking.client()
    if opened.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        opened.delete_registered_model(registry.EXPRESSION.name)


def registered(workspace, name, skill, **tags):
    """A model, logged and registered as the flow does."""
    folder = workspace.model(name, skill)
    digest = sealed.check(folder)["model.onnx"]
    if tracking.of_model(digest) is None:  # the session's store has most of them: logging takes half a second
        with tracking.training(params.load(), name, []) as run:
            registry.log(run, folder)
    return str(registry.register(digest, {"name": name} | tags, f"the {name}").version)


@pytest.fixture
def two(workspace):
    """A champion that hardly knows a mood's colour, and a challenger that does."""
    registered(workspace, "linear_probe", -1, **{"dvc.outs.data/raw": "old"})
    registered(workspace, "cnn", 5, **{"dvc.outs.data/raw": "new"})
    succession.write_note("1", champion.NOTE)
    return workspace


def judged(workspace, version=None):
    return gate.run(
        models=workspace.models,
        arrays=workspace.arrays,
        splits=workspace.tables / "splits.csv",
        out=workspace.reports / "verdict.json",
        version=version,
    )


def of_clocks(figures):
    return {key: value for key, value in figures.items() if key.endswith("latency_ms")}


def knob(workspace, **changes):
    path = workspace.root / "params.yaml"
    knobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    knobs["gate"] |= changes
    path.write_text(yaml.safe_dump(knobs), encoding="utf-8")


def test_a_better_challenger_passes_and_may_then_be_promoted(two):
    verdict = judged(two)
    assert (verdict.outcome, verdict.objections) == ("promote", ())
    described = registry.numbered("2").description
    assert "**Gate:** let through against version 1 on 20" in described
    assert "romoted" not in described  # a person may still say no
    promote.run(version="2", actor="ann", reasons=["the gate"], note=champion.NOTE)
    assert champion.read().version == "2"


def test_the_verdict_is_written_to_the_file_and_to_the_version(two):
    verdict = judged(two)
    written = json.loads((two.reports / "verdict.json").read_text(encoding="utf-8"))
    assert (written["champion"], written["challenger"], written["outcome"]) == ("1", "2", "promote")
    assert written["figures"] == verdict.figures
    tags = registry.numbered("2").tags
    assert (tags["gate.verdict"], tags["gate.champion"]) == ("promote", "1")
    assert float(tags["gate.difference"]) == pytest.approx(verdict.figures["difference"], abs=1e-6)


def test_figures_are_those_of_both_models_run_anew(two):
    """By hand: the macro-F1 of both nets on the test array."""
    figures = judged(two).figures
    rows = [row for row in manifest.read(two.tables / "splits.csv", manifest.Placed) if row.split == "test"]
    assert figures["pictures"] == len(rows) == 32
    assert figures["groups"] == len({row.group for row in rows})
    truths = [LABELS.index(row.label) for row in rows]
    for who, version in (("champion", "1"), ("challenger", "2")):
        answers = Classifier.load(registry.folder_of(registry.numbered(version))).probabilities(
            np.load(two.arrays / "test.npy")
        )
        by_hand = f1_score(truths, answers.argmax(1), labels=range(4), average="macro", zero_division=0)
        assert figures[f"{who}_macro_f1"] == pytest.approx(by_hand, abs=1e-6)
    assert figures["challenger_macro_f1"] > 0.7 > 0.4 > figures["champion_macro_f1"]
    assert 0 < figures["challenger_latency_ms"] < 100
    network = registry.folder_of(registry.numbered("2")) / "model.onnx"
    assert figures["challenger_size_mb"] == network.stat().st_size / 1e6


def test_a_budget_of_params_yaml_counts(two):
    knob(two, size_mb=1e-6)
    verdict = judged(two)
    assert verdict.outcome == "keep"
    assert "over the budget of 0.0 MB" in verdict.objections[0]


def test_a_source_that_was_only_dated_anew_is_no_new_data(workspace):
    """The folder of pictures says when its source was made; the table of splits says what is in it."""
    same = {"dvc.outs.data/tables/splits.csv": "same"}
    registered(workspace, "linear_probe", 4.0, **same, **{"dvc.outs.data/raw": "old"})
    registered(workspace, "cnn", 4.00001, **same, **{"dvc.outs.data/raw": "new"})
    knob(workspace, promote_if_not_worse=True)
    assert "it knows no new data" in judged(workspace).objections[0]


def test_not_worse_needs_new_data(workspace):
    """The same net under two names, the second with a harmless change: nothing to tell them apart."""
    registered(workspace, "linear_probe", 4.0, **{"dvc.outs.data/raw": "same"})
    registered(workspace, "cnn", 4.00001, **{"dvc.outs.data/raw": "same"})
    knob(workspace, promote_if_not_worse=True)
    assert "it knows no new data" in judged(workspace).objections[0]
    registry.annotate("2", {"dvc.outs.data/raw": "more"})
    assert judged(workspace).outcome == "promote"
    knob(workspace, promote_if_not_worse=False)
    assert judged(workspace).outcome == "keep"
    knob(workspace, promote_if_not_worse=True)
    promote.run(version="2", actor="ann", reasons=["a test"], note=champion.NOTE, force=True)
    assert "it knows no new data" in judged(workspace, version="1").objections[0]  # it came before


def test_the_best_champion_so_far_is_the_mark_unless_it_was_taken_back(workspace):
    """Three nets that answer alike; the first is noted as better, on the same test split."""
    knob(workspace, promote_if_not_worse=True)
    for name, skill in (("linear_probe", 4.0), ("cnn", 4.00001), ("deep_cnn", 4.00002)):
        registered(workspace, name, skill, **{"dvc.outs.data/raw": name})
    moved = {"actor": "ann", "reasons": ["a test"], "note": champion.NOTE}
    judged(workspace, version="2")
    promote.run(version="2", force=True, **moved)
    reached = judged(workspace, version="3").figures["champion_macro_f1"]
    registry.annotate("1", {"test_macro_f1": reached + 0.03})
    assert "behind version 1, the best champion so far" in judged(workspace, version="3").objections[0]
    knob(workspace, tolerance=0.04)
    assert judged(workspace, version="3").outcome == "promote"
    knob(workspace, tolerance=0.02)
    rollback.run(version="1", **moved)
    rollback.run(version="2", **moved)
    assert judged(workspace, version="3").outcome == "promote"


def test_another_test_splits_figures_are_no_mark(workspace):
    knob(workspace, promote_if_not_worse=True)
    for name, skill in (("linear_probe", 4.0), ("cnn", 4.00001), ("deep_cnn", 4.00002)):
        registered(workspace, name, skill, **{"dvc.outs.data/raw": name})
    promote.run(version="2", actor="ann", reasons=["a test"], note=champion.NOTE, force=True)
    registry.annotate("1", {"test_macro_f1": 0.99, "test.sha256": "0" * 64})
    assert judged(workspace, version="3").outcome == "promote"


def test_a_figure_that_does_not_come_out_again_is_no_mark(workspace):
    """As after a demo: its champion's figure is of drawings, and it meets a version on own pictures."""
    knob(workspace, promote_if_not_worse=True)
    for name, skill in (("linear_probe", 4.0), ("cnn", 4.00001), ("deep_cnn", 4.00002)):
        registered(workspace, name, skill, **{"dvc.outs.data/raw": name})
    registry.annotate("1", {"test_macro_f1": 0.99})
    assert judged(workspace, version="2").outcome == "ask"
    assert "test.sha256" not in registry.numbered("1").tags
    assert "test.sha256" in registry.numbered("2").tags
    promote.run(version="2", actor="ann", reasons=["our own pictures"], note=champion.NOTE, force=True)
    assert judged(workspace, version="3").outcome == "promote"


def test_the_description_tells_the_newest_verdict_and_the_decisions_after_it(two):
    knob(two, latency_ms=1e-6)
    judged(two)
    kept = registry.numbered("2").description
    assert kept.startswith("the cnn\n\n**Gate:** kept against version 1 on 20")
    assert "over the budget of 0.0 ms" in kept
    knob(two, latency_ms=1000.0)
    judged(two)
    promote.run(version="2", actor="ann", reasons=["the gate"], note=champion.NOTE)
    judged(two, version="2")
    told = registry.numbered("2").description
    assert told.count("**Gate:**") == 1 and "the challenger is ahead in" not in told
    assert told.index("**Gate:** kept against version 2") < told.index("**Decisions**\n\n- 20")


def test_both_remember_the_test_split(two):
    judged(two)
    digests = {registry.numbered(one).tags["test.sha256"] for one in ("1", "2")}
    assert len(digests) == 1 and len(digests.pop()) == 64


def test_a_changed_test_split_asks_a_person(two):
    judged(two)
    rows = manifest.read(two.tables / "splits.csv", manifest.Placed)
    first = next(row for row in rows if row.split == "test")
    changed = manifest.Placed("f" * 64, first.path, first.label, first.group, "test")
    manifest.write(
        two.tables / "splits.csv", [changed if row == first else row for row in rows], manifest.Placed
    )
    before = registry.numbered("1").tags["test.sha256"]
    verdict = judged(two)
    assert verdict.outcome == "ask"
    assert verdict.objections[0].startswith(
        "the test split has changed since version 1 was compared on it (SHA-256 of ids and labels"
        f" {before[:12]}, now "
    )
    assert registry.numbered("1").tags["test.sha256"] == before
    with pytest.raises(BadRegistry, match="verdict on version 2 is `ask`"):
        promote.run(version="2", actor="ann", reasons=["the gate"], note=champion.NOTE)


def test_figures_that_do_not_come_out_again_ask_a_person(two):
    registry.annotate("1", {"test_macro_f1": 0.9})
    verdict = judged(two)
    assert verdict.outcome == "ask"
    assert "version 1 was registered with a test macro-F1 of 0.900 and has 0." in verdict.objections[0]


def test_a_model_for_another_size_answers_for_the_same_pictures_at_its_own(two):
    """As after a change of pictures.side, where the arrays have the challenger's size or the champion's."""
    known = judged(two).figures
    pixels = np.load(two.arrays / "test.npy")
    np.save(two.arrays / "test.npy", pixels[:, ::2, ::2])
    with pytest.raises(BadData, match="data/raw is not here, to see the test pictures at 32 px"):
        judged(two)
    placed = manifest.read(two.tables / "splits.csv", manifest.Placed)
    for one, picture in zip([one for one in placed if one.split == "test"], pixels, strict=True):
        there = two.root / "data/raw" / one.path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(images.encode_png(picture))
    verdict = judged(two)
    assert (verdict.outcome, verdict.objections) == ("promote", ())
    assert {**verdict.figures, **of_clocks(known)} == known


def test_a_challenger_with_a_changed_byte_is_kept_out(two):
    model = registry.folder_of(registry.numbered("2")) / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole + b"\0")
    try:
        verdict = judged(two)
    finally:
        model.write_bytes(whole)  # other tests' challenger too
    assert verdict.outcome == "keep"
    assert "not the file that was sealed" in verdict.objections[0]
    assert registry.numbered("2").tags["gate.verdict"] == "keep"


def test_a_champion_that_cannot_be_run_asks_a_person(two):
    model = registry.folder_of(registry.numbered("1")) / "model.onnx"
    kept = model.rename(two.root / "kept")
    try:
        verdict = judged(two)
    finally:
        kept.rename(model)  # other tests' champion too
    assert verdict.outcome == "ask"
    assert verdict.objections[0].startswith("the champion cannot be run: ")


def test_a_training_that_was_not_registered_yet_is_noticed(two):
    folder = two.models / "cnn"
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\0")
    sealed.seal(folder)
    verdict = judged(two)
    assert verdict.outcome == "ask"
    assert verdict.objections == (
        f"{folder} was trained again since version 2; run `pawtrait register` first",
    )
    assert judged(two, version="2").outcome == "promote"


def test_the_champion_has_nothing_to_win(two):
    verdict = judged(two, version="1")
    assert (verdict.outcome, verdict.objections) == ("keep", ("version 1 is the champion already",))


def test_without_champion_or_challenger_the_way_is_named(workspace):
    with pytest.raises(BadRegistry, match="no champion to compare with; run `pawtrait register`"):
        judged(workspace)
    registered(workspace, "cnn", 5)
    with pytest.raises(BadRegistry, match="there is no challenger; run `pawtrait register`"):
        judged(workspace)
    with pytest.raises(BadRegistry, match="pet-expression/8 is not in the registry"):
        judged(workspace, version="8")


def test_without_test_pictures_the_way_is_named(two):
    (two.arrays / "test.npy").unlink()
    with pytest.raises(BadData, match=r"test.npy is missing or damaged; run `dvc repro augment`"):
        judged(two)


def test_the_gate_finishes_a_promotion_that_was_cut_off(two, monkeypatch):
    judged(two)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "crown", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promote.run(version="2", actor="ann", reasons=["the gate"], note=champion.NOTE)
    assert judged(two, version="1").figures["champion_macro_f1"] > 0.7
    assert registry.aliases() == {"champion": "2", "previous": "1"}


def test_a_version_that_somebody_took_back_needs_a_person_to_come_again(two):
    assert judged(two).outcome == "promote"
    moved = {"actor": "bob", "note": champion.NOTE}
    promote.run(version="2", reasons=["better"], month=None, force=True, **moved)
    rollback.run(reasons=["cats look angry"], **moved)
    verdict = judged(two, "2")
    assert verdict.outcome == "ask"
    assert any(
        "version 2 was taken back by bob on" in one and "cats look angry" in one for one in verdict.objections
    )
    rollback.run(reasons=["they do not"], **moved)  # there and back: it is champion again
    rollback.run(reasons=["one more look"], version="1", **moved)
    promote.run(version="2", reasons=["sure"], month=None, force=True, **moved)
    promote.run(version="1", reasons=["a test"], month=None, force=True, **moved)
    assert judged(two, "2").outcome == "promote"  # followed by another is not taken back
