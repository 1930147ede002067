"""Stage stylize: photos × paintings × methods → a gallery, what each portrait cost, and a sheet."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pawtrait import cost, params, progress
from pawtrait.adapters import tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.paintings import Painting, taken
from pawtrait.evaluation import drawing, plots
from pawtrait.evaluation.portraits import Portrait, Price
from pawtrait.files import whole_folder
from pawtrait.style_transfer.studio import NEEDS_STYLE, Studio

CACHE = Path(".cache")  # vectors of known paintings; deleting it costs time only

EVERY = 20  # steps between two pictures of a portrait in the making

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
    studio = Studio(painters, weights, knobs.neural, knobs.hybrid, knobs.seed, CACHE)
    methods = [method for method in knobs.stylize.methods if _able(studio, method)]
    photos = _photos(manifest.read(splits, manifest.Placed), knobs.stylize.photos)
    styles = chosen(manifest.read(table, Painting), knobs.stylize.paintings)
    largest = knobs.manifest.largest_pixels
    with tracking.pipeline(knobs) as record, whole_folder(out) as folder:
        for method in methods:
            studio.open(method)  # so that no portrait pays for it
        jobs = list(_jobs(methods, photos, styles))
        done = [
            _paint(studio, job, raw, paintings, folder, largest, record)
            for job in progress.track(jobs, len(jobs), "portraits")
        ]
        manifest.write(folder / "portraits.csv", [portrait for portrait, _ in done], Portrait)
        manifest.write(prices, [price for _, price in done], Price)
        portraits = [portrait for portrait, _ in done]
        pictures = {one.path: images.read(folder / one.path, largest_pixels=largest) for one in portraits}
        pictures |= {photo.path: images.read(raw / photo.path, largest_pixels=largest) for photo in photos}
        pictures |= {
            style.name: images.read(paintings / style.path, largest_pixels=largest) for style in styles
        }
        drawing.save(_sheet(pictures, portraits, methods), sheet)
        record.picture(sheet)


def chosen(rows: Sequence[Painting], count: int) -> list[Painting]:
    """Paintings for the gallery: evenly over the table, so that several manners are among them."""
    good = taken(rows)
    places = np.linspace(0, len(good) - 1, min(count, len(good))).round().astype(int)
    return [good[place] for place in places]


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


def _jobs(
    methods: Sequence[str], photos: Sequence[manifest.Placed], styles: Sequence[Painting]
) -> Iterator[Job]:
    for method in methods:
        for photo in photos:
            for style in styles if method in NEEDS_STYLE else (None,):
                yield method, photo, style


def _paint(
    studio: Studio,
    job: Job,
    raw: Path,
    paintings: Path,
    folder: Path,
    largest: int,
    record: tracking.Run,
) -> tuple[Portrait, Price]:
    """Paint, keep the picture, and tell MLflow of every step; pictures at the same steps for all."""
    method, photo, style = job
    pixels = images.read(raw / photo.path, largest_pixels=largest)
    styles = [(images.read(paintings / style.path, largest_pixels=largest), 1.0)] if style else []
    steps: list[dict[str, float]] = []
    seen: dict[int, Pixels] = {}
    with cost.measured() as price:
        for glimpse in studio.paint(method, pixels, styles):
            steps.append({"epoch": glimpse.done, **glimpse.losses})
            if glimpse.done % EVERY == 0 or glimpse.done == glimpse.of:
                seen[glimpse.done] = glimpse.picture()
    painted = seen[max(seen)]
    name = "-".join((method, photo.id[:8], *([style.name] if style else []))) + ".png"
    (folder / name).write_bytes(images.encode_png(painted))
    height, width = painted.shape[:2]
    portrait = Portrait(name, method, photo.path, photo.label, style.name if style else "", height, width)
    _tell(record, _key(method, photo.label, photo.id, style.name if style else ""), steps, seen)
    rounded = (round(value, 3) for value in (price.seconds, price.core_seconds, price.megabytes))
    return portrait, Price(name, *rounded)


def _tell(
    record: tracking.Run, title: str, steps: Sequence[Mapping[str, float]], seen: Mapping[int, Pixels]
) -> None:
    """Losses of every step in one batch, and the pictures under one key at their steps."""
    record.history(
        [{key if key == "epoch" else f"{title}/{key}": value for key, value in row.items()} for row in steps]
    )
    for step, picture in seen.items():
        record.probe(picture, f"portrait_{title}", step)


def _key(method: str, label: str, photo: str, painting: str) -> str:
    """Short, allowed in MLflow, and a portrait's alone; the same in each run."""
    text = "_".join(filter(None, (method, label, photo[:8], painting)))
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text)
    return safe if safe == text else f"{safe}_{hashlib.sha256(painting.encode()).hexdigest()[:6]}"


def _sheet(pictures: Mapping[str, Pixels], portraits: Sequence[Portrait], methods: Sequence[str]) -> Figure:
    """A row for each photo and painting: the two, then the portrait by each method.

    ``pictures`` holds photos, paintings and portraits by their names in ``portraits``.
    """
    by = {(one.photo, one.painting, one.method): one.path for one in portraits}
    pairs = {(one.photo, one.painting): None for one in portraits if one.painting}
    pairs = pairs or {(one.photo, ""): None for one in portraits}  # by no method that takes a painting
    shown, captions = [], []
    for photo, painting in pairs:
        cells = [(photo, Path(photo).parts[1]), *([(painting, painting)] if painting else [])]
        for method in methods:
            cells.append((by.get((photo, painting, method)) or by[photo, "", method], method))
        shown += [pictures[name] for name, _ in cells]
        captions += [caption for _, caption in cells]
    return plots.samples(shown, captions, across=max(len(shown) // max(len(pairs), 1), 1))
