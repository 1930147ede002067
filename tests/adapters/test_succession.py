"""Promotion and rollback in a real registry with a real ledger, and killed at each of their writes."""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pawtrait import champion, params, sealed
from pawtrait.adapters import registry, succession, tracking
from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadModel, BadRegistry
from pawtrait.stages import chronicle, promote, rollback

ROOT = Path(__file__).parents[2]


class Killed(BaseException):
    """What stands for kill -9: nothing catches it."""


@pytest.fixture(autouse=True)
def _empty(client, tmp_path, monkeypatch):
    """A registry without pet-expression and a store of the test's own."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/feedback.db")
    if client.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        client.delete_registered_model(registry.EXPRESSION.name)


@pytest.fixture
def note(tmp_path):
    return tmp_path / "data/champion.json"


@pytest.fixture(scope="module")
def logged(store_folder, tmp_path_factory, coloured_models):
    """Three models that MLflow knows, by name; logging takes a second each, so once for all tests."""
    root = tmp_path_factory.mktemp("logged")
    digests = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store_folder}/mlflow.db")
        knobs = params.load(ROOT / "params.yaml").model_copy(update={"seed": 71})
        for number, name in enumerate(("cnn", "mobilenet_v2", "resnet50"), start=1):
            folder = coloured_models(root, name, 70.0 + number)
            with tracking.training(knobs, name, []) as run:
                registry.log(run, folder)
            digests[name] = sealed.check(folder)["model.onnx"]
    return digests


@pytest.fixture
def three(logged, note):
    """Versions 1, 2 and 3; 1 is champion, 3 is challenger."""
    for name, digest in logged.items():
        registry.register(digest, {"name": name}, f"the {name}")
    succession.write_note("1", note)
    return note


def passed(version, against="1"):
    now = datetime.now(UTC).isoformat()
    registry.annotate(version, {"gate.verdict": "promote", "gate.champion": against, "gate.time": now})


def promoted(version, note, **more):
    said = {"actor": "ann", "reasons": ["better"], "month": "2026-11", "figures": {"difference": 0.1}}
    promote.run(version=version, note=note, **(said | more))


def kept_out(version, champion, *reasons, action="kept"):
    """As a month writes it whose challenger the gate held back, or a person."""
    about = {"champion": champion, "previous": champion, "version": version}
    with database.opened() as engine:
        now = datetime.now(UTC)
        ledger.add(engine, Decision(time=now, action=action, actor="retrain", reasons=reasons, **about))


def decisions():
    with database.opened() as engine:
        return ledger.all(engine)


def state(note):
    """All that a move writes: aliases, tags, descriptions, note, ledger without times."""
    versions = registry.versions()
    tags = [{k: v for k, v in one.tags.items() if k != "decision.time"} for one in versions]
    told = [(d.action, d.champion, d.previous, d.version, d.actor, d.reasons) for d in decisions()]
    return registry.aliases(), tags, [one.description for one in versions], note.read_text(), told


def test_a_promotion_moves_aliases_note_and_ledger(three):
    passed("3")
    promoted("3", three)
    assert registry.aliases() == {"champion": "3", "previous": "1"}
    assert (champion.read(three).version, champion.read(three).model) == ("3", "resnet50")
    (written,) = decisions()
    assert (written.action, written.champion, written.previous, written.month) == (
        "promoted",
        "3",
        "1",
        "2026-11",
    )
    assert written.sha256 == champion.read(three).sha256


def test_both_versions_tell_what_happened(three):
    passed("3")
    promoted("3", three)
    new, old = registry.numbered("3"), registry.numbered("1")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert new.description == (
        f"the resnet50\n\n**Decisions**\n\n- {today}: promoted by ann in the month 2026-11: better"
    )
    assert old.description.endswith(f"- {today}: followed by version 3, promoted by ann in the month 2026-11")
    assert (new.tags["decision"], new.tags["decision.actor"], new.tags["month"]) == (
        "promoted",
        "ann",
        "2026-11",
    )


def test_a_champion_is_not_said_to_be_followed_by_what_was_kept_out(three):
    passed("3")
    promoted("3", three)
    kept_out("2", "3", "worse")
    passed("2", against="3")
    promoted("2", three)
    assert "kept by" not in (registry.numbered("3").description or "")
    assert "kept by retrain: worse" in (registry.numbered("2").description or "")


def test_a_rollback_brings_the_one_before_back_and_a_second_one_undoes_it(three):
    passed("3")
    promoted("3", three)
    rollback.run(actor="bob", reasons=["cats look angry"], note=three)
    assert registry.aliases() == {"champion": "1", "previous": "3"}
    assert champion.read(three).version == "1"
    rollback.run(actor="bob", reasons=[], note=three)
    assert registry.aliases() == {"champion": "3", "previous": "1"}
    assert [one.action for one in decisions()] == ["promoted", "rolled-back", "rolled-back"]


def test_a_rollback_by_a_clock_that_is_behind_comes_after_what_it_takes_back(three, monkeypatch):
    monkeypatch.setenv("PAWTRAIT_NOW", "2036-11-01T03:02:00")
    passed("3")
    promoted("3", three)
    monkeypatch.setenv("PAWTRAIT_NOW", "2036-11-01T03:01:00")
    rollback.run(actor="bob", reasons=["cats look angry"], note=three)
    succession.settle(three)
    assert registry.aliases() == {"champion": "1", "previous": "3"}
    assert [one.action for one in decisions()] == ["promoted", "rolled-back"]


def test_a_rollback_goes_to_any_version(three):
    passed("3")
    promoted("3", three)
    for _ in range(2):  # named, it may be repeated
        rollback.run(actor="bob", reasons=[], note=three, version="2")
        assert registry.aliases() == {"champion": "2", "previous": "3"}
        assert champion.read(three).model == "mobilenet_v2"
    assert [one.action for one in decisions()] == ["promoted", "rolled-back"]


def test_without_a_champion_before_a_rollback_asks_for_a_version(three):
    with pytest.raises(BadRegistry, match="no previous champion to go back to; name a version with --to"):
        rollback.run(actor="bob", reasons=[], note=three)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({}, r"the gate has not compared version 3 with champion 1; run `pawtrait gate --version 3`"),
        (
            {"gate.verdict": "promote", "gate.champion": "2", "gate.time": "2026-11-01T04:00:00Z"},
            "has not compared version",
        ),
        (
            {"gate.verdict": "promote", "gate.champion": "1"},
            "has not compared version",
        ),  # before it told times
        (
            {"gate.verdict": "keep", "gate.champion": "1", "gate.objections": "recall of sad falls"},
            "verdict on version 3 is `keep`: recall of sad falls",
        ),
        ({"gate.verdict": "ask", "gate.champion": "1"}, "--force --reason TEXT"),
    ],
)
def test_only_the_gate_opens_the_way(three, tags, said):
    registry.annotate("3", tags)
    before = state(three)
    with pytest.raises(BadRegistry, match=said):
        promoted("3", three)
    assert state(three) == before


def test_force_opens_it_with_a_reason_and_not_without(three):
    with pytest.raises(BadRegistry, match="needs a reason"):
        promoted("3", three, force=True, reasons=["  "])
    promoted("3", three, force=True, reasons=["the gate is asleep"])
    assert decisions()[0].reasons == ("the gate is asleep",)
    assert registry.aliases()["champion"] == "3"


@pytest.mark.parametrize("force", [True, False])
def test_who_was_judged_against_another_champion_than_there_is_now_does_not_take_over(three, force):
    """A rollback that somebody made while the month was being judged stands."""
    passed("3")
    with pytest.raises(BadRegistry, match="version 3 was judged against 2, but version 1 is champion now"):
        promoted("3", three, force=force, against="2")
    assert registry.aliases()["champion"] == "1" and decisions() == []
    promoted("3", three, force=force, against="1")
    assert registry.aliases()["champion"] == "3"


def test_what_was_taken_back_stays_so_though_the_gate_had_said_promote(three):
    passed("3")
    promoted("3", three)
    rollback.run(actor="bob", reasons=["cats look angry"], note=three)
    with pytest.raises(BadRegistry, match=r"3 was taken back by bob .*: cats look angry; to promote it"):
        promoted("3", three)
    assert registry.aliases()["champion"] == "1"
    promoted("3", three, force=True, reasons=["they do not"])
    assert registry.aliases()["champion"] == "3"


def test_a_persons_no_binds_until_the_gate_judges_anew(three):
    """The gate had let it through before: only a person's word came later."""
    passed("3")
    kept_out("3", "1", "Tim said no: I trust no Friday", "better by 0.10")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    said = f"3 was kept out on {today}: Tim said no: I trust no Friday; to promote it anyway: --force"
    with pytest.raises(BadRegistry, match=said):
        promoted("3", three)
    assert registry.aliases()["champion"] == "1"
    passed("3")
    promoted("3", three)
    assert registry.aliases()["champion"] == "3"


def test_a_month_that_a_person_approves_later_promotes_what_was_kept_out(three):
    passed("3")
    kept_out("3", "1", "nobody answered in time")
    promoted("3", three, force=True, against="1")  # as a month does
    assert registry.aliases()["champion"] == "3"


def test_a_month_that_ended_without_a_no_binds_nobody(three):
    passed("3")
    kept_out("3", "1", "a person has to decide", action="waiting")
    promoted("3", three)
    assert registry.aliases()["champion"] == "3"


def test_promoted_twice_is_promoted_once(three, capsys):
    passed("3")
    promoted("3", three)
    after = state(three)
    promoted("3", three)
    assert state(three) == after
    assert "version 3 is champion already" in capsys.readouterr().out


def test_a_version_that_is_not_there_changes_nothing(three):
    before = state(three)
    with pytest.raises(BadRegistry, match="pet-expression/9 is not in the registry"):
        promoted("9", three, force=True)
    assert state(three) == before


def test_a_version_whose_files_were_changed_is_not_promoted(three):
    network = registry.folder_of(registry.numbered("3")) / "model.onnx"
    whole = network.read_bytes()
    before = state(three)
    try:
        network.write_bytes(whole + b"\0")
        with pytest.raises(BadModel, match="not the file that was sealed"):
            promoted("3", three, force=True)
    finally:
        network.write_bytes(whole)  # other tests' too
    assert state(three) == before


def _dying_at(monkeypatch, step):
    """The process dies just before its n-th write, counted over registry, note and ledger."""
    count = 0

    def counted(function):
        def inside(*args, **kwargs):
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return function(*args, **kwargs)

        return inside

    for name in (
        "set_registered_model_alias",
        "delete_registered_model_alias",
        "set_model_version_tag",
        "update_model_version",
    ):
        monkeypatch.setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
    monkeypatch.setattr(champion, "write", counted(champion.write))
    monkeypatch.setattr(ledger, "add", counted(ledger.add))


WRITES = 11  # of a promotion: ledger, three aliases, two descriptions, four tags, note


def test_a_promotion_has_that_many_writes(three, monkeypatch):
    passed("3")
    _dying_at(monkeypatch, WRITES + 1)
    promoted("3", three)


@pytest.mark.parametrize("step", range(1, WRITES + 1))
def test_a_promotion_killed_at_any_write_is_finished_by_the_next_run(three, step):
    passed("3")
    with pytest.MonkeyPatch.context() as patch:
        _dying_at(patch, step)
        with pytest.raises(Killed):
            promoted("3", three)
    promoted("3", three)
    aliases, tags, _, _, told = state(three)
    assert aliases == {"champion": "3", "previous": "1"}
    assert champion.read(three).version == "3"
    assert told == [("promoted", "3", "1", "3", "ann", ("better",))]
    assert tags[2]["decision"] == "promoted"
    assert all("promoted by ann" in registry.numbered(one).description for one in ("1", "3"))


@pytest.mark.parametrize("step", [*range(1, 6), WRITES])
def test_a_promotion_of_the_challenger_killed_at_any_write_is_finished_by_the_same_words(three, step, capsys):
    """Which it is, the alias says, and that goes with the fourth write: all after it are alike then."""
    passed("3")
    with pytest.MonkeyPatch.context() as patch:
        _dying_at(patch, step)
        with pytest.raises(Killed):
            promoted(None, three)
    promoted(None, three)
    assert registry.aliases() == {"champion": "3", "previous": "1"}
    assert [one.action for one in decisions()] == ["promoted"]
    assert "version 3 is champion" in capsys.readouterr().out


BACK = 9  # of a rollback: ledger, two aliases, two descriptions, three tags, note


def test_a_rollback_has_that_many_writes(three, monkeypatch):
    passed("3")
    promoted("3", three)
    _dying_at(monkeypatch, BACK + 1)
    rollback.run(actor="bob", reasons=[], note=three)


@pytest.mark.parametrize("step", range(1, BACK + 1))
def test_a_rollback_killed_at_any_write_and_typed_again_goes_back_once(three, step, capsys):
    passed("3")
    promoted("3", three)
    with pytest.MonkeyPatch.context() as patch:
        _dying_at(patch, step)
        with pytest.raises(Killed):
            rollback.run(actor="bob", reasons=["cats look angry"], note=three)
    rollback.run(actor="bob", reasons=["cats look angry"], note=three)
    assert registry.aliases() == {"champion": "1", "previous": "3"}
    assert champion.read(three).version == "1"
    assert [one.action for one in decisions()] == ["promoted", "rolled-back"]
    if step > 1:  # else nothing was written, so that nothing was cut off
        said = "the rollback that was cut off is finished now; once more goes back to version 3"
        assert said in capsys.readouterr().out


def test_a_rollback_finishes_a_promotion_that_was_cut_off_before_it_goes_back(three):
    """The ledger says 3; the process died before anything else. Going back from there leads to 1."""
    passed("3")
    with pytest.MonkeyPatch.context() as patch:
        _dying_at(patch, 2)
        with pytest.raises(Killed):
            promoted("3", three)
    assert registry.aliases()["champion"] == "1"
    rollback.run(actor="bob", reasons=[], note=three)
    assert registry.aliases() == {"champion": "1", "previous": "3"}
    assert [one.action for one in decisions()] == ["promoted", "rolled-back"]


def test_what_is_settled_stays_untouched(three, monkeypatch):
    passed("3")
    promoted("3", three)
    _dying_at(monkeypatch, 1)
    succession.settle(three)


def test_a_lost_note_is_written_again(three):
    passed("3")
    promoted("3", three)
    three.unlink()
    succession.settle(three)
    assert champion.read(three).version == "3"


def test_the_ledger_of_another_registry_moves_nothing(three, caplog):
    """Somebody began anew with MLflow and kept the ledger: its version 3 was another model."""
    with database.opened() as engine:
        for version, digest in (("3", "f" * 64), ("7", None)):
            ledger.add(
                engine,
                Decision(
                    time=datetime.now(UTC),
                    action="promoted",
                    actor="ann",
                    champion=version,
                    previous="1",
                    sha256=digest,
                ),
            )
            succession.settle(three)
            assert registry.aliases()["champion"] == "1"
            assert f"version {version} of the ledger is not in this registry" in caplog.text


def test_the_champion_of_a_day(three, monkeypatch):
    registered = datetime.fromtimestamp(registry.numbered("1").creation_timestamp / 1000, UTC).date()
    assert chronicle.champion() == "pet-expression version 1 (cnn) is champion"
    assert chronicle.champion(registered) == f"pet-expression version 1 (cnn) was champion on {registered}"
    with pytest.raises(BadRegistry, match="on 2020-01-01 there was no champion yet"):
        chronicle.champion(date(2020, 1, 1))
    monkeypatch.setenv("PAWTRAIT_NOW", "2036-11-01T03:00:00")
    passed("3")
    promoted("3", three)
    assert "version 1 (cnn) was champion on 2036-10-31" in chronicle.champion(date(2036, 10, 31))
    assert "version 3 (resnet50) was champion on 2036-11-01" in chronicle.champion(date(2036, 11, 1))
    with pytest.raises(BadRegistry, match="on 2020-01-01 there was no champion yet: version 1, the first"):
        chronicle.champion(date(2020, 1, 1))


def test_before_its_first_move_the_ledger_names_the_version_that_it_began_with(three):
    day = datetime(2036, 11, 1, tzinfo=UTC)
    with database.opened() as engine:
        first = {"champion": "1", "previous": None, "version": "1"}
        ledger.add(engine, Decision(time=day, action="promoted", actor="register", **first))
    passed("3")
    promoted("3", three)
    assert "version 1 (cnn) was champion on 2036-10-31" in chronicle.champion(date(2036, 10, 31))


def test_a_process_that_is_really_killed_leaves_what_the_next_one_finishes(three, mlflow_store):
    """SIGKILL from within, between the ledger and the aliases."""
    passed("3")
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from pawtrait.adapters import registry\n"
        "from pawtrait.stages import promote\n"
        "registry.crown = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"promote.run(version='3', actor='ann', reasons=['better'], note=Path({str(three)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    assert registry.aliases()["champion"] == "1"
    succession.settle(three)
    assert registry.aliases()["champion"] == champion.read(three).version == "3"


def test_a_description_keeps_within_what_mlflow_holds(three):
    """PostgreSQL refuses more than 5,000 characters; SQLite, as here, does not."""
    with database.opened() as engine:
        about = {"champion": "1", "previous": "1", "version": "3", "reasons": ("x" * 900,)}
        for _ in range(8):
            ledger.add(engine, Decision(time=datetime.now(UTC), action="kept", actor="retrain", **about))
    passed("3")
    promoted("3", three)
    told = registry.numbered("3").description
    assert told.startswith("the resnet50") and told.endswith("promoted by ann in the month 2026-11: better")
    assert len(told) <= 5000
