"""dvc.yaml against the code: what a stage is made of, what it is called with, and where its files lie."""

import ast
from pathlib import Path

import closures
import pytest
import wiring

from pawtrait import cli
from pawtrait.adapters import dvc

STAGES = sorted(wiring.stages())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(stage):
    named = {path for path in wiring.deps(stage) if path.endswith(".py")}
    assert named == closures.files_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_fills_templates_depends_on_them(stage):
    uses = "src/pawtrait/evaluation/page.py" in closures.files_of(stage)
    assert uses == ("src/pawtrait/evaluation/templates" in wiring.deps(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_called_with_the_keywords_that_its_function_takes(stage):
    words, options = wiring.command(stage)
    assert words == ["python", "-m", "pawtrait.stages", stage]
    assert {name.removeprefix("--").replace("-", "_") for name in options} == _keywords(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_told_of_no_path_that_dvc_does_not_know(stage):
    known = wiring.deps(stage) | wiring.writes(stage)
    paths = {path for path in wiring.command(stage)[1].values() if path not in wiring.ITEMS}
    assert [p for p in paths if not any(k == p or k.startswith(f"{p}/") for k in known)] == []


def test_every_dependency_exists_or_is_made_by_a_stage():
    made = {path for stage in STAGES for path in wiring.writes(stage)}
    needed = {path for stage in STAGES for path in wiring.deps(stage)}
    assert [p for p in needed if not (Path(p).exists() or _made(p, made))] == []


def test_every_stage_is_a_file_and_a_command():
    files = {path.stem for path in Path("src/pawtrait/stages").glob("[a-z]*.py")}
    assert files - wiring.OUTSIDE == set(STAGES) == set(cli.STAGES)


def test_the_command_line_knows_which_stages_run_by_model():
    assert {stage for stage in STAGES if "matrix" in wiring.stages()[stage]} == set(cli.BY_MODEL)


def _keywords(stage: str) -> set[str]:
    """The keyword-only arguments of a stage's ``run``, read without importing any framework."""
    tree = ast.parse(Path(f"src/pawtrait/stages/{stage}.py").read_text(encoding="utf-8"))
    run = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    return {argument.arg for argument in run.args.kwonlyargs}


def _made(path: str, made: set[str]) -> bool:
    """A stage makes the path itself, or all that lies in it (``data/models`` for ``data/models/cnn``)."""
    return any(out == path or out.startswith(f"{path}/") for out in made)


def test_lanes_that_run_at_once_share_no_stage_and_need_nothing_of_each_other():
    """DVC locks what a stage reads and writes, so one lane must not touch the other's outputs."""
    before: set[str] = set()
    for act in dvc.acts(["one", "two"]):
        lanes = [set(stages) for stages in act.values()]
        assert set.intersection(*lanes) == set()
        for lane in lanes:
            assert _upstream({stage.partition("@")[0] for stage in lane}) <= before | lane | {"evaluate"}
        before |= set.union(*lanes)


def test_every_model_is_scored_in_one_lane_or_the_other():
    models = ["one", "two", "three", "four"]
    assert sorted(stage for lane in dvc.acts(models)[-1].values() for stage in lane) == [
        f"evaluate@{model}" for model in sorted(models)
    ]


def test_the_pipelines_image_has_all_data_that_stages_depend_on_and_none_makes():
    """And the context lets them in: a bare ``dvc repro`` there stops at the first that is missing."""
    made = {path for stage in STAGES for path in wiring.writes(stage)}
    needed = {path for stage in STAGES for path in wiring.deps(stage) if path.startswith("data/")}
    given = {path for path in needed if not any(_part(path, output) for output in made)}
    assert {"data/source.json", "data/feedback"} <= given
    copied = Path("docker/pipeline.Dockerfile").read_text(encoding="utf-8").split()
    let_in = Path(".dockerignore").read_text(encoding="utf-8").split()
    for name in given:
        assert any(word == name or word.startswith(f"{name}/") for word in copied), name
        assert any(word == f"!{name}" or word.startswith(f"!{name}/") for word in let_in), name


def _upstream(stages):
    """These stages, and all that they need."""
    found, new = set(), set(stages)
    while new:
        found |= new
        needed = {path for stage in new for path in wiring.deps(stage)}
        new = {s for s in STAGES if any(_part(n, out) for n in needed for out in wiring.writes(s))} - found
    return found


def _part(path, output):
    """Whether one lies in the other; a name that DVC fills in stands for any."""
    path, output = path.split("/${")[0], output.split("/${")[0]
    return path == output or path.startswith(f"{output}/") or output.startswith(f"{path}/")
