"""The service: moods, portraits, feedback and reviews over HTTP, by onnxruntime alone."""
