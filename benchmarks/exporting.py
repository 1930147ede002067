"""From a trained network to ONNX: Keras' own export, and ours, which hands large weights over afterwards."""

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import race
from pawtrait.classification import export, nets


def run(plan: race.Plan) -> race.Row:
    """deep_cnn, the largest network; few rounds, since Keras takes a minute. Ours checks parity besides."""
    side, rounds = (64, 1) if plan.quick else (128, 2)
    probes = np.random.default_rng(1).integers(0, 256, (8, side, side, 3), np.uint8)
    model = nets.build("deep_cnn", side, 4, None, None, "native")
    model(probes.astype(np.float32))  # Keras' export needs one call before
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        keras_file, ours_file = Path(folder) / "keras.onnx", Path(folder) / "ours.onnx"
        taken = race.run(
            {
                "keras": lambda: model.export(keras_file, format="onnx", verbose=False),
                "ours": lambda: export.save_onnx(model, ours_file, probes),
            },
            rounds,
            warm=False,
        )
    times, spread = race.ratios(taken["keras"], taken["ours"])
    return race.Row(
        job=f"export to ONNX, deep_cnn, {model.count_params() / 1e6:.0f} M parameters",
        theirs=f"Model.export {race.each(taken['keras'], 1)}",
        ours=f"with parity check {race.each(taken['ours'], 1)}",
        limit="",
        times=times,
        spread=spread,
        how=f"CPU an export, one core, × {rounds}",
    )
