"""The documents keep up with the code: the README's commands exist, ARCHITECTURE.md names every file."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import wiring

from pawtrait import cli

ROOTS = ("src", "pipelines", "tests", "benchmarks")
FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PREFIX = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?")


def _commands(document: str) -> list[list[str]]:
    """The words of every line in the document's shell blocks, a prompt and variables left out."""
    lines = "\n".join(FENCE.findall(Path(document).read_text(encoding="utf-8"))).splitlines()
    words = [shlex.split(PREFIX.sub("", line), comments=True) for line in lines]
    return [line for line in words if line]


def _named(program: str, *, flags: str = "") -> list[list[str]]:
    """What follows the program in each command of the README."""
    start = [program, *flags.split()]
    return [line[len(start) :] for line in _commands("README.md") if line[: len(start)] == start]


def test_the_readme_begins_with_the_demo():
    assert ["make", "demo"] in _commands("README.md")


def test_make_targets_in_the_readme_exist_and_explain_themselves():
    explained = re.findall(r"^([a-z-]+):.*## ", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {word for line in _named("make") for word in line if "=" not in word and not word.startswith("-")}
    assert named <= set(explained)


def test_pawtrait_commands_and_options_in_the_readme_exist():
    known = dict(_options(typer.main.get_command(cli.app)))
    problems = [" ".join(line) for line in _named("pawtrait") if not _understood(line, known)]
    assert problems == []


def test_modules_in_the_readme_exist():
    modules = [line[0].replace(".", "/") for line in _named("python", flags="-m") if line]
    assert [m for m in modules if not _is_module(m)] == []


def test_stages_in_the_readme_exist():
    named = {word.partition("@")[0] for line in _named("dvc", flags="repro") for word in line[:1]}
    assert {word for word in named if not word.startswith("-")} <= set(wiring.stages())


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_and_pictures_lead_somewhere(document):
    targets = re.findall(r"\]\(([^)#]+)\)", Path(document).read_text(encoding="utf-8"))
    assert [t for t in targets if "://" not in t and not Path(t).exists()] == []


@pytest.mark.parametrize("root", ROOTS)
def test_architecture_names_every_file(root):
    files = {path.as_posix() for path in Path(root).rglob("*") if _written_by_hand(path)}
    named = {path for path in _explained() if path.startswith(f"{root}/")}
    assert named == files


def _options(group: typer.core.TyperGroup) -> Iterator[tuple[str, set[str]]]:
    for name, command in group.commands.items():
        yield name, {option for parameter in command.params for option in parameter.opts} | {"--help"}
    yield "", {option for parameter in group.params for option in parameter.opts} | {"--help"}


def _understood(line: list[str], known: dict[str, set[str]]) -> bool:
    command = next((word for word in line if not word.startswith("-")), "")
    options = {word.partition("=")[0] for word in line if word.startswith("--")}
    return command in known and options <= known[command] | known[""]


def _is_module(path: str) -> bool:
    files = (f"{path}.py", f"{path}/__main__.py", f"src/{path}.py", f"src/{path}/__main__.py")
    return any(Path(file).is_file() for file in files)


def _written_by_hand(path: Path) -> bool:
    """A file with something in it, that no tool has made."""
    made = "__pycache__" in path.parts or any(part.endswith(".egg-info") for part in path.parts)
    return path.is_file() and not made and not path.name.startswith(".") and path.stat().st_size > 0


def _explained() -> set[str]:
    """The files that ARCHITECTURE.md has a line for: ```name` …`` under a heading that names the folder."""
    folder, found = "", set()
    for line in Path("ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ `([\w/]+)/`", line):
            folder = heading[1]
        elif line.startswith("#"):
            folder = ""
        elif folder and (entry := re.match(r"- ((?:`[\w./]+`(?:, )?)+)", line)):
            found |= {f"{folder}/{name}" for name in re.findall(r"`([\w./]+)`", entry[1])}
    return found
