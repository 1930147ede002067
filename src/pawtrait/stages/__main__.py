"""``python -m pawtrait.stages NAME --path …``: what dvc.yaml calls to run one stage."""

import importlib
import logging
import sys

import typer

from pawtrait import environment, progress
from pawtrait.errors import PawtraitError


def main(arguments: list[str]) -> int:
    """Run the stage named first with the paths that follow; 2 after an error that a person can mend."""
    environment.settle()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("pawtrait").setLevel(logging.INFO)
    for noisy in ("mlflow", "alembic", "great_expectations", "fsspec", "absl", "tf2onnx", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    name, *options = arguments or ["--help"]
    if name.startswith("-"):
        print("usage: python -m pawtrait.stages STAGE --path …; dvc.yaml lists the stages and their paths")
        return 0
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(importlib.import_module(f"pawtrait.stages.{name}").run)
    try:
        app(options, standalone_mode=False)
    except PawtraitError as error:
        progress.say(f"{name}: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
