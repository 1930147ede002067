"""Commands on champion and challengers, as a person meets them: a real registry, a real ledger."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pawtrait import champion, newest, params, sealed
from pawtrait.adapters import registry, succession, tracking
from pawtrait.adapters.store import database
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from tests import holds

ROOT = Path(__file__).parents[2]
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)
SIDE, PICTURES = 32, 40


@pytest.fixture
def project(tmp_path, monkeypatch, mlflow_store, coloured_models):
    """A champion that mistakes every mood, a challenger that knows them all, and a test split for both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/feedback.db")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PAWTRAIT_NOW", "2026-11-01T04:00:00")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    opened = tracking.client()
    if opened.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        opened.delete_registered_model(registry.EXPRESSION.name)
    for name, sharpness in (("linear_probe", -1.0), ("cnn", 1.0)):
        folder = coloured_models(tmp_path / "data/models", name, sharpness)
        digest = sealed.check(folder)["model.onnx"]
        if tracking.of_model(digest) is None:  # the session's store has it: logging takes half a second
            with tracking.training(params.load(), name, []) as run:
                registry.log(run, folder)
        registry.register(digest, {"name": name, "test_macro_f1_low": 0.1}, name)
    succession.write_note("1", champion.NOTE)
    moods = np.arange(PICTURES) % 4
    draw = np.random.default_rng(1)
    pixels = COLOURS[moods][:, None, None, :] + draw.normal(0, 5, (PICTURES, SIDE, SIDE, 3))
    (tmp_path / "data/arrays").mkdir()
    np.save(tmp_path / "data/arrays/test.npy", pixels.clip(0, 255).astype(np.uint8))
    placed = [
        manifest.Placed(f"{n:064x}", f"{n:03d}.png", LABELS[n % 4], f"g{n}", "test") for n in range(PICTURES)
    ]
    manifest.write(tmp_path / "data/tables/splits.csv", placed, manifest.Placed)
    return tmp_path


def test_from_the_gate_to_a_promotion_and_back(project, pawtrait):
    done = pawtrait("gate")
    assert done.code == 0
    assert "The challenger is ahead in 40 of the groups, the champion in 0" in done.out
    assert done.out.endswith("verdict: let through\n")
    assert "version 2 is champion, version 1 is previous" in pawtrait("promote", "--month", "2026-11").out
    assert "pet-expression version 2 (cnn) is champion" in pawtrait("champion").out
    assert (
        "version 1 is champion again"
        in pawtrait("rollback", "--reason", "cats look angry", "--by", "bob").out
    )
    first, second = (json.loads(line) for line in pawtrait("history", "--json").out.splitlines())
    assert (first["action"], first["champion"], first["reasons"]) == (
        "promoted",
        "2",
        ["The gate said promote, against version 1."],
    )
    assert (first["month"], first["figures"]["only_challenger"]) == ("2026-11", 40)
    assert (second["action"], second["actor"], second["reasons"]) == (
        "rolled-back",
        "bob",
        ["cats look angry"],
    )


def test_the_verdict_as_json(project, pawtrait):
    verdict = json.loads(pawtrait("gate", "--json").out)
    assert verdict["outcome"] == "promote"
    assert verdict["figures"]["pictures"] == PICTURES
    written = json.loads((project / "data/reports/verdict.json").read_text(encoding="utf-8"))
    assert written["sentences"] == verdict["sentences"]


def test_the_gate_finds_the_test_split_of_a_team_that_retrains_in_the_clone(project, pawtrait):
    manifest.write(project / newest.MANIFEST, [], manifest.Record)
    newest.CLONE.mkdir(parents=True)
    (project / "data").rename(project / newest.CLONE / "data")
    (project / champion.NOTE).parent.mkdir()
    (project / newest.CLONE / champion.NOTE).rename(project / champion.NOTE)
    done = pawtrait("gate")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("verdict: let through\n")


def test_without_the_gate_no_promotion(project, pawtrait):
    done = pawtrait("promote")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "pawtrait: the gate has not compared version 2 with champion 1; run `pawtrait gate --version 2`\n"
    )
    assert champion.read().version == "1"


def test_force_needs_a_reason(project, pawtrait):
    assert "needs a reason; give it with --reason" in pawtrait("promote", "--force").err
    assert pawtrait("promote", "--force", "--reason", "I know better", "--by", "ann").code == 0
    assert champion.read().version == "2"


def test_a_kept_challenger_says_why(project, pawtrait):
    path = project / "params.yaml"
    path.write_text(path.read_text().replace("size_mb: 300.0", "size_mb: 1.0e-6"))
    done = pawtrait("gate")
    assert "✗ model.onnx has 0.0 MB, over the budget of 0.0 MB" in done.out
    assert done.out.endswith("verdict: kept\n")
    assert "verdict on version 2 is `keep`" in pawtrait("promote").err


def test_the_ledger_as_a_table(project, pawtrait):
    assert "The ledger is empty" in pawtrait("history").out
    pawtrait("promote", "--force", "--reason", "I know [better]", "--by", "ann")
    lines = pawtrait("history").out.splitlines()
    assert lines[0].split() == ["time", "month", "action", "version", "champion", "by", "why"]
    assert lines[1].split() == [
        "2026-11-01",
        "04:00",
        "–",
        "promoted",
        "2",
        "2",
        "ann",
        "I",
        "know",
        "[better]",
    ]


def test_the_champions_of_days(project, pawtrait, monkeypatch):
    monkeypatch.setenv("PAWTRAIT_NOW", "2036-11-01T03:00:00")
    pawtrait("promote", "--force", "--reason", "new")
    assert (
        "version 1 (linear_probe) was champion on 2036-10-31"
        in pawtrait("champion", "--on", "2036-10-31").out
    )
    assert "version 2 (cnn) was champion on 2036-11-03" in pawtrait("champion", "--on", "2036-11-03").out
    assert "version 2 (cnn) was champion on 9999-12-31" in pawtrait("champion", "--on", "9999-12-31").out
    assert pawtrait("champion", "--on", "2001-01-01").code == 2
    assert pawtrait("champion", "--on", "yesterday").code == 2


def test_the_plot_of_the_months(project, pawtrait):
    pawtrait("gate")
    pawtrait("promote")
    assert pawtrait("history", "--plot", project / "champions.png").code == 0
    assert (project / "champions.png").read_bytes().startswith(b"\x89PNG")


def test_a_rollback_to_a_version_that_is_not_there(project, pawtrait):
    done = pawtrait("rollback", "--to", "9")
    assert done.code == 2
    assert "pet-expression/9 is not in the registry" in done.err


@pytest.mark.parametrize(
    "asked",
    [
        ["gate", "--version", ""],  # of a shell's variable that is not set
        ["promote", "--version", "", "--force", "--reason", "x"],
        ["promote", "--version", "02", "--force", "--reason", "x"],
        ["promote", "--against", "", "--force", "--reason", "x"],
        ["promote", "--month", "11-2026", "--force", "--reason", "x"],
        ["promote", "--month", "", "--force", "--reason", "x"],
        ["register", "--month", "2026-13"],
        ["rollback", "--to", ""],
        ["rollback", "--to", "02"],
    ],
    ids=" ".join,
)
def test_what_is_no_version_or_no_month_moves_nothing(asked, project, pawtrait):
    if asked[0] == "rollback":
        pawtrait("promote", "--force", "--reason", "to go back from")
    before = pawtrait("history", "--json").out, champion.read()
    done = pawtrait(*asked)
    assert (done.code, done.out) == (2, "")
    assert f"Invalid value for '{asked[1]}'" in done.err
    assert (pawtrait("history", "--json").out, champion.read()) == before


def test_a_rollback_in_a_process_of_its_own_costs_little_more_than_mlflow(project):
    """Beside the least that any program spends that asks the registry."""
    bare = "from mlflow import MlflowClient; MlflowClient().search_registered_models()"
    _, least, _ = _spent("-c", bare)
    said, spent, seconds = _spent("-m", "pawtrait", "rollback", "--to", "2")
    assert "version 2 is champion again" in said
    assert spent < 2 * least
    holds.record("rollback", of="month", seconds=seconds, processor=spent, asking_the_registry_alone=least)


def _spent(*arguments):
    """What Python printed, the processor's seconds, and the clock's, which hang on what else runs."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    assert done.returncode == 0, done.stderr
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, round(processor, 2), round(ended - began, 2)


def test_backup_and_restore_by_their_commands(project, pawtrait, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/none.db")  # the session's is large
    with database.opened():
        pass
    month = project / ".cache/retrain/data/feedback/2026-10"  # of the clone, on a branch that nobody merged
    month.mkdir(parents=True)
    (month / "accepted.csv").touch()
    done = pawtrait("backup", "--to", project / "b.tar")
    assert done.code == 0
    assert "1 files of snapshots" in done.out
    assert f"restore it with `make restore FROM={project}/b.tar`" in done.out
    done = pawtrait("restore", project / "b.tar")
    assert done.code == 2
    assert "move it away first, or restore elsewhere" in done.err


def test_a_tilde_that_the_shell_left_alone_is_the_home(project, pawtrait, monkeypatch):
    """As in `make backup TO=~/b.tar` under zsh or dash."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/none.db")
    monkeypatch.setenv("HOME", str(project / "home"))
    with database.opened():
        pass
    assert pawtrait("backup", "--to", "~/b.tar").code == 0
    assert (project / "home/b.tar").is_file() and not (project / "~").exists()
    assert "move it away first" in pawtrait("restore", "~/b.tar").err  # so it was found


def test_prune_needs_to_know_how_many_to_keep(project, pawtrait):
    assert pawtrait("prune").code == 2
    assert "is not a DVC project" in pawtrait("prune", "--keep", "3").err
