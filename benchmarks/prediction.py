"""The mood of one picture: onnxruntime, which serves, beside calling the Keras model it was exported from."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import race
from pawtrait.classification import export, nets, predict

SIDE = 128  # px


def run(plan: race.Plan) -> race.Row:
    """One picture a call, MobileNetV2 with weights by chance, which take as long as any."""
    calls, rounds = (5, 3) if plan.quick else (20, 9)
    picture = np.random.default_rng(1).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    floats = picture.astype(np.float32)
    model = nets.build("mobilenet_v2", SIDE, 4, None, None, "native")
    with tempfile.TemporaryDirectory() as folder:
        export.save_onnx(model, Path(folder) / "model.onnx", picture)
        session = predict.session(Path(folder) / "model.onnx")
    taken = race.run(
        {
            "keras": lambda: [np.asarray(model(floats, training=False)) for _ in range(calls)],
            "ours": lambda: [predict.run(session, picture) for _ in range(calls)],
        },
        rounds,
    )
    times, spread = race.ratios(taken["keras"], taken["ours"])
    return race.Row(
        job=f"predict one picture, mobilenet_v2, {SIDE} px",
        theirs=f"model(picture) {race.each(taken['keras'], calls)}",
        ours=f"onnxruntime {race.each(taken['ours'], calls)}",
        limit="",
        times=times,
        spread=spread,
        how=f"CPU a call, one core, {calls} calls × {rounds}",
    )
