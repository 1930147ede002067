"""Stage stylize: photos × paintings × methods → a gallery, what each portrait cost, and a sheet."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, product
from pathlib import Path

from matplotlib.figure import Figure

from pawtrait import params, progress
from pawtrait.adapters import tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.paintings import Painting, chosen, evenly
from pawtrait.evaluation import drawing, plots
from pawtrait.evaluation.portraits import ROWS, Portrait, Price
from pawtrait.files import whole_folder
from pawtrait.style_transfer import apart
from pawtrait.style_transfer.studio import NEEDS_STYLE, Studio

CACHE = Path(".cache")  # vectors of known paintings; deleting it costs time only

EVERY = 20  # steps between two pictures of a portrait in the making
LONGEST = 120  # letters of a key before its mark; MLflow's file names add some 90, file systems hold 255

log = logging.getLogger(__name__)


def run(
    *,
    raw: Path,
    splits: Path,
    paintings: Path,
    table: Path,
    weights: Path,
    painters: Path,
    out: Path,
    prices: Path,
    sheet: Path,
) -> None:
    """Paint photos of the test split by every method that can paint here."""
    knobs = params.load()
    studio = Studio(painters, weights, knobs.neural, knobs.hybrid, knobs.seed, CACHE, gpu=True)
    methods = [method for method in knobs.stylize.methods if _able(studio, method)]
    photos = _photos(manifest.read(splits, manifest.Placed), knobs.stylize.photos)
    styles = chosen(manifest.read(table, Painting), knobs.stylize.paintings)
    largest = knobs.manifest.largest_pixels
    jobs = [(method, photo, style) for method in methods for photo, style in _pairs(method, photos, styles)]
    with tracking.pipeline(knobs) as record, whole_folder(out) as folder:
        works = _hang(studio, jobs, raw, paintings, largest)
        done = [
            _keep(job, painted, folder, record)
            for job, painted in progress.track(zip(jobs, works, strict=True), len(jobs), "portraits")
        ]
        manifest.write(folder / "portraits.csv", [portrait for portrait, _ in done], Portrait)
        manifest.write(prices, [price for _, price in done], Price)
        portraits = [portrait for portrait, _ in done]
        places = {one.path: folder / one.path for one in portraits}
        places |= {photo.path: raw / photo.path for photo in photos}
        places |= {style.name: paintings / style.path for style in styles}
        drawing.save(_sheet(places, portraits, methods, largest), sheet)
        record.picture(sheet)


def _able(studio: Studio, method: str) -> bool:
    lack = studio.missing(method)
    if lack:
        log.warning("no portraits by %s: %s", method, lack)
    return not lack


def _photos(placed: Sequence[manifest.Placed], count: int) -> list[manifest.Placed]:
    """Photos of the test split, the moods in turn."""
    test = [one for one in placed if one.split == "test"]
    ranks = {label: iter([one for one in test if one.label == label]) for label in LABELS}
    turns = (next(ranks[LABELS[turn % len(LABELS)]], None) for turn in range(len(LABELS) * len(test)))
    return [one for one in turns if one is not None][:count]


Job = tuple[str, manifest.Placed, Painting | None]


def _pairs(
    method: str, photos: Sequence[manifest.Placed], styles: Sequence[Painting]
) -> Iterator[tuple[manifest.Placed, Painting | None]]:
    return product(photos, styles if method in NEEDS_STYLE else (None,))


def _hang(
    studio: Studio, jobs: Sequence[Job], raw: Path, paintings: Path, largest: int
) -> Iterator[apart.Painted]:
    """The portraits in the order of the jobs, each method's in a process of its own."""
    for method, mine in groupby(jobs, key=lambda job: job[0]):
        with apart.opened_apart(studio, method) as easel:
            for _, photo, style in mine:
                pixels = images.read(raw / photo.path, largest_pixels=largest)
                painting = images.read(paintings / style.path, largest_pixels=largest) if style else None
                yield easel.paint(pixels, [(painting, 1.0)] if painting is not None else [], EVERY)


def _keep(job: Job, painted: apart.Painted, folder: Path, record: tracking.Run) -> tuple[Portrait, Price]:
    """Keep the picture, and tell MLflow of every step; pictures at the same steps for all."""
    method, photo, style = job
    title = style.name if style else ""
    portrait = painted.seen[max(painted.seen)]
    name = "-".join(filter(None, (method, photo.id[:8], title))) + ".png"
    (folder / name).write_bytes(images.encode_png(portrait))
    _tell(record, _key(method, photo.label, photo.id, title), painted)
    height, width = portrait.shape[:2]
    price = painted.price
    rounded = (round(value, 3) for value in (price.seconds, price.core_seconds, price.megabytes))
    return Portrait(name, method, photo.path, photo.label, title, height, width), Price(name, *rounded)


def _tell(record: tracking.Run, title: str, painted: apart.Painted) -> None:
    """Losses of every step in one batch, and the pictures under one key at their steps."""
    record.history(
        [
            {"epoch": step, **{f"{title}/{key}": value for key, value in losses.items()}}
            for step, losses in painted.losses.items()
        ]
    )
    for step, picture in painted.seen.items():
        record.probe(picture, f"portrait_{title}", step)


def _key(method: str, label: str, photo: str, painting: str) -> str:
    """Short, allowed in MLflow, and a portrait's alone; the same in each run."""
    text = "_".join(filter(None, (method, label, photo[:8], painting)))
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text[:LONGEST])
    return safe if safe == text else f"{safe}_{hashlib.sha256(painting.encode()).hexdigest()[:6]}"


def _sheet(
    places: Mapping[str, Path], portraits: Sequence[Portrait], methods: Sequence[str], largest: int
) -> Figure:
    """A row for each photo and painting, of ROWS evenly over all: the two, then the portrait by each method.

    ``places`` says where photos, paintings and portraits lie, by their names in ``portraits``; of a file may
    be shown what has ``largest`` pixels at the most.
    """
    by = {(one.photo, one.painting, one.method): one.path for one in portraits}
    each = [(one.photo, one.painting) for one in portraits if one.painting]
    each = each or [(one.photo, "") for one in portraits]  # by no method that takes a painting
    pairs = list(dict.fromkeys(each))
    rows = [pairs[place] for place in evenly(len(pairs), ROWS)]
    shown, captions = [], []
    for photo, painting in rows:
        cells = [(photo, Path(photo).parts[1]), *([(painting, painting)] if painting else [])]
        for method in methods:
            cells.append((by.get((photo, painting, method)) or by[photo, "", method], method))
        shown += [images.read(places[name], largest_pixels=largest) for name, _ in cells]
        captions += [caption for _, caption in cells]
    return plots.samples(shown, captions, across=max(len(shown) // max(len(rows), 1), 1))
