"""`make up`: secrets that are made once, and one line where containers cannot be had."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from pawtrait.serving import keys
from pipelines import team

ROOT = Path(__file__).parents[2]


def test_every_secret_of_the_compose_file_is_made(compose, tmp_path):
    made = team.make_secrets(tmp_path / "secrets")
    mounted = {one["file"] for one in compose["secrets"].values()}
    assert {f"./secrets/{name}" for name in made} == mounted | {"./secrets/staff_key"}  # that people type in


def test_secrets_are_made_once(tmp_path):
    team.make_secrets(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert team.make_secrets(tmp_path) == []
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_lost_address_is_made_again_for_the_same_password(tmp_path):
    team.make_secrets(tmp_path)
    before = (tmp_path / "feedback_url").read_text()
    (tmp_path / "feedback_url").unlink()
    assert team.make_secrets(tmp_path) == ["feedback_url"]
    assert (tmp_path / "feedback_url").read_text() == before


def test_nobody_else_enters_the_folder(tmp_path):
    team.make_secrets(tmp_path / "secrets")
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_the_service_knows_the_web_app_by_its_key(tmp_path):
    team.make_secrets(tmp_path)
    known = keys.Keys(tmp_path / "keys")
    app, staff = (known.find((tmp_path / f"{name}_key").read_text()) for name in ("app", "staff"))
    assert app is not None and staff is not None
    assert set(app.scopes) == {"read", "feedback"} and app.shared  # whoever opens the app comes with it
    assert set(staff.scopes) == {"review", "admin"}


@pytest.mark.parametrize("name", ["app", "staff"])
def test_a_key_whose_file_was_removed_is_made_again_and_known_and_added_ones_stay(tmp_path, name):
    team.make_secrets(tmp_path)
    rosa = keys.add(tmp_path / "keys", "rosa", ["review"])
    others = [(tmp_path / f"{one}_key").read_text() for one in ("app", "staff") if one != name]
    before = keys.Keys(tmp_path / "keys").find(old := (tmp_path / f"{name}_key").read_text())
    (tmp_path / f"{name}_key").unlink()
    assert team.make_secrets(tmp_path) == [f"{name}_key"]
    known = keys.Keys(tmp_path / "keys")
    now = known.find((tmp_path / f"{name}_key").read_text())
    assert (
        before and now and (now.name, now.scopes, now.shared) == (before.name, before.scopes, before.shared)
    )
    assert all(map(known.find, [rosa, *others])) and not known.find(old)


def test_a_new_password_for_postgresql_is_made_as_the_page_says(tmp_path):
    """One in all addresses, and nothing else is new."""
    team.make_secrets(tmp_path / "docker/secrets")
    before = {path.name: path.read_text() for path in (tmp_path / "docker/secrets").iterdir()}
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    (removal,) = re.findall(r"^rm docker/secrets/postgres_password .*$", page, re.MULTILINE)
    subprocess.run(["sh", "-c", removal], cwd=tmp_path, check=True)
    made = team.make_secrets(tmp_path / "docker/secrets")
    assert set(made) == {"postgres_password", *team.DATABASES}
    password = (tmp_path / "docker/secrets/postgres_password").read_text()
    assert password != before["postgres_password"]
    assert all(f":{password}@" in (tmp_path / "docker/secrets" / name).read_text() for name in team.DATABASES)


def test_no_two_set_ups_share_a_secret(tmp_path):
    for name in ("one", "two"):
        team.make_secrets(tmp_path / name)
    same = [
        p.name
        for p in (tmp_path / "one").iterdir()
        if p.read_text() == (tmp_path / "two" / p.name).read_text()
    ]
    assert same == []


def test_whoever_an_image_runs_as_reads_what_it_mounts_from_a_checkout_that_is_closed(compose, tmp_path):
    folder = tmp_path / "docker"
    shutil.copytree(ROOT / "docker", folder)
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    team.show(folder)
    mounts = [
        folder / one.split(":")[0]
        for name in ("postgres", "prometheus", "grafana")
        for one in compose["services"][name]["volumes"]
        if one.startswith("./")
    ]
    assert len(mounts) == 5
    for path in (one for mount in mounts for one in [mount, *mount.rglob("*")]):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path
    assert (folder / "compose.yaml").stat().st_mode & 0o777 == 0o600  # no more than that


def test_a_closed_file_of_somebody_else_is_one_line(tmp_path, monkeypatch):
    def refused(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    (tmp_path / "alarms.yml").touch(mode=0o600)
    monkeypatch.setattr(Path, "chmod", refused)
    with pytest.raises(team.Missing, match=r"cannot read .*alarms\.yml, which is not yours"):
        team.show(tmp_path)


def test_files_are_opened_before_compose_is_told_to_start(engine, tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/alarms.yml").touch(mode=0o600)
    assert (
        engine(
            f'test "$4" != up || {shutil.which("stat")} -c %a docker/alarms.yml > {tmp_path}/seen'
        ).returncode
        == 0
    )
    assert (tmp_path / "seen").read_text() == "644\n"


@pytest.fixture
def engine(tmp_path):
    """Puts a `docker` of a shell script on an otherwise empty PATH; gives what `make up` then says.

    VOLUME=0 has it know a volume of PostgreSQL's.
    """

    def starts(script: str | None, owner: int = 1000, **told: str) -> subprocess.CompletedProcess[str]:
        programs = tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        if script is not None:
            volume = 'test "$1" != volume || exit "${VOLUME:-1}"'
            (programs / "docker").write_text(f"#!/bin/sh\n{volume}\n{script}\n")
            (programs / "docker").chmod(0o755)
        (tmp_path / "docker").mkdir(exist_ok=True)
        (tmp_path / "docker/compose.yaml").write_text("services: {}\n")
        if not os.getuid():
            os.chown(tmp_path, owner, owner)
        env = {**os.environ, "PATH": str(programs), "PYTHONPATH": f"{ROOT}:{ROOT}/src", **told}
        command = [sys.executable, "-m", "pipelines.team"]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    return starts


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "docker is not installed"),
        ("exit 1", "its engine does not answer"),
        ('test "$1" != compose', "install the package docker-compose-plugin"),
    ],
)
def test_what_is_missing_is_one_line(engine, tmp_path, script, said):
    done = engine(script)
    assert done.returncode == 2
    assert done.stderr.startswith("up: ") and said in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "docker/secrets").exists()


def test_no_new_secrets_are_made_for_a_database_that_has_its_own(engine, tmp_path):
    """As where a new clone took the place of the old one: nothing could come into that database."""
    done = engine("exit 0", VOLUME="0")
    assert done.returncode == 2 and not (tmp_path / "docker/secrets").exists()
    assert (
        done.stderr.startswith("up: PostgreSQL's volume pawtrait_postgres") and done.stderr.count("\n") == 1
    )


def test_a_database_whose_secrets_are_here_is_started_again(engine):
    assert engine("exit 0").returncode == 0
    assert engine("exit 0", VOLUME="0").returncode == 0


def test_with_all_there_compose_is_told_to_build_and_start(engine, tmp_path):
    done = engine(f'echo "$@" >> {tmp_path}/told')
    assert done.returncode == 0, done.stderr
    last = (tmp_path / "told").read_text().splitlines()[-1]
    assert last == "compose --file docker/compose.yaml up --detach --build --remove-orphans"
    assert "http://127.0.0.1:8501" in done.stdout
    noted = dotenv_values(tmp_path / "docker/.env")  # which lies where Compose looks for it
    assert noted["PAWTRAIT_UID"] == str(tmp_path.stat().st_uid)
    assert noted["PAWTRAIT_GID"] == str(tmp_path.stat().st_gid)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_containers_write_as_the_owner_of_the_checkout_whoever_starts_them(engine, tmp_path):
    assert engine("exit 0", owner=1234).returncode == 0
    noted = dotenv_values(tmp_path / "docker/.env")
    assert (noted["PAWTRAIT_UID"], noted["PAWTRAIT_GID"]) == ("1234", "1234")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_what_a_start_by_sudo_makes_is_the_owner_s(engine, tmp_path):
    """Else the next start without sudo could not enter the secrets, and Compose not read its wishes."""
    (tmp_path / "docker/baked/service").mkdir(parents=True)  # as `pawtrait bake` made it just before
    assert engine("exit 0", owner=1234).returncode == 0
    made = [tmp_path / "docker/.env"]
    for folder in ("baked", "secrets"):
        made += [tmp_path / "docker" / folder, *(tmp_path / "docker" / folder).rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(1234, 1234)}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_what_was_baked_is_the_owner_s_after_a_start_by_sudo_that_stopped(engine, tmp_path):
    """Else the next start without sudo could not bake."""
    (tmp_path / "docker/baked/service").mkdir(parents=True)
    assert engine("exit 1", owner=1234).returncode == 2
    assert (tmp_path / "docker/baked/service").stat().st_uid == 1234


def test_ctrl_c_is_one_line(tmp_path, monkeypatch, capsys):
    """As while Compose builds images, which takes minutes."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(team, "check", interrupted)
    assert team.main([]) == 130
    said = capsys.readouterr()
    assert said.err.startswith("up: interrupted; ") and said.err.count("\n") == 1 and not said.out


def test_a_folder_that_cannot_be_used_is_one_line(engine, tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/secrets").touch()
    done = engine("exit 0")
    assert done.returncode == 2
    assert done.stderr.startswith("up: ") and "docker/secrets" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_a_checkout_of_root_is_one_line_unless_somebody_says_who_else_writes(engine, tmp_path):
    done = engine("exit 0", owner=0)
    assert done.returncode == 2 and not (tmp_path / "docker/secrets").exists()
    assert done.stderr.startswith("up: this checkout belongs to root") and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_who_is_named_writes_into_a_checkout_of_root(engine, tmp_path):
    assert engine("exit 0", owner=0, PAWTRAIT_UID="7").returncode == 0
    assert dotenv_values(tmp_path / "docker/.env")["PAWTRAIT_UID"] == "7"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
@pytest.mark.parametrize(("owner", "named"), [(0, "7"), (1234, "0")])
def test_who_was_named_once_writes_after_the_next_start_too(engine, tmp_path, owner, named):
    assert engine("exit 0", owner=owner, PAWTRAIT_UID=named).returncode == 0
    assert engine("exit 0", owner=owner).returncode == 0
    assert dotenv_values(tmp_path / "docker/.env")["PAWTRAIT_UID"] == named


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_who_was_only_found_is_looked_up_by_each_start(engine, tmp_path):
    for owner in (1234, 4321):
        assert engine("exit 0", owner=owner).returncode == 0
        noted = dotenv_values(tmp_path / "docker/.env")
        assert (noted["PAWTRAIT_UID"], noted["PAWTRAIT_GID"]) == (str(owner), str(owner))
    assert engine("exit 0", owner=0).returncode == 2


def test_a_wish_of_one_start_holds_for_whatever_is_called_later(tmp_path):
    file = tmp_path / ".env"
    file.write_text("COMPOSE_PARALLEL_LIMIT=2\nPAWTRAIT_UID=7\n")
    first = {"PAWTRAIT_UID": "1234", "PAWTRAIT_MODEL": "", "PAWTRAIT_TARGET": "full", "HOME": "/"}
    team.note_wishes(file, first, {})
    team.note_wishes(file, {"PAWTRAIT_UID": "1234", "PAWTRAIT_TARGET": "serve"}, {"PAWTRAIT_UID": "0"})
    assert dotenv_values(file) == {
        "COMPOSE_PARALLEL_LIMIT": "2",
        "PAWTRAIT_MODEL": "",  # the model in the image, not the default
        "PAWTRAIT_UID": "1234",
        "PAWTRAIT_TARGET": "serve",
    }


def test_a_webhook_is_noted_to_the_letter_and_for_nobody_else(tmp_path):
    address = "https://example.org/it's?a=$HOME&b=#1"
    team.note_wishes(tmp_path / ".env", {"PAWTRAIT_WEBHOOK": address}, {})
    assert dotenv_values(tmp_path / ".env") == {"PAWTRAIT_WEBHOOK": address}
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_all_that_the_compose_file_asks_for_is_noted_and_git_never_sees_it(compose):
    asked = set(re.findall(r"\$\{(\w+)", team.COMPOSE.read_text(encoding="utf-8")))
    for one in compose["services"].values():
        asked |= {name for name, value in one.get("environment", {}).items() if value is None}
        asked |= set(one.get("build", {}).get("args", ()))
    assert asked == set(team.TOLD)
    assert f"/{team.WISHES}" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_an_edit_of_a_file_that_is_mounted_by_itself_is_another_sum(engine, tmp_path):
    (tmp_path / "docker").mkdir()
    noted = []
    for text in ("one", "two", "two"):
        (tmp_path / "docker/alarms.yml").write_text(text)
        assert engine("exit 0").returncode == 0
        noted.append(dotenv_values(tmp_path / "docker/.env"))
    sums = [one["PAWTRAIT_MOUNTED"] for one in noted]
    assert sums[0] != sums[1] == sums[2]
    assert len({one["PAWTRAIT_MOUNTED_APP"] for one in noted}) == 1  # the web app does not see that file


def test_a_key_of_the_app_made_anew_is_another_sum(engine, tmp_path):
    """Its container would go on with the one that was removed, which the service knows no more."""
    noted = []
    for _ in range(2):
        (tmp_path / "docker/secrets/app_key").unlink(missing_ok=True)
        assert engine("exit 0").returncode == 0
        noted.append(dotenv_values(tmp_path / "docker/.env")["PAWTRAIT_MOUNTED_APP"])
    assert noted[0] != noted[1]


def test_it_needs_nothing_but_the_standard_library():
    command = [sys.executable, "-S", "-c", "import pipelines.team"]  # -S: no packages
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_python_make_up_is_one_line_and_no_success(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    bake = tmp_path / ".venv/bin/pawtrait"
    for path in (bake, tmp_path / "data/champion.json"):
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    bake.write_text("#!/bin/sh\ntouch baked\n")
    command = ["make", "--quiet", "up", "PYTHON="]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\*", line)]
    assert done.returncode == 2 and len(said) == 1
    assert said[0].startswith("make up: found no Python 3.11 or 3.12")
    assert not (tmp_path / "baked").exists()  # by sudo it would be root's, and nobody there to hand it over


def test_make_up_leaves_no_bytecode_behind(tmp_path):
    """By sudo it would be root's, and `make clean` of the owner could not clear it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pipelines").mkdir()
    for name in ("__init__.py", "team.py"):
        shutil.copy(ROOT / "pipelines" / name, tmp_path / "pipelines")
    bake = tmp_path / ".venv/bin/pawtrait"
    for path in (bake, tmp_path / "data/champion.json"):
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    bake.write_text('#!/bin/sh\necho "$PYTHONDONTWRITEBYTECODE" > baked\n')
    told = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH"}
    env = {name: value for name, value in os.environ.items() if name not in told}
    command = ["make", "--quiet", "up", f"PYTHON={shlex.quote(sys.executable)}"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stderr.startswith("up: docker/compose.yaml does not exist here"), (
        done.stderr
    )  # so team.py has run
    assert (tmp_path / "baked").read_text() == "1\n"
    assert not (tmp_path / "pipelines/__pycache__").exists()


def test_where_pip_cannot_install_make_setup_says_what_its_words_mean(tmp_path):
    """Without a network they end with a package of which there are no versions."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ntest "$3" != install\n')
    python.chmod(0o755)
    command = ["make", "--quiet", "setup", f"PYTHON={shlex.quote(sys.executable)}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "PIP_INDEX_URL" in done.stderr and "TMPDIR" in done.stderr
    assert not (tmp_path / ".venv/installed").exists()


def test_a_persons_settings_of_pip_do_not_lead_the_installation_elsewhere(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ntest "$3" != install || echo "$PIP_TARGET$PIP_PREFIX|$*" > told\n')
    python.chmod(0o755)
    subprocess.run(
        ["make", "--quiet", "setup", f"PYTHON={shlex.quote(sys.executable)}"],
        cwd=tmp_path,
        env={**os.environ, "PIP_USER": "1", "PIP_TARGET": "elsewhere", "PIP_PREFIX": "elsewhere"},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "told").read_text().startswith("|-m pip install --no-user ")


def test_secrets_alone_can_be_made_for_kubernetes(tmp_path):
    command = [sys.executable, "-m", "pipelines.team", "--secrets"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{ROOT}"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "docker/secrets/keys").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["app", "staff"]
