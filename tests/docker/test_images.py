"""The images, built by buildah from the Dockerfiles as they stand, and run: what compose would start.

A base image comes from the registry that buildah knows, or from a script beside this checkout that makes one.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pawtrait import champion, params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.stages import weights
from pipelines import images
from pipelines.postgres import free_port
from tests.conftest import make_cyclegan
from tests.docker import builds
from tests.serving.callers import png, wait_for

ROOT = Path(__file__).parents[2]
BASE_SCRIPT = ROOT / "../shared/tools/base-image.sh"
BASE = "docker.io/library/python:3.11-slim-bookworm"
COPIED = (  # what .dockerignore lets in
    *(
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "params.yaml",
        "dvc.yaml",
        "prefect.yaml",
        ".dockerignore",
    ),
    *(".dvcignore", ".dvc/config", "data/source.json", "data/paintings.json", "data/weights.json"),
    *("data/recorded_splits.csv", "data/feedback/README.md"),
    *("src", "pipelines", "docker"),
)
LARGEST = 900e6  # bytes of the service's image
ROOM = 20e9  # bytes of disk that the pipeline's takes while it is built

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _base() -> None:
    """A base image to build upon."""
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    known = builds.known(BASE)
    if not known and not BASE_SCRIPT.is_file():
        pytest.skip(f"neither {BASE} nor a script that makes it is here")
    if not known:
        made = subprocess.run(
            [str(BASE_SCRIPT)], env=os.environ | builds.SETTINGS, check=False, capture_output=True, text=True
        )
        if made.returncode:
            said = (made.stderr.strip().splitlines() or ["no word why"])[-1]
            pytest.skip(f"{BASE} cannot be made here: {said}")


@pytest.fixture(scope="module")
def checkout(
    tmp_path_factory: pytest.TempPathFactory, coloured_models: Callable[..., Path]
) -> Iterator[Path]:
    """A copy of this checkout with a registered champion and a painter, which is the current folder."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        whole(ROOT / name, folder / name)
    make_cyclegan(folder / "data/painters/cyclegan")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        weights.run(
            out=folder / "data/pretrained", styles=folder / "data/style_weights"
        )  # none: random start
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        model = coloured_models(folder / "models", "cnn")
        with tracking.training(params.load(), "cnn", []) as run:
            registry.log(run, model)
        digest = sealed.check(model)["model.onnx"]
        registry.register(digest, {"name": "cnn", "dvc.outs.data/raw": "0123456789abcdef.dir"}, "the first")
        champion.write(champion.Champion(champion.MODEL, "1", "cnn", digest, str(model)))
        yield folder


@pytest.fixture(scope="module")
def built(checkout: Path) -> Iterator[str]:
    """The service's image as the month's flow builds it; its name."""
    builds.remove("pawtrait-serve:1-01234567")  # of a test that was killed
    code = f"{ROOT}{os.pathsep}{ROOT / 'src'}"
    told = {images.BUILDER: "buildah", images.FLAGS: shlex.join(builds.flags()), "PYTHONPATH": code}
    env = os.environ | builds.SETTINGS | told
    command = [sys.executable, "-m", "pipelines.images"]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout[-3000:]
    image = done.stdout.splitlines()[-1].split()[0]
    yield image
    builds.buildah("rmi", image)


@pytest.fixture(scope="module")
def service(built: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the service that runs in a container of that image."""
    port = free_port()
    command = ["pawtrait", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with builds.running(
        built, command, f"http://127.0.0.1:{port}/readyz", tmp_path_factory.mktemp("log")
    ) as url:
        yield url.removesuffix("/readyz")


def test_it_is_called_by_version_and_data_and_the_registry_knows_it(built):
    assert built == "pawtrait-serve:1-01234567"
    assert registry.numbered("1").tags[registry.IMAGE] == built


def test_it_is_smaller_than_900_mb(built):
    size = builds.size(built)
    print(f"{built}: {size / 1e6:.0f} MB, of which the base {builds.size(BASE) / 1e6:.0f} MB")
    assert size < LARGEST


def test_it_runs_as_nobody_special_and_is_asked_how_it_is(built):
    inside = json.loads(builds.buildah("inspect", "--type", "image", built))["Docker"]["config"]
    assert inside["User"] == "pawtrait"
    assert inside["Healthcheck"]["Test"][0] == "CMD" and "/readyz" in inside["Healthcheck"]["Test"][-1]
    assert inside["Entrypoint"] + inside["Cmd"] == ["pawtrait", "serve", "--host", "0.0.0.0"]


def test_what_trains_is_not_in_it_and_nothing_but_its_state_can_be_written(built):
    look = (
        "import importlib.util as u, os;"
        "print([m for m in ('tensorflow', 'torch', 'keras', 'pandas', 'pip') if u.find_spec(m)]);"
        "print(sorted({top for top, _, _ in os.walk('/') if os.access(top, os.W_OK)"
        " and not top.startswith(('/proc', '/dev', '/sys', '/tmp', '/var/tmp', '/run'))}))"
    )
    assert builds.inside(built, "python", "-c", look).splitlines() == ["[]", "['/app/state']"]


def test_all_that_starts_in_it_is_compiled(built):
    """Nothing is compiled there later, and by time a source may count as newer: buildah rounds it."""
    look = (
        "import onnxruntime, pawtrait.cli, importlib.util as u;"
        "files = [onnxruntime.__file__, pawtrait.cli.__file__];"
        "print([open(u.cache_from_source(one), 'rb').read(5)[4] for one in files])"
    )
    assert builds.inside(built, "python", "-c", look) == "[1, 1]"  # by hash, unchecked: PEP 552


def test_without_keys_it_is_not_opened_to_others(built):
    with pytest.raises(AssertionError, match="opens the service to others, and there are no keys"):
        builds.inside(built, "pawtrait", "serve", "--host", "0.0.0.0")


def test_the_service_in_it_tells_a_mood_with_the_version_that_is_baked_in(service):
    files = {"pictures": ("a.png", png("angry"), "image/png")}
    said = httpx.post(f"{service}/v1/moods?consent=true", files=files, timeout=60).raise_for_status().json()
    assert (said["answers"][0]["label"], said["model"]["version"]) == ("angry", "1")
    ids = {key: said["answers"][0][key] for key in ("request", "picture")}
    answer = httpx.post(f"{service}/v1/feedback", json=ids | {"label": "sad", "consent": True}, timeout=60)
    assert answer.status_code == 201
    wait_for(lambda: httpx.get(f"{service}/readyz", timeout=30).json()["feedback_waiting"] == 0, 30)


def test_the_service_in_it_says_why(service):
    files = {"pictures": ("a.png", png("happy"), "image/png")}
    said = httpx.post(f"{service}/v1/moods?explain=true", files=files, timeout=60).raise_for_status().json()
    answer = said["answers"][0]
    assert answer["label"] == "happy"
    assert answer["explanation"]["image"].startswith("data:image/png;base64,")  # no explanation if it failed


def test_the_service_in_it_paints_without_torch(service):
    files = {"picture": ("a.png", png("happy", 96), "image/png")}
    answer = httpx.post(f"{service}/v1/portraits", data={"method": "cyclegan"}, files=files, timeout=60)
    assert answer.raise_for_status().content.startswith(b"\x89PNG")


def test_the_full_target_paints_by_neural_style_transfer(built, checkout, tmp_path):
    port = free_port()  # `built` has baked the models
    with builds.image("serve", checkout, "full") as image:
        command = ["pawtrait", "serve", "--host", "127.0.0.1", "--port", str(port)]
        ready = f"http://127.0.0.1:{port}/readyz"
        with builds.running(image, command, ready, tmp_path), httpx.Client(timeout=60) as client:
            sent = {"picture": ("a.png", png("happy", 96)), "painting": ("b.png", png("angry", 96))}
            asked = {"method": "nst", "side": "64", "steps": "5"}
            job = client.post(f"http://127.0.0.1:{port}/v1/portraits", data=asked, files=sent)
            url = f"http://127.0.0.1:{port}{job.raise_for_status().json()['url']}"
            wait_for(lambda: client.get(url).json()["status"] in ("done", "failed"), 300)
            assert client.get(url).json()["status"] == "done", client.get(url).text
            portrait = client.get(f"{url}/picture")
            assert portrait.raise_for_status().content.startswith(b"\x89PNG")
        print(f"{image}: {builds.size(image) / 1e6:.0f} MB")


def test_the_web_app_s_image_shows_its_page(checkout, tmp_path):
    port = free_port()
    with builds.image("app", checkout) as image:
        command = ["python", "-m", "pawtrait.app", "--host", "127.0.0.1", "--port", str(port)]
        url = f"http://127.0.0.1:{port}/_stcore/health"
        with builds.running(image, command, url, tmp_path, "PAWTRAIT_SERVICE=http://127.0.0.1:9"):
            page = httpx.get(f"http://127.0.0.1:{port}", timeout=30)
        assert "streamlit" in page.raise_for_status().text.lower()
        print(f"{image}: {builds.size(image) / 1e6:.0f} MB")


def test_the_pipeline_s_image_has_all_that_its_commands_need(checkout):
    if (free := shutil.disk_usage(checkout).free) < ROOM:
        pytest.skip(
            f"{free / 1e9:.0f} GB of disk are free, {ROOM / 1e9:.0f} are needed: each layer is a copy"
        )
    with builds.image("pipeline", checkout) as image:
        said = builds.inside(
            image,
            "sh",
            "-c",
            "pawtrait --help && mlflow --version && prefect --version && git --version && pg_dump --version",
        )
        words = ("Usage: pawtrait", "mlflow, version", "git version", "pg_dump (PostgreSQL) 15")
        assert all(word in said for word in words)
        code = "import tensorflow, torch, pawtrait, os; print(os.getuid(), pawtrait.__version__)"
        assert builds.inside(image, "python", "-c", code).splitlines()[-1] == "1000 0.1.0"
        print(f"{image}: {builds.size(image) / 1e6:.0f} MB")
