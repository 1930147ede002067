"""Stage weights: pretrained weights from a mirror or their addresses → checked files, or the word none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pawtrait import params, progress
from pawtrait.adapters import weights
from pawtrait.files import whole_folder, write_text

CACHE = Path(".cache")  # unfinished downloads; deleting it costs time only


def run(*, out: Path, styles: Path) -> None:
    """Fill ``out`` with the classifiers' weights and ``styles`` with those that portraits need.

    Each folder holds a file for each network that has weights, and ``weights.json``.
    """
    knobs = params.load()
    place = weights.Place(knobs.weights.source, knobs.weights.mirror, CACHE)
    without = _fill(out, knobs.weights.files, place)
    if without:
        progress.say(f"weights: none for {', '.join(without)}; these networks start at random")
    without = _fill(styles, knobs.style_weights.files, place)
    if without:
        progress.say(
            f"weights: none for {', '.join(without)}; style is judged by features that start at random,"
            " and without magenta there is no fast style transfer"
        )


def _fill(folder: Path, files: Mapping[str, Sequence[str]], place: weights.Place) -> list[str]:
    """Fetch what is listed; give the names of those that nobody has."""
    with whole_folder(folder) as draft:
        listed = progress.track(sorted(files.items()), len(files), f"weights {folder.name}")
        fetched = [weights.fetch(net, pins, place, draft) for net, pins in listed]
        known = {one.net: asdict(one) for one in fetched}
        write_text(draft / "weights.json", json.dumps(known, indent=1) + "\n")
    return [one.net for one in fetched if one.file is None]
