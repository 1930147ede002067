"""What keeps foreign tools quiet, at home and out of each other's way; an ear muff for native libraries."""

import ctypes
import gc
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUIET = {
    "DO_NOT_TRACK": "true",  # MLflow honours only this spelling, Prefect takes it too
    "DVC_NO_ANALYTICS": "1",
    "GOMP_SPINCOUNT": "10000",  # torch's idle threads soon sleep; spinning, they crawl on a busy machine
    "GIT_PYTHON_REFRESH": "quiet",
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # no keras.json: a person's ~/.keras names a backend, or another order of axes
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",  # the default of 10 s shows nothing of a short training
    "MPLBACKEND": "Agg",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow's default only with AVX-512; with AVX2 a third faster too
}
TRACEBACK = "PAWTRAIT_TRACEBACK"  # set by `pawtrait --traceback` for the stages that it starts
HERE = ("127.0.0.1", "localhost")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
CEILING = "GIT_CEILING_DIRECTORIES"
NAMED = ("LOGNAME", "USER", "LNAME", "USERNAME")  # where Python looks for a user's name before it asks passwd
DIRECT = ("no_proxy", "NO_PROXY")  # whoever knows both heeds the first alone
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # as malloc.h numbers them


def settle() -> None:
    """Set what the user has not set."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    reach_here()
    have_a_name()
    stay_in_project()


def stay_in_project() -> None:
    """Let git look no further up than this project where it is no repository: one around it is not its own.

    An unpacked tarball below somebody's repository would take that one's commit for its own.
    """
    if Path(".git").exists() or not Path("dvc.yaml").is_file():
        return
    known = os.environ.get(CEILING, "").split(os.pathsep)
    around = str(Path.cwd().parent)
    if around not in known:
        os.environ[CEILING] = os.pathsep.join(filter(None, [*known, around]))


def have_a_name() -> None:
    """Be called by number where passwd knows no name, as in a container: DVC ends where its user has none."""
    if any(os.environ.get(name) for name in NAMED):
        return
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ["USER"] = str(os.getuid())


def reach_here() -> None:
    """Ask no proxy for servers of this machine, here and in children: it knows them not, or has its own.

    Where the environment names no proxy it stays as it is: on macOS a word on proxies hides the system's.
    """
    if not any(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXIES):
        return
    named = ",".join(os.environ.get(name, "") for name in DIRECT).split(",")
    hosts = dict.fromkeys(host.strip() for host in [*named, *HERE] if host.strip())
    if "*" not in hosts:
        os.environ.update(dict.fromkeys(DIRECT, ",".join(hosts)))


def keep_memory() -> None:
    """Let this process keep the memory that it frees, where malloc is glibc's: for long work that ends.

    glibc gives each block of more than 32 MB back to the kernel, and TensorFlow asks for the next at once:
    clearing its pages again took a quarter of the time in which the small CNN learns.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)  # never


def cores() -> int:
    """How many cores this process may use; a container often has fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """The GPUs of this machine that this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name.strip() for name in said.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = [program, "--query-gpu=index", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def repeat_hashes(module: str, arguments: list[str]) -> None:
    """Start this process anew as ``python -m module`` with fixed string hashes, unless they are fixed.

    tf2onnx names and merges nodes in the order of sets; with random hashes the same weights would give
    different bytes each time.
    """
    if "PYTHONHASHSEED" not in os.environ:
        command = [sys.executable, "-m", module, *arguments]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})


@contextmanager
def without_bytecode() -> Iterator[None]:
    """Keep Python from writing ``__pycache__`` beside the modules that it imports while the block runs."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


@contextmanager
def unswept() -> Iterator[None]:
    """Import heavy modules without garbage collection, then never look through what they brought again.

    It stays for good, hundreds of thousands of objects; looking through them over and over takes a quarter of
    the time in which TensorFlow is loaded, and half a second at each ``clear_session`` afterwards.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def muffled() -> Iterator[None]:
    """Hold back what native code writes to standard error while the block runs; show it if the block fails.

    TensorFlow's greeting comes from C++ before any of its log levels is read.
    """
    warnings.filterwarnings("ignore", module=r"(mlflow|keras|tf2onnx|great_expectations|tensorflow_hub)\b")
    with tempfile.TemporaryFile() as held:
        real = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(real, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
