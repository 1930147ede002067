"""Stage export_fast: Magenta's SavedModel → two ONNX files and a run in MLflow, or why there are none."""

import json
from pathlib import Path

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.files import whole_folder

LACK = (
    "no weights of Magenta's network were found; set weights.mirror to a folder that holds"
    " magenta_stylization/saved_model or to an address that has magenta_stylization.tar.gz, or weights.source"
    " to keras (the first download of the larger network there names the sum to pin), and run `dvc repro`"
)


def run(*, weights: Path, out: Path) -> None:
    """Fill the painter's folder ``out``; without weights it holds the reason, and no demo fails for it."""
    knobs = params.load()
    known = json.loads((weights / "weights.json").read_text(encoding="utf-8")).get("magenta") or {}
    with whole_folder(out) as folder:
        if not known.get("file"):
            sealed.write_facts(folder, {"name": "fast", "kind": "fast", "missing": LACK})
            sealed.seal(folder)
            return
        from pawtrait.style_transfer import (
            fast,  # TensorFlow, ten seconds, only where there is something to do
        )

        with tracking.training(knobs, "fast", [weights], "painter") as record:
            facts = fast.export(weights / known["file"], folder, knobs.fast.style_side)
            facts |= {"weights": known["sha256"], "weights_from": known["origin"]}
            sealed.write_facts(folder, facts)
            sealed.seal(folder)
            record.params(facts)
            registry.log(record, folder, registry.FAST)
