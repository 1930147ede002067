"""Service and web app, started as `make app` starts them, and a real browser that talks to nobody else."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import yaml
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect, sync_playwright
from streamlit.components.v2.component_manager import BidiComponentManager

from pawtrait.dataset import images, manifest
from pawtrait.dataset.demo import paintings
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting
from pipelines.postgres import free_port
from tests.serving.callers import COLOURS

ROOT = Path(__file__).parents[2]
WORKS = ("woodblock", "points")  # manners of our own paintings
PATIENCE = 120.0  # seconds until both must be up, on a busy machine
WAIT = 30_000  # ms that a browser waits for anything


@pytest.fixture(autouse=True)
def _no_look_at_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's tester reads what 300 packages say of themselves, for every page; ours are not there."""
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)


@dataclass
class House:
    """Service and web app over a project's folder."""

    folder: Path
    address: str
    service: str
    process: "subprocess.Popen[bytes]"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder}/feedback.db"


@pytest.fixture(scope="module")
def by_hand(
    tmp_path_factory: pytest.TempPathFactory, coloured_models: Callable[..., Path]
) -> Iterator[House]:
    """A model made by hand, which knows a mood by its colour, and neural style transfer of few steps."""
    folder = project(tmp_path_factory.mktemp("house"))
    model = coloured_models(folder / "data/models", sharpness=3.0)
    with opened(folder, PAWTRAIT_MODEL=str(model), PAWTRAIT_PROXIES="10.0.0.0/8") as house:
        yield house


@pytest.fixture
def busy(by_hand: House) -> Iterator[None]:
    """The house's only painter works on something that takes it minutes."""
    with httpx.Client(base_url=by_hand.service, timeout=60) as client:
        sent = {"picture": ("pet.png", images.encode_png(paintings.painting(WORKS[0], 2, 512, seed=0)))}
        wish = {"method": "nst", "style": f"{WORKS[0]}_01", "side": "512", "steps": "300"}
        job = client.post("/v1/portraits", data=wish, files=sent).raise_for_status().json()["url"]
        until = time.monotonic() + PATIENCE
        while client.get(job).json()["status"] == "waiting" and time.monotonic() < until:
            time.sleep(0.1)
        yield
        assert client.get(job).json()["status"] == "painting"  # all the while
        client.delete(job)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The champion and the painters that `make demo` left in this checkout."""
    note = ROOT / "data/champion.json"
    champion = ROOT / json.loads(note.read_text(encoding="utf-8"))["folder"] if note.is_file() else None
    if champion is None or not (champion / "model.onnx").is_file():
        pytest.skip("no champion here: `make demo` trains one")
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("painters", "paintings", "tables", "style_weights"):
        shutil.copytree(ROOT / "data" / name, folder / "data" / name)
    with opened(folder, PAWTRAIT_MODEL=str(champion)) as house:
        yield house


def project(folder: Path) -> Path:
    """Parameters with few steps, two of our own paintings with their table, no weights."""
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["neural"] |= {"scales": [0.25, 1.0], "steps": [3, 3], "precision": "fp32"}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    (folder / "data/paintings").mkdir(parents=True)
    rows = [_hung(folder, manner) for manner in WORKS]
    manifest.write(folder / "data/tables/paintings.csv", rows, Painting)
    unknown = {"squeezenet": {"net": "squeezenet", "file": None, "sha256": None, "origin": "none"}}
    (folder / "data/style_weights").mkdir()
    (folder / "data/style_weights/weights.json").write_text(json.dumps(unknown))
    return folder


@contextmanager
def opened(folder: Path, **settings: str) -> Iterator[House]:
    """Both, as `make app` starts them; ended as Ctrl-C ends them."""
    port, service = free_port(), free_port()
    ours = {
        "PYTHONPATH": str(ROOT / "src"),
        "DATABASE_URL": f"sqlite:///{folder}/feedback.db",
        "PAWTRAIT_PICTURES": str(folder / "inbox"),
        "OMP_NUM_THREADS": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAWTRAIT_")}
    command = [sys.executable, "-m", "pawtrait.app", "--port", str(port), "--service-port", str(service)]
    with (folder / "house.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, **ours, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    house = House(folder, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{service}", process)
    try:
        _wait(house)
        yield house
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it; none is downloaded.

    Not for the session: Playwright's event loop runs in this thread, and no other may meanwhile.
    """
    program = (
        os.environ.get("PAWTRAIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not program:
        pytest.skip("no chromium here; install one, or name it in PAWTRAIT_CHROMIUM")
    with sync_playwright() as player:
        chromium = player.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        expect.set_options(timeout=WAIT)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page as a new visitor; any request to another host is refused, and fails the test."""
    strangers: list[str] = []
    contexts: list[BrowserContext] = []

    def come(address: str, *, width: int = 1280, height: int = 900, **more: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        context.route("**/*", lambda route, request: _let_pass(route, request, strangers))
        page = context.new_page()
        page.on("websocket", lambda socket: _known(socket.url) or strangers.append(socket.url))
        page.goto(address)
        page.locator(".paw-hero").wait_for()
        return page

    yield come
    for context in contexts:
        context.close()
    assert strangers == []


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a JPEG in a mood's colour, which the model made by hand reads; no two are alike."""
    folder = tmp_path_factory.mktemp("photos")
    made = iter(range(1000))

    def write(mood: str) -> Path:
        seed = next(made)
        path = folder / f"{mood}-{seed}.jpg"
        noise = np.random.default_rng(seed).normal(0, 60, (160, 160, 3))
        pixels: Pixels = np.clip(noise + np.array(COLOURS[mood]), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=95)
        return path

    return write


def _hung(folder: Path, manner: str) -> Painting:
    """One of our own paintings, on the wall."""
    name = f"{manner}_01"
    path = folder / f"data/paintings/{name}.png"
    path.write_bytes(images.encode_png(paintings.painting(manner, 1, 96, seed=0)))
    return Painting(
        name, path.name, path.name, f"A {manner} scene", sha256(path.read_bytes()).hexdigest(), 96, 96, ""
    )


def _wait(house: House) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and house.process.poll() is None:
        try:
            if httpx.get(f"{house.address}/_stcore/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError((house.folder / "house.log").read_text(encoding="utf-8"))


def _known(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"


def _let_pass(route: Route, request: Request, strangers: list[str]) -> None:
    if _known(request.url):
        route.continue_()
    else:
        strangers.append(request.url)
        route.abort()
