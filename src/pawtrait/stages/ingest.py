"""Stage ingest: the source that data/source.json describes → data/raw/SPLIT/LABEL/NAME."""

import json
import logging
from pathlib import Path

from pawtrait import params
from pawtrait.adapters.sources import folders, origin
from pawtrait.adapters.sources.trouble import plainly
from pawtrait.dataset.layout import Layout, recognise
from pawtrait.errors import BadSource
from pawtrait.files import whole_folder, write_text

log = logging.getLogger(__name__)

CACHE = Path(".cache")  # downloads are kept here; deleting it costs time only


def run(*, fingerprint: Path, raw: Path) -> None:
    """Bring every picture to its split and label; ``raw`` is replaced as a whole or stays as it was.

    Raises:
        BadSource: the source is not as its fingerprint says, cannot be used, or has no pictures.
    """
    knobs = params.load().ingest
    known = origin.read(fingerprint)
    with origin.opened(origin.pets(knobs.source, knobs.demo), knobs.largest_archive, known, CACHE) as tree:
        origin.apart(tree, raw, "ingest.source")
        layout = recognise(folders.listing(tree))
        _tell(layout, known["kind"])
        with plainly(raw.name), whole_folder(raw) as draft:
            folders.copy(tree, layout.spots, draft)
            facts = {"source": known["kind"], "fingerprint": known}
            write_text(
                draft / "source.json", json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            )


def _tell(layout: Layout, source: str) -> None:
    """Say what was found and what stays out, and why.

    Raises:
        BadSource: there are no pictures.
    """
    if layout.twins:
        log.info("%d pictures lie in a split and once more beside it; counted once", len(layout.twins))
    if layout.junk:
        log.info("%d hidden or system files are no pictures", len(layout.junk))
    if layout.others:
        log.info(
            "%d other files are no pictures: %s", len(layout.others), ", ".join(map(ascii, layout.others[:5]))
        )
    if not layout.spots:
        stays = len(layout.junk) + len(layout.others)
        raise BadSource(
            f"the {source} has no pictures ({stays} other files); expected SPLIT/LABEL/NAME or LABEL/NAME"
        )
    log.info("%d pictures from the source %s", len(layout.spots), source)
