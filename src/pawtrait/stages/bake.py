"""What an image holds beside the code, outside DVC: champion, painters and paintings → one folder."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from pawtrait import champion, sealed
from pawtrait.adapters import registry
from pawtrait.dataset import manifest, paintings
from pawtrait.errors import BadModel
from pawtrait.files import whole_folder

SERVED = ("*.onnx", sealed.FACTS)  # what answers need of a model's folder; weights to train on stay behind
SERVICE, NEURAL = "service", "neural"  # for every image of the service; for that which paints by descent too


def run(
    *,
    note: Path,
    painters: Path,
    table: Path,
    pictures: Path,
    weights: Path,
    out: Path,
) -> str:
    """Lay out what the service reads as a project does, below ``out/service``; give the champion's version.

    The note is written anew, with the folder where the model lies in the image. ``out/neural`` holds the
    weights of neural style transfer, which not every image takes. Painters and paintings may be absent.

    Raises:
        BadModel: there is no champion, or a model is damaged or another than the note names.
    """
    known = champion.read(note)
    folder = _folder(known)
    if sealed.check(folder, "model.onnx")["model.onnx"] != known.sha256:
        raise BadModel(f"{folder} is not what {note} names; run `pawtrait register` or restore a backup")
    with whole_folder(out / SERVICE) as draft:
        data = draft / "data"
        inside = Path("data/models") / known.model
        _model(folder, data / "models" / known.model)
        champion.write(replace(known, folder=inside.as_posix()), data / note.name)
        for painter in sorted(one for one in painters.glob("*") if (one / sealed.SUMS).is_file()):
            sealed.check(painter)
            _model(painter, data / painters.name / painter.name)
        _paintings(table, pictures, data)
    with whole_folder(out / NEURAL) as draft:
        _files(weights.glob("*"), draft / "data" / weights.name)
    return known.version


def _folder(known: champion.Champion) -> Path:
    """Where the note says, or fetched again: with a server the note names a copy, which may be gone."""
    folder = Path(known.folder)
    return folder if folder.is_dir() else registry.folder_of(registry.numbered(known.version))


def _model(folder: Path, to: Path) -> None:
    """The served files of a sealed folder, sealed again."""
    _files((path for pattern in SERVED for path in folder.glob(pattern)), to)
    sealed.seal(to)


def _paintings(table: Path, pictures: Path, data: Path) -> None:
    """The table and the paintings that can be named."""
    if table.is_file():
        rows = paintings.taken(manifest.read(table, paintings.Painting))
        manifest.write(data / "tables" / table.name, rows, paintings.Painting)
        _files((pictures / row.path for row in rows), data / pictures.name)


def _files(paths: Iterable[Path], to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for path in paths:
        copyfile(path, to / path.name)
