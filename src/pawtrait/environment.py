"""The environment variables that keep foreign tools quiet and at home; set before any of them is imported."""

import os

QUIET = {
    "DO_NOT_TRACK": "true",  # MLflow honours only this spelling, Prefect takes it too
    "DVC_NO_ANALYTICS": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",  # the default of 10 s shows nothing of a short training
    "MPLBACKEND": "Agg",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def settle() -> None:
    """Set what the user has not set."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
