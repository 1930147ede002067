"""Stage fingerprint: look at the source of pictures → data/source.json, which `ingest` depends on."""

import json
from pathlib import Path

from pawtrait import params
from pawtrait.adapters.sources import origin
from pawtrait.files import write_text


def run(*, out: Path) -> None:
    """Write the source's fingerprint; a file that says the same already is left alone.

    Raises:
        BadSource: the source is missing or cannot be reached; the old fingerprint stays.
    """
    knobs = params.load().ingest
    facts = origin.fingerprint(knobs.source, knobs.demo)
    text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if not (out.is_file() and out.read_text(encoding="utf-8", errors="replace") == text):
        write_text(out, text)
