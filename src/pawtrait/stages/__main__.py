"""``python -m pawtrait.stages NAME --path …``: what dvc.yaml calls to run one stage."""

import argparse
import errno
import importlib
import inspect
import logging
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable

from pawtrait import environment, progress, stages
from pawtrait.errors import PawtraitError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOISY = ("mlflow", "alembic", "great_expectations", "fsspec", "absl", "tf2onnx", "matplotlib")
LEAST = dict.fromkeys(NOISY, logging.WARNING) | {"tensorflow": logging.ERROR}  # warns of each new model


def main(arguments: list[str]) -> int:
    """Run the stage named first with the paths that follow; 2 after an error that a person can mend."""
    environment.settle()
    environment.keep_memory()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_worth_saying)
    names = [module.name for module in pkgutil.iter_modules(stages.__path__) if module.name != "__main__"]
    chooser = argparse.ArgumentParser("python -m pawtrait.stages", description="Run one stage; see dvc.yaml.")
    chooser.add_argument("stage", choices=names)
    stage = chooser.parse_args(arguments[:1]).stage
    with environment.muffled(), environment.unswept():
        run = importlib.import_module(f"pawtrait.stages.{stage}").run
    paths = vars(_parser(stage, run).parse_args(arguments[1:]))
    try:
        run(**paths)
    except PawtraitError as error:
        return _failed(f"{stage}: {error}")
    except Exception as error:  # the outermost edge: safetensors has an error of its own for a full disk
        if not _full(error):
            raise
        return _failed(f"{stage}: the disk is full ({error}); free some space and run again")
    return 0


def _failed(line: str) -> int:
    """Say why a stage ends; before that, where its error came from, if `pawtrait --traceback` asks for it."""
    if environment.TRACEBACK in os.environ:
        traceback.print_exc()
    progress.say(line)
    return 2


def _worth_saying(record: logging.LogRecord) -> bool:
    """Whatever level a framework's loggers have given themselves; Great Expectations' say INFO."""
    return record.levelno >= LEAST.get(record.name.partition(".")[0], logging.NOTSET)


def _full(error: Exception) -> bool:
    """Whether there is no room left; numpy counts what it could not write, safetensors spells the number."""
    if isinstance(error, OSError):
        return error.errno in FULL or (error.errno is None and " requested and " in str(error))
    return any(f"(os error {number})" in str(error) for number in FULL)


def _parser(stage: str, run: Callable[..., None]) -> argparse.ArgumentParser:
    """An option for every keyword of the stage's ``run``, all required."""
    parser = argparse.ArgumentParser(f"python -m pawtrait.stages {stage}", description=inspect.getdoc(run))
    for keyword in inspect.signature(run).parameters.values():
        name = f"--{keyword.name.replace('_', '-')}"
        parser.add_argument(name, type=keyword.annotation, required=True, metavar="PATH")
    return parser


if __name__ == "__main__":
    environment.repeat_hashes("pawtrait.stages", sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
