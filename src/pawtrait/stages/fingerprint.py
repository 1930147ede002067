"""Stage fingerprint: look at the sources → data/{source,paintings,weights}.json, which DVC watches."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawtrait import params
from pawtrait.adapters import weights as mirrored
from pawtrait.adapters.sources import origin
from pawtrait.files import write_text


def run(*, out: Path, paintings: Path, weights: Path) -> None:
    """Write what photos, paintings and mirrored weights are now; a file that says the same is left alone.

    Raises:
        BadSource: a source is missing or cannot be reached; the old fingerprint stays.
    """
    knobs = params.load()
    _renew(out, origin.fingerprint(origin.pets(knobs.ingest.source, knobs.ingest.demo)))
    _renew(paintings, origin.fingerprint(origin.painted(knobs.paintings.source, knobs.paintings.demo)))
    nets = (*knobs.weights.files, *knobs.style_weights.files)
    _renew(weights, mirrored.offered(knobs.weights.mirror, nets))


def _renew(path: Path, known: Mapping[str, Any]) -> None:
    text = json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text):
        write_text(path, text)
