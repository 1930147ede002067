"""Temperature scaling: one number that makes a network's probabilities as sure as they turn out right.

Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2: softmax(logits / T), with T by the
log loss on pictures that were not learnt from. The label that is named stays the same. T is folded into the
last layer, so that every form of the model answers calibrated and serving costs nothing more.
"""

import math

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

SPREAD = 1.0  # of log T's normal prior: few dozen pictures are little evidence, and none wrong are no limit
REACH = math.log(20.0)  # T lies between 1/20 and 20
LEAST = 1e-30  # of a probability, since float32 rounds the smallest to 0


def fit(answers: NDArray[np.float32], targets: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """The temperature with the highest posterior: weighted log loss, log T normal around 0.

    Args:
        answers: float32 (N, K), softmax of the logits; their logarithms are the logits up to a constant.
        targets: float32 (N, K), one-hot.
        weights: float32 (N,) > 0, how much each counts; copies of one picture share a 1.

    Returns:
        T > 1 where the answers were too sure, < 1 where they were not sure enough.
    """
    logits = np.log(np.maximum(answers.astype(np.float64), LEAST))

    def loss(log_t: float) -> float:
        cooled = logits / math.exp(log_t)
        right = (cooled * targets).sum(axis=1) - np.logaddexp.reduce(cooled, axis=1)
        return float(-(weights * right).sum() + log_t**2 / (2 * SPREAD**2))

    return math.exp(minimize_scalar(loss, bounds=(-REACH, REACH), method="bounded").x)


def fold(model: keras.Model, temperature: float) -> None:
    """Divide the last layer's logits by ``temperature``, in place."""
    last = model.get_layer("probabilities")
    last.set_weights([(part / temperature).astype(part.dtype) for part in last.get_weights()])
