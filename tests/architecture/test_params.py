"""params.yaml, params.py and dvc.yaml speak of the same keys, and each stage names those that it reads."""

from pathlib import Path

import pytest
import reads
import wiring
import yaml
from pydantic import BaseModel

from pawtrait import params

LINE = "\n# From here on: read by commands outside DVC"
STAGES = sorted(wiring.stages())


def test_the_file_has_exactly_the_keys_of_the_model():
    assert params.load().model_dump(by_alias=True, mode="json") == wiring.params()


def test_no_value_hides_in_the_code_as_a_default():
    assert [name for name, field in _fields(params.Params) if not field.is_required()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_key_that_a_stage_names_exists(stage):
    assert [key for key in wiring.listed(stage) if not _exists(key)] == []


def test_every_key_is_named_by_a_stage_of_dvc_or_read_outside_it():
    listed = {key for stage in STAGES for key in wiring.listed(stage)}
    listed |= reads.keys_read_outside() | reads.PACE
    leaves = set(_leaves(wiring.params()))
    assert {key for key in leaves if not any(_within(_starred(key), whole) for whole in listed)} == set()


def test_no_section_is_both_a_result_of_dvc_and_a_policy_outside_it():
    listed = {key[0] for stage in STAGES for key in wiring.listed(stage)}
    outside = _after_the_line()
    assert outside and outside & listed == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_every_key_that_it_reads(stage):
    listed = wiring.listed(stage)
    assert [key for key in reads.keys_read(stage) if not any(_within(key, whole) for whole in listed)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_every_key_that_it_names(stage):
    read = reads.keys_read(stage)
    used = {key for key in wiring.listed(stage) for r in read if _within(r, key) or _within(key, r)}
    assert set(wiring.listed(stage)) == used


def test_a_preset_that_is_not_chosen_makes_no_training_stale():
    listed = [key for key in wiring.listed("train_cyclegan") if key[0] == "cyclegan"]
    assert listed == [("cyclegan", "preset"), ("cyclegan", "presets", "*")]


@pytest.mark.parametrize(
    ("stage", "keys"),
    [("train", {"checkpoint_seconds"}), ("train_augmented", {"checkpoint_seconds", "folds"})],
)
def test_what_decides_nothing_of_a_training_does_not_make_it_stale(stage, keys):
    named = wiring.listed(stage)
    assert {key for key in keys if any(_within(("train", key), whole) for whole in named)} == set()


def test_what_a_recipe_takes_along_is_known_key_by_key():
    keys = {(reads.HANDED, key) for key in ("batch", "capped", "mixed_precision")}
    assert {key for key in reads.keys_read("train_augmented") if key[0] == reads.HANDED} == keys
    assert {key for key in reads.keys_read("train") if key[0] == reads.HANDED} == keys | {("train", "folds")}


def test_every_selected_model_has_a_recipe():
    assert set(wiring.params()["selected"]) <= set(wiring.params()["models"])


def _within(key: wiring.Key, whole: wiring.Key) -> bool:
    return key[: len(whole)] == whole


def _starred(key: wiring.Key) -> wiring.Key:
    """A model's or preset's key as dvc.yaml writes it, for any of them."""
    for choice in (("models",), ("cyclegan", "presets")):
        if _within(key, choice):
            return (*choice, "*", *key[len(choice) + 1 :])
    return key


def _after_the_line() -> set[str]:
    """The sections of params.yaml below the comment that says what DVC does not read."""
    text = Path("params.yaml").read_text(encoding="utf-8").partition(LINE)[2]
    return set(yaml.safe_load("#" + text))


def _exists(key: wiring.Key) -> bool:
    here = wiring.params()
    for part in key:
        if not isinstance(here, dict) or not here or (part != "*" and part not in here):
            return False
        here = next(iter(here.values())) if part == "*" else here[part]
    return True


def _leaves(here: dict, above: wiring.Key = ()):
    for name, value in here.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _fields(model: type[BaseModel], above: str = ""):
    """Every field with its full name; sections are entered through their type."""
    for name, field in model.model_fields.items():
        yield f"{above}{name}", field
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _fields(part, f"{above}{name}.")
