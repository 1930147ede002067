"""The registered painters: MLflow makes them from this file ("models from code"), so that nothing is pickled.

In: a column ``picture`` of encoded photos; for fast style transfer also ``style``, an encoded painting, and
``strength`` from 0 to 1. Out: a row each with ``portrait``, a PNG, and ``problem``, empty unless one of them
cannot be used.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from mlflow.types.type_hints import TypeFromExample

from pawtrait import sealed
from pawtrait.dataset import images
from pawtrait.errors import BadImage, BadModel, BadParams
from pawtrait.style_transfer.painter import CycleGanPainter, FastPainter

LARGEST = 100_000_000  # pixels; a larger picture is refused before it is decoded
SIDE = 512  # px of the longer side that a portrait is painted at
Row = dict[str, Any]


class PetPortrait(PythonModel):
    """Portraits from encoded photos, by onnxruntime."""

    def load_context(self, context: Any) -> None:
        """Check the sums of the painter's folder and open it."""
        folder = Path(context.artifacts["model"])
        kind = sealed.facts(folder)["kind"]
        painter = FastPainter if kind == "fast" else CycleGanPainter
        self._painter = painter.load(folder, engine="onnxruntime")  # by which its parity was measured

    def predict(self, context: Any, model_input: TypeFromExample, params: Any = None) -> pd.DataFrame:
        """A portrait for every photo, also where one of them cannot be painted."""
        frame: Any = model_input  # whatever the input example is: a DataFrame
        return pd.DataFrame([self._row(row) for row in frame.to_dict("records")])

    def _row(self, row: Row) -> Row:
        try:
            portrait = self._paint(row)
        except (BadImage, BadModel, BadParams) as error:
            return {"portrait": b"", "problem": str(error)}
        return {"portrait": images.encode_png(portrait), "problem": ""}

    def _paint(self, row: Row) -> images.Pixels:
        photo = _picture(row, "picture")
        if isinstance(self._painter, CycleGanPainter):
            return self._painter.paint(photo, side=SIDE)
        return self._painter.paint_like(photo, _picture(row, "style"), float(row["strength"]), side=SIDE)


def _picture(row: Row, column: str) -> images.Pixels:
    if not isinstance(row[column], bytes | bytearray):
        raise BadImage(f"{column}: expected an encoded picture as bytes, got {type(row[column]).__name__}")
    return images.decode(bytes(row[column]), largest_pixels=LARGEST, name=column)


mlflow.models.set_model(PetPortrait())
