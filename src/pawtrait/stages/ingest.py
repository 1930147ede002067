"""Stage ingest: the source that data/source.json describes, and the feedback → data/raw/SPLIT/LABEL/NAME."""

import json
import logging
import shutil
from pathlib import Path, PurePosixPath

from pawtrait import params
from pawtrait.adapters.sources import folders, origin
from pawtrait.adapters.sources.trouble import plainly
from pawtrait.dataset import snapshots
from pawtrait.dataset.layout import Layout, recognise
from pawtrait.errors import BadSource
from pawtrait.files import whole_folder, write_text

log = logging.getLogger(__name__)

CACHE = Path(".cache")  # downloads are kept here; deleting it costs time only


def run(*, fingerprint: Path, feedback: Path, raw: Path) -> None:
    """Bring every picture to its split and label; ``raw`` is replaced as a whole or stays as it was.

    Raises:
        BadSource: the source is not as its fingerprint says, cannot be used, or has no pictures.
        BadFeedback: a month's snapshot is not what was frozen.
    """
    knobs = params.load().ingest
    known = origin.read(fingerprint)
    with origin.opened(origin.pets(knobs.source, knobs.demo), knobs.largest_archive, known, CACHE) as tree:
        origin.apart(tree, raw, "ingest.source")
        layout = recognise(folders.listing(tree))
        _tell(layout, known["kind"])
        with plainly(raw.name), whole_folder(raw) as draft:
            folders.copy(tree, layout.spots, draft)
            facts = {"source": known["kind"], "fingerprint": known, "feedback": _add(feedback, draft)}
            write_text(
                draft / "source.json", json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            )


def _add(feedback: Path, draft: Path) -> list[str]:
    """Copy every month's accepted pictures to the training split; give their paths.

    A source may hold what feedback once brought, as when it is a copy of this folder; then that stays.
    """
    added = []
    for month in snapshots.months(feedback):
        for row in snapshots.read(feedback, month):
            name = f"train/{row.label}/feedback-{month}-{PurePosixPath(row.path).name}"
            if not (draft / name).exists():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(feedback / month / row.path, draft / name)
                added.append(name)
    if added:
        log.info("%d pictures from feedback", len(added))
    return added


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
