"""Stage export_fast: Magenta's SavedModel → two ONNX files and a run in MLflow, or why there are none."""

import json
from pathlib import Path

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.files import whole_folder

LACK = (
    "no weights of Magenta's network were found; set weights.mirror to a folder with"
    " magenta_stylization/saved_model or an address with magenta_stylization.tar.gz, or weights.source to"
    " keras, then run `dvc repro`"
)


def run(*, weights: Path, out: Path) -> None:
    """Fill the painter's folder ``out``; without weights it holds the reason, and the stage succeeds."""
    knobs = params.load()
    known = json.loads((weights / "weights.json").read_text(encoding="utf-8")).get("magenta") or {}
    with whole_folder(out) as folder:
        if not known.get("file"):
            sealed.write_facts(folder, {"name": "fast", "kind": "fast", "missing": LACK})
            sealed.seal(folder)
            return
        from pawtrait.style_transfer import fast  # late: TensorFlow takes ten seconds

        with tracking.training(knobs, "fast", [weights], "painter") as record:
            facts = fast.export(weights / known["file"], folder, knobs.fast.style_side)
            facts |= {"weights": known["sha256"], "weights_from": known["origin"]}
            sealed.write_facts(folder, facts)
            sealed.seal(folder)
            record.params(facts)
            registry.log(record, folder, registry.FAST)
