"""The retraining's clone, in real git repositories."""

import json
import os
import re
import resource
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.config import Config
from dvc.scm import SCM

from pawtrait.adapters import cache
from pipelines import git as machine
from pipelines import workspace
from pipelines.processes import CommandError

ROOT = Path(__file__).parents[2]
RECORDED = "data/recorded_splits.csv"
WHOLE = "schema: '2.0'\nstages: {}\n"


@pytest.fixture
def project(toy: Path) -> Path:
    """The toy project, committed."""
    git(toy, "add", "--all")
    git(toy, "commit", "--quiet", "--message", "first")
    return toy


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *named, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def prepared(project: Path, month: str = "2026-11") -> workspace.Workspace:
    return workspace.prepare(project, project / ".cache/retrain", month)


def test_a_month_has_a_branch_in_a_clone_and_the_project_stays_as_it_was(project: Path) -> None:
    (project / "params.yaml").write_text("half: written\n")
    ws = prepared(project)
    assert git(ws.path, "branch", "--show-current") == "retrain/2026-11"
    assert (ws.path / "params.yaml").read_text() != "half: written\n"
    assert (project / "params.yaml").read_text() == "half: written\n"


def test_the_cache_is_the_projects(project: Path) -> None:
    ws = prepared(project)
    done = subprocess.run(
        [*workspace.DVC, "cache", "dir"], cwd=ws.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(project / ".dvc" / "cache")


def test_a_remote_with_a_relative_address_is_the_same_folder(project: Path) -> None:
    subprocess.run(
        [*workspace.DVC, "remote", "add", "--quiet", "-d", "store", "../store"], cwd=project, check=True
    )
    ws = prepared(project)
    assert workspace.remotes(ws) == {"store": str(project.parent / "store")}
    done = subprocess.run(
        [*workspace.DVC, "remote", "list"], cwd=ws.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:2] == ["store", str(project.parent / "store")]


@pytest.mark.parametrize("url", ["../store", "../store/below", "s3://bucket/store"])
def test_a_remote_that_a_push_would_find_or_make_is_reachable(project: Path, url: str) -> None:
    ws = prepared(project)
    workspace.reachable(ws)  # none is one of them
    with Config(str(project / ".dvc")).edit("repo") as told:
        told["remote"], told["core"] = {"store": {"url": url}}, {"remote": "store"}
    workspace.reachable(ws)


def test_a_remote_that_is_no_default_or_not_here_is_one_line(project: Path) -> None:
    with Config(str(project / ".dvc")).edit("repo") as told:
        told["remote"] = {"store": {"url": "/proc/store"}}  # where nobody can make a folder
    ws = prepared(project)
    with pytest.raises(CommandError, match=r"^none of the DVC remotes store is the default"):
        workspace.reachable(ws)
    with Config(str(project / ".dvc")).edit("repo") as told:
        told["core"] = {"remote": "store"}
    with pytest.raises(CommandError, match=r"^the DVC remote store is /proc/store, which does not exist"):
        workspace.reachable(ws)


def test_a_remotes_keys_reach_the_clone_and_no_other_user(project: Path) -> None:
    with Config(str(project / ".dvc")).edit("repo") as told:
        told["remote"], told["core"] = {"store": {"url": "s3://bucket/data"}}, {"remote": "store"}
    keys = {"access_key_id": "paw", "secret_access_key": 'a, b # "c"', "use_ssl": False}
    with Config(str(project / ".dvc")).edit("local") as told:
        told["remote"] = {"store": keys}
    ws = prepared(project)
    theirs, ours = (Config(str(folder / ".dvc"))["remote"]["store"] for folder in (project, ws.path))
    assert ours == theirs
    assert (ours["secret_access_key"], ours["use_ssl"]) == ('a, b # "c"', False)
    assert (ws.path / ".dvc/config.local").stat().st_mode & 0o077 == 0


def test_a_month_that_was_begun_goes_on_with_all_it_has(project: Path) -> None:
    ws = prepared(project)
    assert not workspace.begun(ws)
    begin = workspace.begin(ws)
    (ws.path / "dvc.lock").write_text(f"{WHOLE}# half done\n")
    again = prepared(project)
    assert workspace.begun(again)
    assert (again.path / "dvc.lock").read_text() == f"{WHOLE}# half done\n"
    assert workspace.head(again) == begin


def test_the_next_month_starts_from_the_one_before_even_if_that_died(project: Path) -> None:
    ws = prepared(project)
    workspace.begin(ws)
    (ws.path / "data").mkdir(exist_ok=True)
    (ws.path / "data/recorded_splits.csv").write_text("id,split\n")
    later = prepared(project, "2026-12")
    assert (later.path / "data/recorded_splits.csv").read_text() == "id,split\n"
    assert git(later.path, "branch", "--show-current") == "retrain/2026-12"
    assert not workspace.begun(later)


def test_a_month_into_which_the_projects_newest_was_merged_is_not_begun_by_that(project: Path) -> None:
    ws = prepared(project)
    workspace.begin(ws)
    (project / "toy.py").write_text("print('mended')\n")
    git(project, "commit", "--quiet", "--all", "--message", "mend")
    later = prepared(project, "2026-12")
    assert git(later.path, "log", "-1", "--format=%s") == "retrain 2026-12: with the project's newest commit"
    assert not workspace.begun(later)


@pytest.mark.parametrize("word", ["md5: without\n", None])
def test_the_projects_word_on_a_months_feedback_stands(project: Path, word: str | None) -> None:
    """Somebody froze it anew after a picture was forgotten, or took it out."""
    ws = prepared(project)
    note = Path("data/feedback/2026-11.dvc")
    for folder in (ws.path, project):
        (folder / note).parent.mkdir(parents=True, exist_ok=True)
        (folder / note).write_text("md5: with\n")
    workspace.commit(ws, "results")
    git(project, "add", "--all", "data")
    git(project, "commit", "--quiet", "--message", "merged by hand")
    prepared(project)
    (ws.path / note).write_text("md5: with, again\n")
    workspace.commit(ws, "results")
    if word:
        (project / note).write_text(word)
    else:
        (project / note).unlink()
    git(project, "commit", "--quiet", "--all", "--message", "forgotten")
    later = prepared(project, "2026-12")
    assert ((later.path / note).read_text() if (later.path / note).exists() else None) == word
    assert not git(later.path, "status", "--porcelain")


def test_a_fix_in_the_project_reaches_a_month_that_was_begun(project: Path) -> None:
    ws = prepared(project)
    workspace.begin(ws)
    (ws.path / "dvc.lock").write_text(f"{WHOLE}# half done\n")
    (project / "toy.py").write_text("print('mended')\n")
    git(project, "commit", "--quiet", "--all", "--message", "mend")
    again = prepared(project)
    assert (again.path / "toy.py").read_text() == "print('mended')\n"
    assert (again.path / "dvc.lock").read_text() == f"{WHOLE}# half done\n"


def test_results_that_disagree_are_the_months(project: Path) -> None:
    """By the project's lock DVC would take last month's tables away before their splits are recorded."""
    ws = prepared(project)
    results = ("dvc.lock", RECORDED)
    for folder in (ws.path, project):
        (folder / "data").mkdir(exist_ok=True)
        for name in results:
            (folder / name).write_text(f"{WHOLE}# by {folder.name}\n")
    workspace.commit(ws, "results")
    git(project, "add", *results)
    git(project, "commit", "--quiet", "--message", "elsewhere")
    later = prepared(project, "2026-12")
    assert {(later.path / name).read_text() for name in results} == {f"{WHOLE}# by {ws.path.name}\n"}


HALF = "schema: '2.0'\nstages:\n  ingest:\n    outs:\n    - pa"  # what a DVC that was killed wrote of a lock


@pytest.mark.parametrize("month", ["2026-11", "2026-12"])
@pytest.mark.parametrize(("known", "half"), [(WHOLE, HALF), (HALF, HALF), (None, HALF), (None, "")])
def test_half_a_lock_of_a_dvc_that_was_killed_is_the_last_commit_s_again_or_none(
    project: Path, month: str, known: str | None, half: str
) -> None:
    ws = prepared(project)
    lock = ws.path / "dvc.lock"
    if known:
        lock.write_text(known)
    workspace.begin(ws)
    lock.write_text(half)
    prepared(project, month)
    assert (lock.read_text() if lock.exists() else None) == (known if known != HALF else None)


@pytest.mark.parametrize(
    "more", ["", "\n    - pa", "\n    - path: a\n      md5: 1", "\n    - path: a\n      size:"]
)
def test_half_a_lock_that_is_yaml_still_is_none_where_dvc_does_not_read_it(project: Path, more: str) -> None:
    lock = prepared(project).path / "dvc.lock"
    lock.write_text(f"schema: '2.0'\nstages:\n  ingest:\n    cmd: x\n    deps:{more}")
    prepared(project)
    assert not lock.exists()


def test_a_merge_that_was_cut_off_over_files_that_disagree_is_made_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = prepared(project)
    for folder in (ws.path, project):
        (folder / RECORDED).write_text(f"by {folder.name}\n")
    workspace.commit(ws, "results")
    git(project, "add", RECORDED)
    git(project, "commit", "--quiet", "--message", "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepared(project)
    assert "<<<<<<<" in (ws.path / RECORDED).read_text()
    again = prepared(project)
    assert (again.path / RECORDED).read_text() == f"by {ws.path.name}\n"
    assert not git(again.path, "status", "--porcelain")


def test_a_merge_that_found_no_room_is_made_anew(project: Path) -> None:
    ws = prepared(project)
    (project / "params.yaml").write_text("new: true\n")
    (project / "new.py").touch()
    (project / "toy.py").write_text("#" * 100_000)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "an update")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(CommandError, match=r"^git merge failed|: git merge failed"):
            prepared(project)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    left = git(ws.path, "status", "--porcelain", "params.yaml", "new.py")
    assert len(left.splitlines()) == 2  # half of the update was written
    again = prepared(project)
    assert (again.path / "toy.py").stat().st_size == 100_000
    assert not git(again.path, "status", "--porcelain")
    assert not (ws.path / workspace.MOVING).exists()  # else the next start would drop what this one makes


def test_what_is_in_a_merges_way_is_named_and_stays(project: Path) -> None:
    ws = prepared(project)
    for name in ("params.yaml", "notes.md"):
        (ws.path / name).write_text("by hand\n")
        (project / name).write_text("new: true\n")
    git(project, "add", "params.yaml", "notes.md")
    git(project, "commit", "--quiet", "--message", "an update")
    with pytest.raises(CommandError, match=r"^params.yaml: changed in .* and not committed"):
        prepared(project)
    git(ws.path, "checkout", "--quiet", "--", "params.yaml")
    with pytest.raises(CommandError, match=r"would be overwritten by merge: notes\.md$"):
        prepared(project)
    assert (ws.path / "notes.md").read_text() == "by hand\n"


def test_a_lock_is_of_one_run_and_never_lines_of_two(project: Path) -> None:
    """Code of the one beside data of the other would pass for a run that nobody made."""
    lines = [*WHOLE.splitlines(), "# data 1", "#", "#", "#", "# code 1", ""]
    lock = "\n".join(lines)
    (project / "dvc.lock").write_text(lock)
    git(project, "add", "dvc.lock")
    git(project, "commit", "--quiet", "--message", "a run")
    ws = prepared(project)
    (ws.path / "dvc.lock").write_text(lock.replace("data 1", "data 2"))
    workspace.commit(ws, "results")
    (project / "dvc.lock").write_text(lock.replace("code 1", "code 2"))
    git(project, "commit", "--quiet", "--all", "--message", "an update")
    assert (prepared(project).path / "dvc.lock").read_text() == lock.replace("data 1", "data 2")


def test_a_persons_merge_takes_no_lines_of_two_either(project: Path) -> None:
    shutil.copy(ROOT / ".gitattributes", project)
    assert git(project, "check-attr", "merge", "dvc.lock") == "dvc.lock: merge: unset"


def test_a_persons_git_configuration_does_not_reach_a_month(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks/commit-msg"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ignored = tmp_path / "ignored"
    ignored.write_text("data/\n")
    habits = tmp_path / "habits"
    habits.write_text(
        f"[commit]\n gpgsign = true\n[gpg]\n program = false\n[core]\n hooksPath = {hook.parent}\n"
        f" excludesFile = {ignored}\n"
        "[merge]\n ff = only\n verifySignatures = true\n[push]\n gpgSign = true\n"
        "[clone]\n defaultRemoteName = upstream\n[status]\n showUntrackedFiles = no\n"
    )
    plain = os.environ["GIT_CONFIG_GLOBAL"]
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(habits))
    ws = prepared(project)
    assert not SCM(str(ws.path)).is_ignored("data/feedback/2026-11.dvc")  # else DVC passes it over
    (ws.path / "data").mkdir(exist_ok=True)
    (ws.path / RECORDED).touch()
    workspace.begin(ws)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", plain)
    (project / "toy.py").write_text("print('mended')\n")
    git(project, "commit", "--quiet", "--all", "--message", "mend")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(habits))
    again = prepared(project)
    assert (again.path / "toy.py").read_text() == "print('mended')\n"
    workspace.push(again)
    assert git(project, "ls-tree", "--name-only", again.branch, RECORDED)
    (again.path / "pipelines").mkdir()
    (again.path / "pipelines/new.py").touch()
    with pytest.raises(CommandError, match="changed in"):
        workspace.unedited(again)


def test_a_clone_whose_remote_has_another_name_is_gone_on_with(project: Path) -> None:
    ws = prepared(project)
    git(ws.path, "remote", "rename", "origin", "upstream")
    workspace.push(prepared(project))
    assert git(project, "branch", "--list", ws.branch)


def test_code_that_disagrees_is_a_persons_to_settle(project: Path) -> None:
    ws = prepared(project)
    workspace.begin(ws)
    (ws.path / "toy.py").write_text("1\n")
    git(ws.path, "commit", "--quiet", "--all", "--message", "by hand")
    (project / "toy.py").write_text("2\n")
    git(project, "commit", "--quiet", "--all", "--message", "by another hand")
    with pytest.raises(CommandError, match=r"^toy\.py was changed in the project and on the branch"):
        prepared(project)
    assert not git(ws.path, "status", "--porcelain")


def test_a_project_that_goes_back_takes_its_months_along_by_a_commit_and_not_by_a_checkout(
    project: Path,
) -> None:
    """An older commit has nothing to merge: the month would go on with the newer code."""
    old = git(project, "rev-parse", "HEAD")
    (project / "params.yaml").write_text("new: true\n")
    (project / "src").mkdir()
    (project / "src/new.py").touch()
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "an update")
    workspace.begin(prepared(project))
    git(project, "checkout", "--quiet", old)
    with pytest.raises(CommandError, match=r"^params\.yaml src/new\.py: not as in the project's commit"):
        prepared(project, "2026-12")
    git(project, "checkout", "--quiet", "-")
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    for line in re.findall(r"^git (restore --source=COMMIT .*|commit .*COMMIT.*)$", text, re.MULTILINE):
        git(project, *shlex.split(line.replace("COMMIT", old)))
    ws = prepared(project, "2026-12")
    assert not git(ws.path, "diff", "--name-only", old, "HEAD", "--", "src", "params.yaml")


def test_a_branch_that_never_had_what_months_took_in_keeps_its_own_code_by_the_manuals_lines(
    project: Path,
) -> None:
    """As after an experiment on a branch of its own, or a rebase: there is no older commit to go back to."""
    git(project, "checkout", "--quiet", "-b", "experiment")
    (project / "src").mkdir()
    (project / "src/new.py").touch()
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "an experiment")
    workspace.begin(prepared(project))
    git(project, "checkout", "--quiet", "-")
    (project / "params.yaml").write_text("own: true\n")
    git(project, "commit", "--quiet", "--all", "--message", "ours")
    own = git(project, "rev-parse", "HEAD")
    with pytest.raises(CommandError, match=r"^src/new\.py: not as in the project's commit") as stopped:
        prepared(project, "2026-12")
    (taken,) = re.findall(r"took in commit (\w+)", str(stopped.value))
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    first = re.findall(r"^git (fetch \.cache/retrain|merge .* TAKEN)$", text, re.MULTILINE)
    then = re.findall(r"^git (restore --source=COMMIT .*|commit .*COMMIT.*)$", text, re.MULTILINE)
    for line in (*first, *then):
        git(project, *shlex.split(line.replace("COMMIT", own).replace("TAKEN", taken)))
    ws = prepared(project, "2026-12")
    assert not git(ws.path, "diff", "--name-only", own, "HEAD", "--", "src", "params.yaml")


def test_what_is_pushed_is_a_branch_of_the_project(project: Path) -> None:
    ws = prepared(project)
    (ws.path / "dvc.lock").write_text("all: done\n")
    sha = workspace.commit(ws, "results")
    assert workspace.commit(ws, "results") == sha
    workspace.push(ws)
    assert git(project, "rev-parse", "retrain/2026-11") == sha
    assert git(project, "branch", "--show-current") != "retrain/2026-11"


def test_drafts_of_writers_that_were_killed_are_committed_by_no_month(project: Path) -> None:
    """People's photos lie in some."""
    ws = prepared(project)
    kept = {"data/feedback/2026-11.dvc", "data/feedback/.gitignore", "data/recorded_splits.csv"}
    begun = {"data/.raw.k3_9xq0a/1.jpg", "data/feedback/.2026-11.abcdefgh/happy/1.jpg"}
    for name in {*kept, *begun, "data/.recorded_splits.csv.abcdefgh"}:
        (ws.path / name).parent.mkdir(parents=True, exist_ok=True)
        (ws.path / name).write_text("1\n")
    workspace.begin(ws)
    assert set(git(ws.path, "show", "--format=", "--name-only").splitlines()) == kept


def test_a_project_that_was_copied_with_its_clone_pushes_into_itself(project: Path) -> None:
    prepared(project)
    copy = project.with_name("copy")
    shutil.copytree(project, copy, symlinks=True)
    ws = prepared(copy)
    sha = workspace.begin(ws)
    workspace.push(ws)
    assert git(copy, "rev-parse", "retrain/2026-11") == sha
    assert git(project, "branch", "--list", "retrain/*") == ""


def test_a_project_that_was_moved_turns_its_months_where_it_is(project: Path) -> None:
    begin = workspace.begin(prepared(project))
    moved = project.with_name("moved")
    project.rename(moved)
    ws = prepared(moved)
    assert workspace.head(ws) == begin
    workspace.push(ws)
    assert git(moved, "rev-parse", "retrain/2026-11") == begin


def test_a_branch_that_somebody_works_on_is_not_pulled_from_under_them(project: Path) -> None:
    git(project, "checkout", "--quiet", "-b", "retrain/2026-11")
    ws = prepared(project)
    (ws.path / "dvc.lock").write_text("all: done\n")
    workspace.commit(ws, "results")
    with pytest.raises(CommandError, match=r"^the branch retrain/2026-11 of .+ cannot be updated"):
        workspace.push(ws)


def test_a_clone_that_was_cut_off_is_made_again(project: Path) -> None:
    (project / ".cache/.clone.half").mkdir(parents=True)
    ws = prepared(project)
    assert (ws.path / "dvc.yaml").exists()


def test_a_clone_has_a_name_to_commit_under_whenever_it_was_cut_off(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", "/dev/null")
    rename = Path.rename

    def cut_off(draft: Path, target: Path) -> None:
        rename(draft, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", cut_off)
        prepared(project)
    workspace.begin(prepared(project))
    author = git(project / ".cache/retrain", "log", "-1", "--format=%an")
    assert author == machine.NOBODY["user.name"]


def test_locks_of_a_git_that_was_killed_stop_no_later_month(project: Path) -> None:
    ws = prepared(project)
    locks = [ws.path / ".git" / name for name in ("index.lock", "HEAD.lock", f"refs/heads/{ws.branch}.lock")]
    for lock in locks:
        lock.touch()
    (ws.path / "dvc.lock").write_text("all: done\n")
    with pytest.raises(CommandError, match=r"^git add failed: fatal: Unable to create .*index\.lock"):
        workspace.commit(ws, "results")
    sha = workspace.commit(prepared(project), "results")
    assert git(ws.path, "rev-parse", ws.branch) == sha


@pytest.mark.parametrize("left", ["{", '{"write": {"/raw": {"pid": %d, "cmd": "dvc repro"}}}'])
def test_what_a_dvc_that_was_killed_held_stops_no_later_month(project: Path, left: str) -> None:
    """Its number is that of a living process elsewhere by now; or it was killed while it wrote the file."""
    running = prepared(project).path / cache.RUNNING
    running.parent.mkdir(parents=True, exist_ok=True)
    running.write_text(left.replace("%d", str(os.getpid())))
    prepared(project)
    assert not running.exists()


def test_a_dvc_that_outlived_its_month_keeps_what_it_holds(project: Path) -> None:
    """Else two of them would write the same outputs."""
    ws = prepared(project)
    running = ws.path / cache.RUNNING
    running.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["cat"], cwd=ws.path, stdin=subprocess.PIPE) as outlived:
        owner = {"pid": outlived.pid, "cmd": "dvc repro"}
        running.write_text(json.dumps({"read": {"/raw": [owner]}}))
        prepared(project)
        assert running.exists()
        assert outlived.stdin is not None
        outlived.stdin.close()
    prepared(project)
    assert not running.exists()


def test_the_line_that_says_why_is_found_in_every_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text(
        '#!/bin/sh\n[ "$LC_ALL" = C ] && why=fatal || why=Schwerwiegend\n'
        'printf "$why: no disk\\nand a hint\\n" >&2\nexit 128\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with pytest.raises(CommandError, match=r"^git status failed: fatal: no disk$"):
        machine.git(tmp_path, "status")


def test_a_folder_without_git_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a git repository with a commit"):
        workspace.prepare(tmp_path, tmp_path / "clone", "2026-11")


def test_a_checkout_of_another_user_is_told_as_git_tells_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(CommandError, match=r"dubious ownership"):
        prepared(project)


def test_stores_are_the_projects_unless_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://there")
    found = prepared(project).environment()
    assert found["MLFLOW_TRACKING_URI"] == f"sqlite:///{project}/mlflow.db"
    assert found["DATABASE_URL"] == "postgresql://there"


def test_relative_places_are_the_projects(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///stores/feedback.db")
    monkeypatch.setenv("PAWTRAIT_PICTURES", "inbox")
    found = prepared(project).environment()
    assert found["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert found["DATABASE_URL"] == f"sqlite:///{project}/stores/feedback.db"
    assert found["PAWTRAIT_PICTURES"] == f"{project}/inbox"
    assert found["PAWTRAIT_PROJECT"] == str(project)
