"""Stage weights: pretrained weights from a mirror or Keras' addresses → checked files, or the word none."""

import json
from dataclasses import asdict
from pathlib import Path

from pawtrait import params, progress
from pawtrait.adapters import weights
from pawtrait.files import whole_folder, write_text

CACHE = Path(".cache")  # unfinished downloads; deleting it costs time only


def run(*, out: Path) -> None:
    """Fill the folder ``out`` with a file for each network that has weights, and ``weights.json``."""
    knobs = params.load().weights
    with whole_folder(out) as folder:
        files = progress.track(sorted(knobs.files.items()), len(knobs.files), "weights")
        fetched = [weights.fetch(net, knobs.source, knobs.mirror, pins, folder, CACHE) for net, pins in files]
        known = {one.net: asdict(one) for one in fetched}
        write_text(folder / "weights.json", json.dumps(known, indent=1) + "\n")
    missing = [one.net for one in fetched if one.file is None]
    if missing:
        progress.say(f"weights: none for {', '.join(missing)}; these networks start at random")
