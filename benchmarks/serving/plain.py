"""The plain endpoint that one writes first: FastAPI, and a call of the Keras model for each request.

``python -m benchmarks.serving.plain MODEL PORT``. Keras' ``predict`` is called, as tutorials do, or the model
itself where that is faster here.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from pawtrait.dataset.labels import LABELS

app = FastAPI()
Call = Callable[[Any], Any]


@app.post("/predict")
async def predict(request: Request) -> dict[str, Any]:
    """Raw JPEG bytes in, the mood out."""
    data = await request.body()
    answer = await run_in_threadpool(_answer, data)
    return {
        "label": LABELS[int(answer.argmax())],
        "probabilities": dict(zip(LABELS, map(float, answer), strict=True)),
    }


def _answer(data: bytes) -> Any:
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    side = app.state.side
    return app.state.call(cv2.resize(pixels, (side, side)).astype(np.float32)[None])[0]


def _faster(model: keras.Model, side: int) -> Call:
    """``predict`` or the call itself."""
    ways: list[Call] = [lambda x: model.predict(x, verbose=0), lambda x: np.asarray(model(x, training=False))]
    blank, taken = np.zeros((1, side, side, 3), np.float32), []
    for way in ways:
        way(blank)
        began = time.perf_counter()
        for _ in range(10):
            way(blank)
        taken.append(time.perf_counter() - began)
    return ways[int(np.argmin(taken))]


if __name__ == "__main__":
    loaded = keras.models.load_model(Path(sys.argv[1]) / "model.keras")
    app.state.side = int(loaded.input_shape[1])
    app.state.call = _faster(loaded, app.state.side)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
