"""The domain: data, models, training and measurement; knows neither Prefect nor MLflow."""

import atexit
import gc
import os
from pathlib import Path

# The libraries' millions of objects live as long as the process. By default, looking for cycles
# among them takes a fifth of the time of their import, and seconds at the process's end.
gc.set_threshold(10_000)
atexit.register(gc.freeze)

# Content keys name the backend, so it must not come from a user's own Keras settings file.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Without a driver TensorFlow reports at error level that it finds no GPU.
_quiet = "2" if Path("/proc/driver/nvidia").exists() else "3"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _quiet)
