"""How long one picture takes: onnxruntime on one thread."""

import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

from pawtrait.classification import predict

WARMING = 3  # calls before the clock runs: the first allocate


def milliseconds(network: Path, side: int, repeats: int) -> float:
    """The median time of one call with one picture, in milliseconds.

    Raises:
        BadModel: the file is no network that onnxruntime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    opened = predict.session(network, options)
    pixels = np.full((1, side, side, 3), 128, np.float32)
    taken = []
    for _ in range(WARMING + repeats):
        start = time.perf_counter()
        predict.run(opened, pixels)
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken[WARMING:])
