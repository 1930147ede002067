"""dvc.yaml and params.yaml as the tests of this folder look at them: plain YAML, nothing resolved by DVC."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, ...]
OUTSIDE = {  # stages run by make, command line and flow: DVC sees no why
    "backup",
    "bake",
    "chronicle",
    "collect",
    "fingerprint",
    "forget",
    "freeze",
    "gate",
    "monitor",
    "promote",
    "prune",
    "register",
    "record_splits",
    "register_painters",
    "take_in",
    "restore",
    "rollback",
}
ITEMS = ("${item.model}", "${train_augmented.model}", "${cyclegan.preset}")


@cache
def stages() -> dict[str, dict[str, Any]]:
    """What dvc.yaml says of each stage."""
    return dict(yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"])


@cache
def params() -> dict[str, Any]:
    """params.yaml, unchecked."""
    return dict(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")))


def deps(stage: str) -> set[str]:
    """The paths that a stage depends on."""
    return set(stages()[stage]["deps"])


def writes(stage: str) -> set[str]:
    """The paths that a stage makes, those among its metrics and plots included."""
    entries = [e for kind in ("outs", "metrics", "plots") for e in stages()[stage].get(kind, [])]
    return {path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)}


def listed(stage: str) -> list[Key]:
    """The keys of params.yaml that a stage depends on; ``*`` stands for the model or preset that it names."""
    keys = stages()[stage]["params"]
    for item in ITEMS:
        keys = [key.replace(item, "*") for key in keys]
    return [tuple(key.split(".")) for key in keys]


def command(stage: str) -> tuple[list[str], dict[str, str]]:
    """What a stage runs: the words before its options, and the options."""
    words = shlex.split(stages()[stage]["cmd"])
    first = next(n for n, word in enumerate(words) if word.startswith("--"))
    return words[:first], dict(zip(words[first::2], words[first + 1 :: 2], strict=True))
