"""The month's image: who builds it, how it is called, and that a rollback names the one it goes back to."""

import re
import subprocess
from pathlib import Path

import pytest

from pawtrait import champion
from pawtrait.adapters import registry, tracking
from pawtrait.errors import BadParams
from pawtrait.stages import rollback
from pipelines import images
from pipelines.processes import Children, CommandError
from tests.adapters.conftest import client, tracked  # noqa: F401  fixtures
from tests.adapters.test_succession import _empty, logged, note, promoted, three  # noqa: F401  fixtures

ROOT = Path(__file__).parents[2]
BUILDAH = """\
case "$1" in
inspect) while read -r tag label; do [ "$tag" = "$4" ] && last="labels: $label"; done < "$0.built"
    [ -n "$last" ] && echo "$last" ;;
bud) for word; do
        case "$before" in --tag) tag=$word ;; --label) label=$word ;; esac
        before=$word
    done
    echo "$tag $label" >> "$0.built" ;;
esac"""


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git repository: unpacked from a tarball")
@pytest.mark.parametrize(
    ("name", "eol", "text"),
    [("docker/from_files", "lf", "auto"), ("data/feedback/2026-11/accepted.csv", "lf", "unset")],
)
def test_scripts_of_images_have_their_line_ends_wherever_git_checks_them_out(name, eol, text):
    """With core.autocrlf a shell in a container would look for `sh\\r`; sums are of the bytes of data."""
    command = ["git", "-C", str(ROOT), "check-attr", "eol", "text", "--", name]
    said = subprocess.check_output(command, text=True).splitlines()
    assert said == [f"{name}: eol: {eol}", f"{name}: text: {text}"]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts shell scripts by these names on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(images.BUILDER, raising=False)

    def put(**scripts: str) -> Path:
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return folder

    return put


@pytest.mark.parametrize(
    ("scripts", "builder"),
    [
        ({"docker": "exit 0", "buildah": "exit 0"}, "docker"),
        ({"docker": "exit 1", "buildah": "exit 0"}, "buildah"),  # its engine does not answer
        ({"docker": "exit 1"}, None),
        ({}, None),
    ],
)
def test_docker_builds_where_its_engine_answers_and_else_buildah(programs, scripts, builder):
    programs(**scripts)
    assert images.found({}) == builder


def test_the_builder_can_be_named_or_switched_off(programs):
    programs(docker="exit 0", buildah="exit 0")
    assert images.found({images.BUILDER: "buildah"}) == "buildah"
    assert images.found({images.BUILDER: "none"}) is None
    with pytest.raises(BadParams, match="expected auto, docker, buildah or none"):
        images.found({images.BUILDER: "podman"})


def test_a_builder_that_is_named_and_not_installed_is_one_line(programs):
    programs(docker="exit 0")
    with pytest.raises(BadParams, match="PAWTRAIT_BUILDER is 'buildah', which is not installed"):
        images.found({images.BUILDER: "buildah"})


def test_an_image_is_called_by_version_and_data():
    assert images.name("7", {"dvc.outs.data/raw": "0123456789abcdef.dir"}) == "pawtrait-serve:7-01234567"
    assert images.name("7", {}) == "pawtrait-serve:7-unknown"


def test_the_package_index_is_passed_on_and_flags_are_added():
    told = {
        "PIP_INDEX_URL": "https://packages.example/simple",
        images.FLAGS: "--volume '/my wheels:/wheels:ro'",
    }
    words = images.command("buildah", "pawtrait-serve:1-a", "abc", told)
    assert words[:4] == ["buildah", "bud", "--format", "docker"]
    assert words[-5:-1] == [
        "--build-arg",
        f"PIP_INDEX_URL={told['PIP_INDEX_URL']}",
        "--volume",
        "/my wheels:/wheels:ro",
    ]
    assert "PIP_FIND_LINKS" not in " ".join(words)


def test_the_manual_says_that_buildah_keeps_no_layers_by_itself():
    """Else each image is a copy of gigabytes, and each build begins at nothing."""
    manual = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    assert "--layers" in images.COMMANDS["buildah"] or "`BUILDAH_LAYERS=true`" in manual


@pytest.fixture
def project(three, tmp_path, programs):  # noqa: F811
    """A registry with a champion, a checkout with a Dockerfile, a buildah that only writes down its words."""
    (tmp_path / "docker").mkdir()
    (tmp_path / images.DOCKERFILE).touch()
    (tmp_path / "params.yaml").touch()
    programs(buildah=BUILDAH)
    return three


def _build(note: Path) -> str:  # noqa: F811
    return images.build(Path(), note, lambda line: None)


def _built(folder: Path) -> list[str]:
    """The tags of all builds, in order."""
    return [line.split()[0] for line in (folder / "bin/buildah.built").read_text().splitlines()]


def test_the_champion_is_baked_built_and_its_image_noted_with_its_version(project, tmp_path):
    assert _build(project) == "pawtrait-serve:1-unknown was built with buildah"
    assert registry.numbered("1").tags[registry.IMAGE] == "pawtrait-serve:1-unknown"
    inside = champion.read(tmp_path / "docker/baked/service/data/champion.json")
    assert (inside.version, inside.folder) == ("1", f"data/models/{inside.model}")


def test_an_image_that_is_there_is_not_built_again(project, tmp_path):
    _build(project)
    assert _build(project) == "pawtrait-serve:1-unknown is there"
    assert _built(tmp_path) == ["pawtrait-serve:1-unknown"]


@pytest.mark.parametrize(
    "edited", ["src/pawtrait/cli.py", "docker/from_files", "constraints.txt", "params.yaml"]
)
def test_an_image_of_the_name_that_holds_something_else_is_built_again(project, tmp_path, edited):
    """As of an older code, or of another registry whose version has the same number."""
    _build(project)
    (tmp_path / edited).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / edited).write_text("# new\n")
    said = "pawtrait-serve:1-unknown was built with buildah; the old one of that name, of other code or"
    assert _build(project).startswith(said)
    assert _build(project) == "pawtrait-serve:1-unknown is there"
    assert _built(tmp_path) == ["pawtrait-serve:1-unknown"] * 2


def test_all_that_a_build_copies_counts_but_the_page_that_pip_wants_to_see():
    read = re.findall("^COPY (?!--from)(.*) ", (ROOT / images.DOCKERFILE).read_text(encoding="utf-8"), re.M)
    assert {word.rstrip("/") for word in " ".join(read).split()} - {"README.md"} <= set(map(str, images.READ))


def test_what_no_build_reads_builds_no_image_again(project, tmp_path):
    _build(project)
    for name in ("src/pawtrait/__pycache__/cli.pyc", "src/pawtrait.egg-info/PKG-INFO", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _build(project) == "pawtrait-serve:1-unknown is there"


def test_a_run_that_ended_between_build_and_tag_is_made_good_by_the_next(project):
    _build(project)
    tracking.client().delete_model_version_tag(registry.EXPRESSION.name, "1", registry.IMAGE)
    _build(project)
    assert registry.numbered("1").tags[registry.IMAGE] == "pawtrait-serve:1-unknown"


def test_a_rollback_names_the_image_that_goes_back(project, capsys):
    _build(project)
    promoted("3", project, force=True)
    assert _build(project) == "pawtrait-serve:3-unknown was built with buildah"
    rollback.run(actor="bob", reasons=[], note=project)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "version 1 is champion again, version 3 is previous; its image is pawtrait-serve:1-unknown"


def test_a_build_that_fails_says_why_and_notes_no_image(project, programs):
    programs(buildah='test "$1" = bud && echo "no space left" && exit 1; exit 1')
    with pytest.raises(CommandError, match="no space left"):
        _build(project)
    assert registry.IMAGE not in registry.numbered("1").tags


def test_ctrl_c_is_one_line_and_notes_no_image(project, monkeypatch, capsys):
    """A build takes minutes."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(champion, "NOTE", project)
    monkeypatch.setattr(Children, "run", interrupted)
    assert images.main([]) == 130
    said = capsys.readouterr()
    assert said.err.startswith("images: interrupted; ") and said.err.count("\n") == 1
    assert registry.IMAGE not in registry.numbered("1").tags


def test_without_a_builder_there_is_none_and_the_reason_is_told(project, monkeypatch):
    monkeypatch.setenv(images.BUILDER, "none")
    assert _build(project) == images.NOBODY
