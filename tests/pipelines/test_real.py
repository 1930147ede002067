"""The run on other data: its workspace, its parameters, and the README's tables made of what comes back."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pawtrait import params
from pawtrait.dataset import manifest
from pipelines import readme, real
from pipelines.git import git

ROOT = Path(__file__).parents[2]


def test_an_overlay_replaces_single_values_and_keeps_the_rest() -> None:
    base = {"train": {"batch": 32, "folds": 0}, "seed": 7}
    assert real.merged(base, {"train": {"folds": 5}}) == {"train": {"batch": 32, "folds": 5}, "seed": 7}
    assert base["train"] == {"batch": 32, "folds": 0}


def test_the_workspace_has_the_code_the_wiring_and_the_studys_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    real.prepare(tmp_path / "workspace", real.parameters(real.OVERLAYS, str(pictures), None, str(pictures)))
    knobs = params.load(tmp_path / "workspace/params.yaml")
    assert (knobs.ingest.source, knobs.weights.mirror) == (str(pictures), None)
    assert knobs.paintings.source == str(pictures)
    assert not knobs.train.capped
    assert (tmp_path / "workspace/dvc.yaml").read_text() == (ROOT / "dvc.yaml").read_text()
    assert (tmp_path / "workspace/src/pawtrait/cli.py").is_file()


def test_a_folder_at_home_is_found_though_the_shell_leaves_its_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("pets", "weights", "monet"):
        (tmp_path / name).mkdir()
    knobs = real.parameters(real.OVERLAYS, "~/pets", "~/weights", "~/monet")
    assert knobs["ingest"]["source"] == str(tmp_path / "pets")
    assert knobs["weights"]["mirror"] == str(tmp_path / "weights")
    assert knobs["paintings"]["source"] == str(tmp_path / "monet")


def test_the_workspace_has_a_commit_and_no_splits_of_other_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*real.COPIED, *real.OVERLAYS, real.RECORDED):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, tmp_path / "root" / name)
    (tmp_path / "root/src").mkdir()
    monkeypatch.chdir(tmp_path / "root")
    real.RECORDED.write_text("id,split\nab,test\n")
    knobs = real.parameters(real.OVERLAYS, str(tmp_path), None, None)
    real.prepare(tmp_path / "workspace", knobs)
    assert (tmp_path / "workspace" / real.RECORDED).read_text() == "id,split\n"
    first = git(tmp_path / "workspace", "rev-parse", "HEAD")
    for name in (".dvc/cache/files/md5/ab/cd", ".dvc/tmp/lock", "data/raw/train/sad/1.jpg", "mlflow.db"):
        (tmp_path / "workspace" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "workspace" / name).write_text("what a run leaves")
    real.prepare(tmp_path / "workspace", knobs)
    assert git(tmp_path / "workspace", "rev-parse", "HEAD") == first
    real.prepare(tmp_path / "workspace", knobs | {"seed": 8})
    assert git(tmp_path / "workspace", "rev-parse", "HEAD") != first
    assert git(tmp_path / "workspace", "status", "--porcelain") == ""


def test_what_is_done_in_a_workspace_stays_when_it_is_prepared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for _ in range(2):
        real.prepare(tmp_path, real.parameters(real.OVERLAYS, str(ROOT / "data"), None, None))
        (tmp_path / "data/kept").touch()
    assert (tmp_path / "data/kept").exists()


def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert real.main(["--data", "nowhere", "--workspace", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("real: nowhere does not exist; ")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("models: { mine: { <<: *defaults, net: cnn } }\n", "found undefined alias 'defaults'"),
        ("- cnn\n", "is a list; expected sections"),
    ],
)
def test_an_overlay_that_cannot_be_read_is_one_line_and_exit_code_2(
    written: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    overlay = tmp_path / "own.yaml"
    overlay.write_text(written, encoding="utf-8")
    assert real.main(["--data", str(tmp_path), "--overlays", str(overlay)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"real: {overlay} is ") and said in told and told.count("\n") == 1


def test_an_overlay_of_comments_alone_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    overlay = tmp_path / "own.yaml"
    overlay.write_text("# train: { folds: 5 }\n", encoding="utf-8")
    knobs = real.parameters([overlay], "demo:", None, None)
    assert knobs["train"] == real.parameters([], "demo:", None, None)["train"]


@pytest.mark.parametrize("repository", [False, True], ids=["a folder", "somebody's repository"])
def test_a_workspace_that_holds_somebodys_work_stays_as_it_is(
    repository: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mine.py").write_text("years of work")
    if repository:
        git(tmp_path, "init", "--quiet")
        git(tmp_path, "add", "--all")
        who = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
        git(tmp_path, *who, "commit", "--quiet", "--message", "The code of a year")
    monkeypatch.setattr(real, "_python", lambda *_: pytest.fail("it went on"))
    assert real.main(["--data", str(ROOT / "data"), "--workspace", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"real: {tmp_path} holds something else, which would be lost; name a new or an empty folder\n"
    )
    assert (tmp_path / "src/mine.py").read_text() == "years of work"


def test_results_are_of_the_commit_at_which_their_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    commits, kept = ["while it ran", "at its start"], []
    monkeypatch.setattr(readme, "made_of", lambda: commits[-1])
    monkeypatch.setattr(real, "prepare", lambda *_: None)
    monkeypatch.setattr(real, "_python", lambda *_: commits.pop())
    monkeypatch.setattr(readme, "renew", lambda *told: kept.append(told))
    assert real.main(["--data", str(ROOT / "data"), "--workspace", str(tmp_path), "--name", "mine"]) == 0
    assert kept == [("mine", tmp_path, "at its start")]


STARTER = "import subprocess as s; print((c := s.Popen(['sleep', '60'])).pid, flush=True); c.wait()"
DRIVER = f"""
from pathlib import Path
from pipelines import processes, real
processes.heed()
real._python(Path(), "-c", {STARTER!r})
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_is_asked_to_end_ends_its_stages_too(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        stage = psutil.Process(int(driver.stdout.readline()))
        driver.send_signal(number)
        psutil.wait_procs([stage], timeout=30)
        assert not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE
        assert driver.wait(30) != 0


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (["DATA=pics"], ['--data "pics"', '--weights ""', '--paintings ""', '--name "real"']),
        (
            ["DATA=pics", "NAME=mine", "WEIGHTS=w", "PAINTINGS=p"],
            ['--data "pics"', '--weights "w"', '--paintings "p"', '--name "mine"'],
        ),
        ([], ['test -n ""']),
    ],
)
def test_make_real_takes_its_arguments_and_nothing_that_a_shell_exports(
    said: list[str], shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """WSL exports NAME in every shell: the machine's."""
    for name in ("NAME", "DATA", "WEIGHTS", "PAINTINGS"):
        monkeypatch.setenv(name, "HOST")
    make = ["make", "-n", "-o", "setup", "real", *said]
    told = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [one for one in shown if one not in told] == []


@pytest.mark.parametrize("document", readme.DOCUMENTS, ids=str)
def test_every_number_in_the_documents_tables_comes_from_docs_results(document: Path, tmp_path: Path) -> None:
    copy, told = tmp_path / document.name, (ROOT / document).read_text(encoding="utf-8")
    copy.write_text(told, encoding="utf-8")
    readme.refresh(ROOT / "docs/results", [copy])
    assert copy.read_text(encoding="utf-8") == told


def test_every_table_between_markers_is_in_a_document_that_is_refreshed() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    marked = {page for page in pages if "<!-- results:" in page.read_text(encoding="utf-8")}
    assert marked == {ROOT / document for document in readme.DOCUMENTS}


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ({}, "2 cores, no GPU; "),  # as results of before have it
        ({"gpus": 0}, "2 cores, no GPU; "),
        ({"gpus": 1}, "2 cores, 1 GPU; "),
        ({"gpus": 2}, "2 cores, 2 GPUs; "),
    ],
)
def test_the_readme_says_whether_there_was_a_gpu(counted: dict[str, int], said: str) -> None:
    results = json.loads((ROOT / "docs/results/demo.json").read_text(encoding="utf-8"))
    results["made_on"] = {"cores": 2, "versions": results["made_on"]["versions"], **counted}
    assert f" {said}keras " in readme.block(results)


def test_results_count_the_gpus_that_they_were_made_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/reports").mkdir(parents=True)
    (tmp_path / "data/tables").mkdir()
    (tmp_path / "data/reports/compare.json").write_text('{"rows": [], "sentences": [], "champion": "cnn"}')
    manifest.write(tmp_path / "data/tables/splits.csv", [], manifest.Placed)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    found = readme.gather(tmp_path, "ab" * 20)
    assert found["made_on"]["gpus"] == 3 and found["commit"] == "ab" * 20


def test_a_marked_block_is_renewed_and_nothing_else() -> None:
    text = "before <!-- results:a -->old<!-- end:a --> after"
    assert readme.replaced(text, "a", r"new \1") == "before <!-- results:a -->\nnew \\1\n<!-- end:a --> after"
    assert readme.replaced(text, "b", "new") == text


@pytest.mark.parametrize("more", [(), (Path("docs/real_portraits.yaml"),)])
def test_an_overlay_names_only_models_with_a_recipe(
    more: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    merged = real.parameters([*real.OVERLAYS, *more], str(ROOT / "data"), None, None)
    assert set(merged["selected"]) <= set(merged["models"])


def test_a_workspace_uses_no_store_of_the_teams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in real.STORES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    real._python(tmp_path, "-c", "import os; open('seen', 'w').write(' '.join(os.environ))")
    assert not set(real.STORES) & set((tmp_path / "seen").read_text().split())
