"""The champion's note: a small file, written by ``register``, that says which model predicts here."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pawtrait.errors import BadModel
from pawtrait.files import write_text

NOTE = Path("data/champion.json")
MODEL = "pet-expression"  # the classifiers' name in registry and ledger
PAINTER = "pet-portrait-{}"  # the painters'


@dataclass(frozen=True, slots=True)
class Champion:
    """Which registered version predicts, and where its files lie."""

    name: str  # of the registered model
    version: str
    model: str  # cnn, mobilenet_v2 …
    sha256: str  # of model.onnx
    folder: str  # a sealed model folder, relative to the project's root where it lies inside


def write(champion: Champion, note: Path = NOTE) -> None:
    """Replace the note."""
    write_text(note, json.dumps(asdict(champion), indent=1) + "\n")


def read(note: Path = NOTE) -> Champion:
    """The champion that the note names.

    Raises:
        BadModel: there is no note yet, or the file is none.
    """
    try:
        return Champion(**json.loads(note.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise BadModel(
            f"there is no champion yet: {note} does not exist; run `make demo`, or `dvc repro` and"
            " `pawtrait register`, or name a model folder with --model"
        ) from error
    except (ValueError, TypeError) as error:
        raise BadModel(f"{note} is no champion's note; run `pawtrait register` to write it again") from error
