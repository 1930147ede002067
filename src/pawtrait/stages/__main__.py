"""``python -m pawtrait.stages NAME --path …``: what dvc.yaml calls to run one stage."""

import argparse
import importlib
import inspect
import logging
import pkgutil
import sys
from collections.abc import Callable

from pawtrait import environment, progress, stages
from pawtrait.errors import PawtraitError

NOISY = ("mlflow", "alembic", "great_expectations", "fsspec", "absl", "tf2onnx", "matplotlib")


def main(arguments: list[str]) -> int:
    """Run the stage named first with the paths that follow; 2 after an error that a person can mend."""
    environment.settle()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    names = [module.name for module in pkgutil.iter_modules(stages.__path__) if module.name != "__main__"]
    chooser = argparse.ArgumentParser("python -m pawtrait.stages", description="Run one stage; see dvc.yaml.")
    chooser.add_argument("stage", choices=names)
    stage = chooser.parse_args(arguments[:1]).stage
    with environment.muffled():
        run = importlib.import_module(f"pawtrait.stages.{stage}").run
    paths = vars(_parser(stage, run).parse_args(arguments[1:]))
    try:
        run(**paths)
    except PawtraitError as error:
        progress.say(f"{stage}: {error}")
        return 2
    return 0


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
