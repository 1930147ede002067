"""The same model for ``mlflow models serve``: as MLflow keeps a Keras model, and as Pawtrait registers it.

``python -m benchmarks.serving.tracked MODEL OUT`` makes the folders OUT/keras and OUT/onnx.
"""

import sys
from pathlib import Path

import keras
import mlflow
import numpy as np
from mlflow.models import ModelSignature, infer_signature

from pawtrait.adapters import pyfunc
from pawtrait.adapters.registry import EXPRESSION


def main() -> None:
    """Save both; neither needs a store."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    model = keras.models.load_model(folder / "model.keras")
    blank = np.zeros((1, *model.input_shape[1:]), np.float32)
    answer = model.predict(blank, verbose=0)
    mlflow.tensorflow.save_model(
        model, out / "keras", signature=infer_signature(blank, answer), pip_requirements=["keras"]
    )
    mlflow.pyfunc.save_model(
        out / "onnx",
        python_model=pyfunc.__file__,
        artifacts={"model": str(folder)},
        signature=ModelSignature(*EXPRESSION.signature),
        pip_requirements=["onnxruntime"],
    )


if __name__ == "__main__":
    main()
