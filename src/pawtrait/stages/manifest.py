"""Stage manifest: the raw folder → one row a picture, with its group of copies."""

import json
from dataclasses import replace
from pathlib import Path

from pawtrait import params, progress
from pawtrait.dataset import duplicates, scan
from pawtrait.dataset.manifest import FEEDBACK, Record, write
from pawtrait.errors import BadData


def run(*, raw: Path, manifest: Path) -> None:
    """Look at every picture below ``raw`` and write what is known of it.

    Raises:
        BadData: there is no picture at all, a file lies in no SPLIT/LABEL folder, or the source is not named.
    """
    knobs = params.load().manifest
    names = scan.files(raw)
    if not names:
        raise BadData(f"{raw} holds no pictures; check ingest.source in params.yaml")
    source, ours = _origins(raw)
    found = scan.records(raw, names, source=source, largest_pixels=knobs.largest_pixels)
    records = list(progress.track(found, total=len(names), what="manifest"))
    groups = duplicates.groups(
        records, dhash_distance=knobs.dhash_distance, phash_distance=knobs.phash_distance
    )
    rows = [
        replace(record, group=groups[record.path], source=FEEDBACK if record.path in ours else source)
        for record in records
    ]
    write(manifest, rows, Record)


def _origins(raw: Path) -> tuple[str, set[str]]:
    """What the stage ingest wrote down: the source, and the paths of pictures from feedback."""
    try:
        note = json.loads((raw / "source.json").read_text(encoding="utf-8"))
        return str(note["source"]), set(note.get("feedback", ()))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{raw / 'source.json'} names no source; run the stage ingest again") from error
