"""Stage paintings: the source that data/paintings.json describes → data/paintings, and a row a file."""

import logging
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pawtrait import params
from pawtrait.adapters.sources import folders, origin
from pawtrait.adapters.sources.trouble import plainly
from pawtrait.dataset import images, manifest, paintings
from pawtrait.dataset.demo.paintings import titles
from pawtrait.evaluation import drawing, plots
from pawtrait.files import whole_folder

CACHE = Path(".cache")  # downloads are kept here; deleting it costs time only

SIDE = 240  # px of a painting on the sheet
SHOWN = 60  # paintings on the sheet; a page holds no more
ACROSS = 5  # of them in a row; the demo has five of each manner
BROAD, LINES = 18, 2  # letters of a title's line, which is no wider than its painting, and lines of a title

log = logging.getLogger(__name__)


def run(*, fingerprint: Path, out: Path, table: Path, sheet: Path) -> None:
    """Bring every painting to ``out``; ``table`` has a row for each file, those not taken with the reason.

    Raises:
        BadSource: the source is not as its fingerprint says, or cannot be used.
        BadData: it has not one painting.
    """
    knobs = params.load()
    source = origin.painted(knobs.paintings.source, knobs.paintings.demo)
    known = origin.read(fingerprint)
    named = titles(knobs.paintings.demo.count, knobs.paintings.demo.seed) if known["kind"] == "demo" else {}
    with origin.opened(source, knobs.ingest.largest_archive, known, CACHE) as tree:
        origin.apart(tree, out, source.key)
        rows = paintings.look(tree, folders.listing(tree), named, knobs.manifest.largest_pixels)
        told = [paintings.readable(row) for row in rows]
        manifest.write(table, told, paintings.Painting)
        good = paintings.taken(rows)
        with plainly(out.name), whole_folder(out) as draft:
            for row in good:
                shutil.copyfile(tree / row.origin, draft / row.path)
    drawing.save(_sheet(out, good[:SHOWN], knobs.manifest.largest_pixels), sheet)
    for row in told:
        if row.problem:
            log.warning("%s is not taken: %s", row.origin, row.problem)
    log.info("%d paintings from the source %s", len(good), known["kind"])


def _sheet(folder: Path, rows: Sequence[paintings.Painting], largest: int) -> Figure:
    """The paintings, each cut to the square in its middle, over their titles."""
    pictures = (images.read(folder / row.path, largest_pixels=largest) for row in rows)
    squares = [images.resize(images.middle(picture), SIDE) for picture in pictures]
    return plots.samples(squares, [_lines(row.title) for row in rows], ACROSS)


def _lines(title: str) -> str:
    """A title in lines about as wide as its painting, so that less of it is cut."""
    lines = textwrap.wrap(title, BROAD, break_on_hyphens=False)
    if len(lines) > LINES:
        lines[LINES - 1 :] = [f"{lines[LINES - 1][: BROAD - 1].rstrip()}…"]
    return "\n".join(lines)
