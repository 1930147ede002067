"""The registered model: MLflow runs this file to make it ("models from code"), so that nothing is pickled.

In: a column ``picture`` of encoded pictures (JPEG, PNG, WebP … as bytes). Out: a row each with ``label``,
a probability for each mood, and ``problem``, empty unless the picture cannot be read.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from mlflow.types.type_hints import TypeFromExample

from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadImage

LARGEST = 100_000_000  # pixels; a larger picture is refused before it is decoded
Row = dict[str, Any]


class PetExpression(PythonModel):
    """Moods from encoded pictures, by onnxruntime."""

    def load_context(self, context: Any) -> None:
        """Check the sums of the model folder and open it."""
        self._classifier = Classifier.load(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: TypeFromExample, params: Any = None) -> pd.DataFrame:
        """Answer for every picture, also where one of them cannot be read."""
        frame: Any = model_input  # whatever the input example is: a DataFrame
        return pd.DataFrame([self._row(data) for data in frame["picture"]])

    def _row(self, data: Any) -> Row:
        try:
            if not isinstance(data, bytes | bytearray):
                raise BadImage(f"picture: expected an encoded picture as bytes, got {type(data).__name__}")
            decoded = images.decode(bytes(data), largest_pixels=LARGEST, name="picture")
        except BadImage as error:
            return {"label": "", **dict.fromkeys(LABELS, float("nan")), "problem": str(error)}
        pixels = images.resize(decoded, self._classifier.side)
        answer = self._classifier.probabilities(pixels[np.newaxis])[0]
        moods = dict(zip(LABELS, map(float, answer), strict=True))
        return {"label": LABELS[int(answer.argmax())], **moods, "problem": ""}


mlflow.models.set_model(PetExpression())
