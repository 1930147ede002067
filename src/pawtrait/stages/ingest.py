"""Stage ingest: the source that data/source.json describes → data/raw/SPLIT/LABEL/NAME."""

import json
import logging
from pathlib import Path
from typing import Any

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
    known = _read(fingerprint)
    with origin.opened(knobs, known, CACHE) as tree:
        _apart(tree, raw)
        layout = recognise(folders.listing(tree))
        _tell(layout, known["kind"])
        with plainly(raw.name), whole_folder(raw) as draft:
            folders.copy(tree, layout.spots, draft)
            facts = {"source": known["kind"], "fingerprint": known}
            write_text(
                draft / "source.json", json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSource(f"{path} is missing or no JSON; {origin.RENEW}") from error
    if not isinstance(known, dict):
        raise BadSource(f"{path} is no fingerprint; {origin.RENEW}")
    return known


def _apart(tree: Path, raw: Path) -> None:
    """Refuse a source that the stage would overwrite, or read its own output from."""
    inner, outer = sorted((tree.resolve(), raw.resolve()), key=lambda path: -len(path.parts))
    if inner.is_relative_to(outer):
        raise BadSource(
            f"ingest.source {tree.name} and {raw} lie inside each other; move the source elsewhere"
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
