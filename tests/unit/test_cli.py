"""The command line, as a person meets it."""

import gc
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

import pytest

from pawtrait import champion, cli, environment
from pawtrait.adapters import dvc, tracking
from pawtrait.dataset import manifest
from pawtrait.dataset.manifest import Placed
from pawtrait.stages import __main__ as dispatcher
from pawtrait.stages import fingerprint, register_painters
from pawtrait.stages import register as registering

ROOT = Path(__file__).parents[2]
FRAMEWORKS = (
    "tensorflow",
    "torch",
    "keras",
    "mlflow",
    "sklearn",
    "pandas",
    "onnxruntime",
    "matplotlib",
    "cv2",
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A project's root with params.yaml in it and a wide terminal before it."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def crowned(here, colour_model):
    """A project whose champion is the colour model."""
    folder = colour_model().relative_to(here)
    champion.write(champion.Champion("pet-expression", "1", "cnn", "ab" * 32, folder.as_posix()))
    return here


def rows(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_help_loads_no_framework_and_no_stage():
    code = (
        "import sys, runpy; sys.argv = ['pawtrait', '--help']\n"
        "try: runpy.run_module('pawtrait.cli', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"print([name for name in {FRAMEWORKS} if name in sys.modules])\n"
        "print([name for name in sys.modules if name.startswith('pawtrait.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, frameworks, own = done.stdout.splitlines()
    assert any("predict" in line for line in shown)
    assert frameworks == "[]"
    commands = {f"pawtrait.{path.stem}" for path in (ROOT / "src/pawtrait").glob("cli_*.py")}
    light = ("environment", "errors", "files", "newest", "monitoring", "monitoring.shown")
    assert set(eval(own)) == {*(f"pawtrait.{name}" for name in light), *commands}


def test_help_is_in_the_order_of_its_use(pawtrait):
    """What deletes people's pictures stood first, and what runs the pipeline below all its stages."""
    assert re.findall(r"^╭─ (.+?) ─", pawtrait("--help").out, re.MULTILINE) == [
        *("Options", "The whole pipeline", "Stages", "Models", "Portraits", "Feedback", "The service"),
        *("Champion and challengers", "Backup and cleanup"),
    ]


OTHERS = ("predict", "register", "lineage", "results", "run", "serve", "keys")


@pytest.mark.parametrize("command", [*cli.STAGES, *OTHERS])
def test_every_command_explains_itself(pawtrait, command):
    done = pawtrait(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out


def test_files_get_a_table_with_a_row_each(crowned, pawtrait, coloured_picture):
    done = pawtrait("predict", coloured_picture("angry"), coloured_picture("sad"))
    assert done.code == 0
    assert "moods by cnn" in done.out
    assert re.search(r"angry\.png.*│ angry\s+│", done.out)
    assert re.search(r"sad\.png.*│ sad\s+│", done.out)


def test_json_gives_a_line_a_picture(crowned, pawtrait, coloured_picture):
    angry = coloured_picture("angry")
    (row,) = rows(pawtrait("predict", "--json", angry))
    assert (row["picture"], row["label"], row["model"], row["problem"]) == (str(angry), "angry", "cnn", "")
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_a_folder_and_a_glob_are_read(crowned, pawtrait, coloured_picture):
    for name in ("pets/a.png", "pets/more/b.png"):
        coloured_picture("sad", name)
    assert [row["picture"] for row in rows(pawtrait("predict", "--json", "pets"))] == [
        "pets/a.png",
        "pets/more/b.png",
    ]
    assert [row["picture"] for row in rows(pawtrait("predict", "--json", "pets/*/*.png"))] == [
        "pets/more/b.png"
    ]


def test_a_picture_on_standard_input_is_read(crowned, pawtrait, coloured_picture):
    (row,) = rows(pawtrait("predict", "--json", "-", stdin=coloured_picture("happy").read_bytes()))
    assert (row["picture"], row["label"]) == ("standard input", "happy")


def test_a_list_on_standard_input_is_followed(crowned, pawtrait, coloured_picture):
    names = f"{coloured_picture('happy')}\n{coloured_picture('other')}\n".encode()
    assert [row["label"] for row in rows(pawtrait("predict", "--json", "-", stdin=names))] == [
        "happy",
        "other",
    ]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_bad_file_is_reported_the_rest_go_on_and_the_code_is_1(crowned, pawtrait, coloured_picture, form):
    (crowned / "bad.jpg").write_text("no picture")
    done = pawtrait("predict", *form, coloured_picture("sad"), "bad.jpg", coloured_picture("happy"))
    assert done.code == 1
    assert "bad.jpg: not a picture" in done.out
    assert "sad.png" in done.out
    assert "happy.png" in done.out


def test_markup_in_a_files_name_is_printed_as_it_is(crowned, pawtrait, coloured_picture):
    coloured_picture("sad", "[red]cat[/red].png")
    assert "[red]cat[/red].png" in pawtrait("predict", "[red]cat[/red].png").out


def test_a_named_model_folder_is_used_without_a_champion(here, pawtrait, coloured_picture, colour_model):
    folder = colour_model("mobilenet_v2")
    (row,) = rows(pawtrait("predict", "--json", "--model", folder, coloured_picture("sad")))
    assert (row["label"], row["model"]) == ("sad", "mobilenet_v2")


def one_line(done):
    """The only line on standard error."""
    (line,) = done.err.splitlines()
    assert line.startswith("pawtrait: ")
    assert done.code == 2
    return line


def test_a_model_folder_that_is_not_there_is_one_line(here, pawtrait, coloured_picture):
    done = pawtrait("predict", coloured_picture("happy"), "--model", "nope")
    assert one_line(done) == "pawtrait: --model nope: no such folder; name one such as data/models/cnn"


def test_a_model_that_is_not_selected_is_one_line(here, pawtrait):
    done = pawtrait("train", "nomodel")
    assert one_line(done).startswith(
        "pawtrait: nomodel is not selected in params.yaml; choose one of linear_probe"
    )


def test_the_version_is_told(pawtrait):
    done = pawtrait("--version")
    assert (done.code, done.out) == (0, f"pawtrait {version('pawtrait')}\n")


def test_without_a_champion_one_line_says_what_to_run(here, pawtrait, coloured_picture):
    line = one_line(pawtrait("predict", coloured_picture("sad")))
    assert "no champion yet" in line
    assert "make demo" in line


def test_a_model_with_a_changed_byte_is_one_line(crowned, pawtrait, coloured_picture):
    with (crowned / "models/cnn/model.onnx").open("ab") as stream:
        stream.write(b"\0")
    assert "model.onnx is not the file that was sealed" in one_line(
        pawtrait("predict", coloured_picture("sad"))
    )


def test_a_misspelt_key_is_one_line(crowned, pawtrait, coloured_picture):
    text = (crowned / "params.yaml").read_text()
    (crowned / "params.yaml").write_text(text.replace("salt:", "slat:"))
    assert "split.slat is no known key" in one_line(pawtrait("predict", coloured_picture("sad")))


@pytest.mark.parametrize("place", ["first", "last"])
def test_traceback_shows_where_an_error_came_from(here, place):
    words = ["predict", "x.png"]
    words = ["--traceback", *words] if place == "first" else [*words, "--traceback"]
    command = [sys.executable, "-m", "pawtrait.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "champion.py" in done.stderr
    assert "no champion yet" in done.stderr.splitlines()[-1]


def test_traceback_of_a_command_asks_the_stages_that_it_starts_too(here, monkeypatch):
    monkeypatch.setenv(environment.TRACEBACK, "")  # given back after the test
    monkeypatch.delenv(environment.TRACEBACK)
    monkeypatch.setattr(dvc, "repro", lambda *_: asked.append(os.environ.get(environment.TRACEBACK)))
    asked: list[str | None] = []
    for words in (["split"], ["split", "--traceback"]):
        monkeypatch.setattr(sys, "argv", ["pawtrait", *words])
        with pytest.raises(SystemExit):
            cli.main()
    assert asked == [None, "1"]


def test_a_stage_shows_where_its_error_came_from_if_asked(here, capsys, monkeypatch):
    (here / "params.yaml").write_text("sede: 7\n")
    monkeypatch.setenv(environment.TRACEBACK, "1")
    assert dispatcher.main(["manifest", "--raw", "raw", "--manifest", "manifest.csv"]) == 2
    first, *shown, last = capsys.readouterr().err.splitlines()
    assert first.startswith("Traceback")
    assert any("params.py" in line for line in shown)
    assert last.startswith("manifest: params.yaml: ")


def test_a_run_vouches_for_what_it_has_just_brought_up_to_date(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that came after the training gets the models by `make demo` too."""
    told: list[bool] = []
    monkeypatch.setattr(fingerprint, "run", lambda **_: None)
    monkeypatch.setattr(tracking, "pipeline", lambda knobs: nullcontext())
    monkeypatch.setattr(dvc, "repro", lambda *_: None)
    for stage in (registering, register_painters):
        monkeypatch.setattr(stage, "run", lambda vouched, **_: told.append(vouched) or {})
    monkeypatch.setattr(cli, "results", lambda: None)
    cli.run(force=False, lanes=False)
    assert told == [True, True]


def test_results_before_there_are_any_say_what_to_run(here, pawtrait):
    assert "compare.json does not exist yet; run `make demo` or `dvc repro`" in one_line(pawtrait("results"))


@pytest.mark.parametrize("command", ["results", "register"])
def test_results_that_a_merge_left_in_pieces_are_one_line(here, pawtrait, monkeypatch, command):
    monkeypatch.setattr(dvc, "check_current", lambda stage: None)
    (here / "data/reports").mkdir(parents=True)
    (here / "data/reports/compare.json").write_text("{\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n}\n")
    said = one_line(pawtrait(command))
    assert said.startswith("pawtrait: data/reports/compare.json is damaged")
    assert "`git checkout HEAD -- data/reports/compare.json`" in said


def test_results_say_where_another_model_than_the_best_of_the_table_predicts(crowned, pawtrait):
    row = {"rank": 1, "name": "cnn", "champion": True, "net": "cnn", "start": "random start", "parameters": 9}
    verdict = {"champion": "cnn", "rows": [row | {"valid_macro_f1": 0.5}], "sentences": []}
    (crowned / "data/reports").mkdir(parents=True)
    (crowned / "data/reports/compare.json").write_text(json.dumps(verdict))
    (crowned / "data/models/cnn").mkdir(parents=True)
    sums = crowned / "data/models/cnn/SHA256SUMS"
    sums.write_text(f"{'cd' * 32}  model.onnx\n")
    assert "but version 1 (cnn) is still champion" in " ".join(pawtrait("results").out.split())
    sums.write_text(f"{'ab' * 32}  model.onnx\n")
    assert "still champion" not in pawtrait("results").out


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("test/happy/1.jpg", "'data/raw/test/happy/*.jpg'"),
        ("unsplit/happy/1.png", "'data/raw/unsplit/happy/1.png'"),
    ],
)
def test_results_offer_pictures_that_are_there(here, pawtrait, path, named):
    (here / "data/reports").mkdir(parents=True)
    row = {"rank": 1, "name": "cnn", "champion": True, "net": "cnn", "start": "random start", "parameters": 9}
    verdict = {"champion": "cnn", "rows": [row | {"valid_macro_f1": 0.5}], "sentences": []}
    (here / "data/reports/compare.json").write_text(json.dumps(verdict))
    placed = [
        Placed("a", "train/happy/2.jpg", "happy", "a", "train"),
        Placed("b", path, "happy", "b", "test"),
    ]
    manifest.write(here / "data/tables/splits.csv", placed, Placed)
    assert f"predict {named}" in pawtrait("results").out


def test_results_say_where_report_and_gallery_are_where_something_was_made_and_painted(here, pawtrait):
    (here / "data/reports").mkdir(parents=True)
    row = {"rank": 1, "name": "cnn", "champion": True, "net": "cnn", "start": "random start", "parameters": 9}
    verdict = {"champion": "cnn", "rows": [row | {"valid_macro_f1": 0.5}], "sentences": []}
    (here / "data/reports/compare.json").write_text(json.dumps(verdict))
    said = pawtrait("results").out
    assert "portraits " not in said
    assert "report      not here yet: the table came with the code" in said  # git keeps it, and no models
    for name in ("portraits.png", "index.html"):
        (here / "data/reports" / name).touch()
    said = " ".join(pawtrait("results").out.split())
    assert "report data/reports/index.html" in said
    assert "portraits data/reports/portraits.png; yours: " in said and "pawtrait stylize PHOTO" in said


def test_what_the_file_system_refuses_is_one_line(crowned, pawtrait, coloured_picture):
    (crowned / "params.yaml").unlink()
    (crowned / "params.yaml").mkdir()
    assert "Is a directory: 'params.yaml'" in one_line(pawtrait("predict", coloured_picture("sad")))


@pytest.mark.parametrize("command", ["run", "register", "split"])
def test_a_lock_that_a_merge_left_in_pieces_is_one_line_and_no_run(here, command):
    (here / "dvc.yaml").write_text("stages: {}\n")
    (here / "dvc.lock").write_text(
        "<<<<<<< Updated upstream\nschema: '2.0'\n=======\n>>>>>>> Stashed changes\n"
    )
    said = subprocess.run([sys.executable, "-m", "pawtrait", command], capture_output=True, text=True)
    assert said.returncode == 2
    assert said.stderr.startswith("pawtrait: dvc.lock is damaged") and said.stderr.count("\n") == 1
    assert "`git checkout HEAD -- dvc.lock`" in said.stderr
    assert not (here / "mlflow.db").exists()


def test_registering_before_comparing_says_what_to_run(here, pawtrait):
    assert "compare.json does not exist yet; run `make demo` or `dvc repro`" in one_line(pawtrait("register"))


def test_a_stage_away_from_a_project_is_one_line(tmp_path, monkeypatch, pawtrait):
    monkeypatch.chdir(tmp_path)
    assert "has no dvc.yaml; run from the project's root" in one_line(pawtrait("manifest"))


@pytest.mark.parametrize(
    "command",
    [
        "feedback ingest labels.csv",
        "feedback freeze --month 2026-11",
        "forget 0123abcd",
        "gate",
        "promote --force --reason why",
        "rollback",
        "history",
        "lineage",
        "champion",
        "backup",
        "prune --keep 3",
    ],
)
def test_away_from_the_root_no_store_is_made_and_nothing_is_lost_in_it(
    tmp_path, monkeypatch, pawtrait, coloured_picture, command
):
    """No store is named, so each would be made in the folder where somebody happens to be."""
    away = tmp_path / "away"
    away.mkdir()
    (away / "labels.csv").write_text(f"picture,label\n{coloured_picture('sad')},sad\n")
    monkeypatch.chdir(away)
    for variable in ("DATABASE_URL", "PAWTRAIT_PICTURES", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    said = one_line(pawtrait(*command.split()))
    assert said == "pawtrait: params.yaml is not here; run from the project's root"
    assert [path.name for path in away.iterdir()] == ["labels.csv"]


def test_the_stage_that_dvc_calls_ends_with_2_and_one_line_too(here, capsys):
    (here / "params.yaml").write_text("sede: 7\n")
    assert dispatcher.main(["manifest", "--raw", "raw", "--manifest", "manifest.csv"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("manifest: params.yaml: ")
    assert "sede is no known key" in line


def test_no_garbage_is_looked_for_among_what_a_stage_has_loaded(here, capsys):
    before = gc.get_freeze_count()
    with pytest.raises(SystemExit):
        dispatcher.main(["manifest", "--help"])
    assert gc.get_freeze_count() > before


def test_no_garbage_is_looked_for_among_what_the_service_has_loaded(crowned, pawtrait, monkeypatch):
    monkeypatch.setattr("pawtrait.serving.server.run", lambda *given: None)
    before = gc.get_freeze_count()
    assert pawtrait("serve").code == 0
    assert gc.get_freeze_count() > before


def test_a_reader_that_has_gone_is_no_crash(crowned, coloured_picture):
    command = [sys.executable, "-m", "pawtrait.cli", "predict", "--json", str(coloured_picture("sad"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `| head` does
        said = process.stderr.read()
    assert process.returncode != 0
    assert said == ""


def test_a_new_key_is_shown_alone_and_beside_it_what_asks_for_it_and_how_it_is_sent(here, pawtrait):
    done = pawtrait("keys", "add", "phone", "--scope", "read")
    assert len(done.out.split()) == 1
    assert done.err.strip() == (
        "its hash is in keys.jsonl; start the service with PAWTRAIT_KEYS=keys.jsonl, and send the key in the"
        " header `Authorization: Bearer KEY`"
    )


def test_painters_of_other_code_or_parameters_are_left_out_of_a_registration(here, monkeypatch):
    for name in ("cyclegan", "fast"):
        Path("data/painters", name).mkdir(parents=True)
    told = []
    monkeypatch.setattr(dvc, "is_current", lambda stage: stage != "train_cyclegan")
    monkeypatch.setattr(cli, "_register", lambda month, out, stale: told.append(stale))
    cli.register(None, None)
    assert told == [["cyclegan"]]
