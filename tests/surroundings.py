"""What tests find in the environment: nothing of the shell that runs them, and homes for foreign tools."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pipelines
from pawtrait import environment
from tests.holds import ASKED

KEPT = (ASKED, "PAWTRAIT_CHROMIUM")  # said to the tests themselves
FOREIGN = (  # so begin names that lead to a person's servers, stores and keys, or that change what is printed
    *("DATABASE_URL", "PAWTRAIT_", "MLFLOW_", "PREFECT_", "DVC_", "GIT_", "KERAS_", "CUDA_", "GX_"),
    *("AWS_", "KAGGLE", "MAKE", "MFLAGS", "OTEL_", "PG", "POSTGRES_", "PROMETHEUS_", "STREAMLIT_"),
    *("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "TTY_", "GITHUB_ACTIONS"),
)
OWN = {
    "CUDA_VISIBLE_DEVICES": "",  # numbers to the last bit, and Prefect's limit for GPUs is one for all tests
    "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig")),
    "GIT_CONFIG_NOSYSTEM": "1",
    "PAWTRAIT_BUILDER": "none",  # no test builds an image by the way, which takes minutes
}
HOMES = ("PREFECT_HOME", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")


def listen() -> None:
    """Ignore Ctrl-C and a closed terminal only here, where ``nohup`` or a shell's ``&`` had them ignored.

    What is ignored stays so in every child, and tests end some by these; a handler stays behind.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def settle() -> None:
    """Forget what the shell said, say what tests want; before anything imports a tool that reads it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN) and name not in KEPT]:
        del os.environ[name]
    os.environ.update(pipelines.SETTINGS | OWN)
    environment.settle()
    homes = Path(tempfile.mkdtemp(prefix="pawtrait-tests-"))
    atexit.register(shutil.rmtree, homes, ignore_errors=True)
    for name in HOMES:
        os.environ[name] = str(homes / name.lower())
