"""The bare loop: decode, shrink, call onnxruntime, and nothing else; as many threads as there are cores.

``python -m benchmarks.serving.bare MODEL PICTURES SECONDS`` prints pictures a second.
"""

import sys
import threading
import time
from pathlib import Path

import onnxruntime

from pawtrait.classification import predict
from pawtrait.dataset import images
from pawtrait.serving import settings


def main() -> None:
    """Loop until the time is over."""
    folder, pictures, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # two sessions' calls side by side beat one call on two threads
    session = predict.session(folder / "model.onnx", options)
    side = session.get_inputs()[0].shape[1]
    files = [path.read_bytes() for path in sorted(pictures.glob("*.jpg"))]
    counts = []

    def loop() -> None:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            pixels = images.decode(files[count % len(files)], largest_pixels=10**6, name="picture")
            predict.run(session, images.resize(pixels, side)[None])
            count += 1
        counts.append(count)

    predict.run(
        session, images.resize(images.decode(files[0], largest_pixels=10**6, name="picture"), side)[None]
    )
    began = time.perf_counter()
    threads = [threading.Thread(target=loop) for _ in range(settings.Settings.of({}).workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts) / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
