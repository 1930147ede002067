"""The documents keep up with the code: the README's commands exist, ARCHITECTURE.md names every file."""

import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer
import wiring

from pawtrait import cli
from pawtrait.adapters import weights
from pawtrait.params import Hybrid, Neural

ROOTS = ("src", "pipelines", "tests", "benchmarks")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")  # a line's end may lie within
PROGRAM = re.compile(r"(?:make|pawtrait|python -m) |dvc repro(?: |$)")
PLACEHOLDERS = ("pawtrait STAGE",)
COMMANDING = sorted(["README.md", *map(str, Path("docs").glob("*.md"))])
PREFIX = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?")


def _commands(document: str) -> list[list[str]]:
    """The words of every command in the document, a prompt and variables left out."""
    text = Path(document).read_text(encoding="utf-8")
    words = [shlex.split(PREFIX.sub("", line), comments=True) for line in [*_fenced(text), *_inline(text)]]
    return [line for line in words if line]


def _fenced(text: str) -> list[str]:
    """Every line of the shell blocks."""
    return "\n".join(FENCE.findall(text)).splitlines()


def _inline(text: str) -> list[str]:
    """What stands as code within a sentence or a table and begins with one of our programs."""
    codes = [" ".join(code.split()) for code in INLINE.findall(BLOCK.sub("", text))]
    return [code for code in codes if PROGRAM.match(PREFIX.sub("", code)) and code not in PLACEHOLDERS]


def _named(program: str, *, flags: str = "", document: str = "README.md") -> list[list[str]]:
    """What follows the program in each command of the document."""
    start = [program, *flags.split()]
    return [line[len(start) :] for line in _commands(document) if line[: len(start)] == start]


def test_the_readme_begins_with_the_demo():
    assert _fenced(Path("README.md").read_text(encoding="utf-8"))[0].split()[:2] == ["make", "demo"]


def test_commands_within_sentences_and_tables_are_looked_at_too():
    known = _commands("README.md")
    assert ["pawtrait", "feedback", "review", "--reviewer", "ANN"] in known  # in a table
    assert ["make", "dvc-remote"] in known and ["python", "-m", "pipelines.real"] in known
    assert ["pawtrait", "STAGE"] not in known  # stands for any of them
    told = "Say `make\nsense`, `pawtrait`, or `pawtrait-serve`.\n\n```sh\nmake `nothing`\n```\n"
    assert _inline(told) == ["make sense"]


@pytest.mark.parametrize("document", COMMANDING)
def test_make_targets_exist_and_explain_themselves(document):
    explained = re.findall(r"^([a-z-]+):.*## ", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    lines = _named("make", document=document)
    named = {word for line in lines for word in line if "=" not in word and not word.startswith("-")}
    assert named <= set(explained)


@pytest.mark.parametrize("document", COMMANDING)
def test_pawtrait_commands_and_options_exist(document):
    program = typer.main.get_command(cli.app)
    lines = _named("pawtrait", document=document)
    assert [problem for line in lines if (problem := _misunderstood(line, program))] == []


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "--nonsense",
        "predict --nonsense cat.jpg",
        "feedback nonsense",
        "feedback",
        "feedback review --month 2026-11",
        "feedback review nonsense --reviewer rosa",
        "feedback --reviewer rosa review",
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(line):
    assert _misunderstood(line.split(), typer.main.get_command(cli.app))


@pytest.mark.parametrize("document", COMMANDING)
def test_modules_exist(document):
    lines = _named("python", flags="-m", document=document)
    modules = [line[0].replace(".", "/") for line in lines if line]
    assert [m for m in modules if not _is_module(m)] == []


@pytest.mark.parametrize("document", COMMANDING)
def test_stages_exist(document):
    lines = _named("dvc", flags="repro", document=document)
    named = {word.partition("@")[0] for line in lines for word in line[:1]}
    assert {word for word in named if not word.startswith("-")} <= set(wiring.stages())


@pytest.mark.parametrize("command", ["pawtrait history --plot", "python -m pipelines.retrain --auto"])
def test_the_months_manual_tells_of_what_a_team_would_not_find_by_itself(command):
    known = _commands("docs/months.md")
    assert [line for line in known if line[: len(command.split())] == command.split()]


def test_whoever_takes_in_labels_is_told_that_two_annotators_settle_a_picture():
    """In the README and in the command's help: two files of one person under two names would do so."""
    row = re.search(r"^\| `pawtrait feedback ingest .*", Path("README.md").read_text(encoding="utf-8"), re.M)
    told = typer.main.get_command(cli.app).commands["feedback"].commands["ingest"].help
    for words in (row[0], told):
        assert "annotator" in words and "one reviewer's verdict" in words


@pytest.mark.parametrize("document", COMMANDING)
def test_a_traceback_is_promised_of_the_one_program_that_has_it(document):
    """`python -m pipelines.retrain` and its like do not know the option."""
    lines = Path(document).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "`--traceback`" in line and "`pawtrait`" not in line] == []


def test_who_looks_for_progress_bars_in_the_readme_is_told_how_to_see_them():
    """Lanes that run side by side have none: they write a line an epoch."""
    told = " ".join(Path("README.md").read_text(encoding="utf-8").split())
    assert re.search(
        r"side by side[^.]*a line an epoch[^.]*`pawtrait run --one-by-one`[^.]*progress bar", told
    )


def test_the_monitoring_manual_says_what_is_not_looked_at():
    """No row of what was turned away at the door; no calendar without the flow."""
    told = " ".join(Path("docs/monitoring.md").read_text(encoding="utf-8").split())
    assert "a row for every request;" not in told and "in `/metrics` alone" in told
    rows = dict(re.findall(r"\| (errors|calendar) \| (.*?) \|", told))
    assert "files that cannot be read" in rows["errors"]
    assert "The flow alone" in rows["calendar"]


def test_whoever_has_weights_reads_which_files_style_needs_and_where_to_choose_vgg19():
    _, told = Path("README.md").read_text(encoding="utf-8").split("\n`WEIGHTS` is a folder", 1)
    listed = told.partition("\n\nOnly files")[0]
    assert [net for net, file in weights.STYLES.items() if f"`{Path(file).name}`" not in listed] == []
    assert "github.com/rcmalli/keras-squeezenet" in listed and "`neural.network: vgg19`" in listed
    assert "\n\nOnly files" in told and "`weights.source: keras`" in told.partition("\n## ")[0]


def test_every_choice_of_descent_is_explained():
    told = Path("docs/portraits.md").read_text(encoding="utf-8")
    sections = {"neural": Neural, "hybrid": Hybrid}
    keys = [f"{name}.{key}" for name, section in sections.items() for key in section.model_fields]
    assert [key for key in keys if f"`{key}`" not in told] == []
    assert "in place of `neural.scales` and `neural.steps`" in told  # as hybrid.refine does in either role
    assert (
        "`pawtrait stylize` reads them" in told and "`dvc repro` paints and judges the gallery again" in told
    )


def test_the_datas_page_names_every_file_of_a_model():
    row = re.search(r"^\| `models/MODEL/`.*", Path("data/README.md").read_text(encoding="utf-8"), re.M)[0]
    stage = Path("src/pawtrait/stages/train.py").read_text(encoding="utf-8")
    assert set(re.findall(r'folder / "([\w.]+)"', stage)) <= set(re.findall(r"`([\w.]+)`", row))


def test_help_says_what_is_taken_where_an_option_is_left_out():
    program = typer.main.get_command(cli.app).commands
    told = {one.name: one.help for name in ("serve", "stylize") for one in program[name].params}
    assert "default: PAWTRAIT_MODEL, else the champion" in told["model"]
    assert "Default: the first name" in told["style"]
    assert "feedback" in program["gate"].help


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CHANGELOG.md", *COMMANDING])
def test_links_and_pictures_lead_somewhere(document):
    targets = re.findall(r"\]\(([^)#]+)\)", Path(document).read_text(encoding="utf-8"))
    assert [t for t in targets if "://" not in t and not (Path(document).parent / t).exists()] == []


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CHANGELOG.md", *COMMANDING])
def test_anchors_lead_to_headings(document):
    targets = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", Path(document).read_text(encoding="utf-8"))
    pages = [(Path(document).parent / name if name else Path(document), anchor) for name, anchor in targets]
    assert [f"{page}#{anchor}" for page, anchor in pages if anchor not in _anchors(page)] == []


@pytest.mark.parametrize("root", ROOTS)
def test_architecture_names_every_file(root):
    files = {path.as_posix() for path in Path(root).rglob("*") if _written_by_hand(path)}
    named = {path for path in _explained() if path.startswith(f"{root}/")}
    assert named == files


def test_no_entry_of_the_changelog_stands_twice():
    text = Path("CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE)
    assert [entry for entry, times in Counter(entries).items() if times > 1] == []


def _misunderstood(line: list[str], program: Any) -> str:
    """What is wrong with a command: a sub-command, option or argument that its program does not have."""
    words, command = list(line), program
    while isinstance(command, typer.core.TyperGroup):
        while words and words[0].startswith("-"):
            if words.pop(0).partition("=")[0] not in _options(command):
                return f"{' '.join(line)}: {command.name} has no such option"
        if not words:
            return "" if command.invoke_without_command or _helped(line) else f"{' '.join(line)}: of what?"
        known = command.commands.get(words.pop(0))
        if known is None:
            return f"{' '.join(line)}: {command.name} has no such command"
        command = known
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    if strange := used - _options(command):
        return f"{' '.join(line)}: no option {', '.join(sorted(strange))}"
    takes = any(parameter.param_type_name == "argument" for parameter in command.params)
    plain = words and not words[0].startswith("-")
    return f"{' '.join(line)}: takes no {words[0]}" if plain and not takes else ""


def _options(command: Any) -> set[str]:
    both = [option for one in command.params for option in (*one.opts, *one.secondary_opts)]
    return {*both, "--help"}


def _helped(line: list[str]) -> bool:
    return line[-1] == "--help"


def _is_module(path: str) -> bool:
    files = (f"{path}.py", f"{path}/__main__.py", f"src/{path}.py", f"src/{path}/__main__.py")
    return any(Path(file).is_file() for file in files)


def _written_by_hand(path: Path) -> bool:
    """A file with something in it, that no tool has made."""
    made = "__pycache__" in path.parts or any(part.endswith(".egg-info") for part in path.parts)
    return path.is_file() and not made and not path.name.startswith(".") and path.stat().st_size > 0


def _anchors(page: Path) -> set[str]:
    """The headings of a page as links name them: small letters, hyphens for spaces, no other signs."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
