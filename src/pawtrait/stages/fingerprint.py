"""Stage fingerprint: look at the sources → data/source.json and data/paintings.json, which DVC watches."""

import json
from pathlib import Path

from pawtrait import params
from pawtrait.adapters.sources import origin
from pawtrait.files import write_text


def run(*, out: Path, paintings: Path) -> None:
    """Write the fingerprints of photos and paintings; a file that says the same already is left alone.

    Raises:
        BadSource: a source is missing or cannot be reached; the old fingerprint stays.
    """
    knobs = params.load()
    _renew(out, origin.pets(knobs.ingest.source, knobs.ingest.demo))
    _renew(paintings, origin.painted(knobs.paintings.source, knobs.paintings.demo))


def _renew(path: Path, source: origin.Origin) -> None:
    text = json.dumps(origin.fingerprint(source), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text):
        write_text(path, text)
