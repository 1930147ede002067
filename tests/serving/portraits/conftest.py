"""A small project: two paintings, painters whose work can be told by hand, features that start at random."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from starlette.testclient import TestClient

from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting
from pawtrait.serving import api, hands
from pawtrait.serving.settings import Settings
from tests.conftest import make_cyclegan, make_fast
from tests.serving.callers import wait_for

ROOT = Path(__file__).parents[3]
COLOURS = {"red": (90, 10, 0), "blue": (0, 20, 110)}  # two paintings of one colour each
PATIENCE = 60.0  # seconds that anything may take on a busy machine
until = partial(wait_for, seconds=PATIENCE)
STEPS = 100_000  # of neural style transfer that can be wished at most: minutes of work on any machine


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return project(tmp_path)


@pytest.fixture
def painted(here: Path) -> Path:
    """The project with its painters."""
    return with_painters(here)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for all tests that leave it as it was; its painting process is started once."""
    folder = with_painters(project(tmp_path_factory.mktemp("shared")))
    with TestClient(api.create(settings(folder))) as client:
        yield client


@pytest.fixture
def service(painted: Path) -> Callable[..., Any]:
    """Opens the service on that project, with settings of its own: ``with service(…) as client``."""

    @contextmanager
    def opened(**known: Any) -> Iterator[TestClient]:
        with TestClient(api.create(settings(painted, **known))) as client:
            yield client

    return opened


def project(folder: Path) -> Path:
    """Parameters with few steps, two paintings with their table, and no weights."""
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["neural"] |= {"side": 64, "scales": [0.5, 1.0], "steps": [2, 4], "precision": "fp32"}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    (folder / "data/paintings").mkdir(parents=True)
    for name, colour in COLOURS.items():
        (folder / f"data/paintings/{name}.png").write_bytes(images.encode_png(plain(64, 48, colour)))
    rows = [Painting(n, f"{n}.png", f"{n}.png", f"A {n} room", f"id-{n}", 48, 64, "") for n in COLOURS]
    manifest.write(folder / "data/tables/paintings.csv", rows, Painting)
    weights = folder / "data/style_weights"
    weights.mkdir(parents=True)
    unknown = {"squeezenet": {"net": "squeezenet", "file": None, "sha256": None, "origin": "none"}}
    (weights / "weights.json").write_text(json.dumps(unknown))
    return folder


def with_painters(folder: Path) -> Path:
    """The project with a CycleGAN that makes negatives and a fast painter that adds a painting's colour."""
    make_cyclegan(folder / "data/painters/cyclegan")
    make_fast(folder / "data/painters/fast")
    return folder


def settings(folder: Path, **known: Any) -> Settings:
    """Settings that need nothing outside the folder."""
    places = {
        "database": f"sqlite:///{folder}/store.db",
        "pictures": folder / "inbox",
        "outbox": folder / "outbox",
        "note": folder / "data/champion.json",
        "params": folder / "params.yaml",
        "painters": folder / "data/painters",
        "paintings": folder / "data/paintings",
        "paintings_table": folder / "data/tables/paintings.csv",
        "style_weights": folder / "data/style_weights",
        "portraits": folder / "portraits",
    }
    named = {name: str(place) for name, place in places.items()}
    plain = {"portrait_threads": 1, "portrait_polite": 0, "portrait_steps": STEPS, "grace": 1}
    return Settings.of({}, **(named | plain | known))


def plain(height: int, width: int, colour: tuple[int, int, int]) -> Pixels:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def photo(height: int = 64, width: int = 80, seed: int = 0) -> Pixels:
    """Soft shapes."""
    rough = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return images.stretch(rough, height, width)


def workers() -> list[psutil.Process]:
    """The painting processes of this one."""
    return [one for one in psutil.Process().children() if _is_worker(one)]


def kill(process: psutil.Process) -> None:
    """As the kernel does when memory is short; returns when it is gone."""
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: _is_gone(process))


def _is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # its service has seen it end already
        return True


def _is_worker(process: psutil.Process) -> bool:
    try:
        return hands.WORKER in process.cmdline()
    except psutil.Error:
        return False
