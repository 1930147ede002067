"""Images and containers for a test, by buildah without privileges beyond its own, and gone afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving.callers import is_fine, wait_for

SETTINGS = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
CERTIFICATES = Path("/etc/ssl/certs")


def buildah(*words: str) -> str:
    """What it prints; the test fails where it fails."""
    done = subprocess.run(["buildah", *words], env=os.environ | SETTINGS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def known(image: str) -> bool:
    """Whether the image is here."""
    command = ["buildah", "inspect", "--type", "image", image]
    return subprocess.run(command, env=os.environ | SETTINGS, capture_output=True).returncode == 0


def remove(image: str) -> None:
    """Take an image away with the containers made of it, if it is here."""
    if known(image):
        buildah("rmi", "--force", image)


@contextmanager
def image(name: str, checkout: Path, target: str = "") -> Iterator[str]:
    """Build an image from its Dockerfile, up to its last target or the one that is named; gone afterwards."""
    tag = f"pawtrait-{name}:tested{target}"
    where = ("--file", f"{checkout}/docker/{name}.Dockerfile", "--tag", tag)
    where += ("--target", target) if target else ()
    buildah("bud", "--format", "docker", *flags(), *where, str(checkout))
    try:
        yield tag
    finally:
        buildah("rmi", tag)


@contextmanager
def container(image: str) -> Iterator[str]:
    """A container's name."""
    name = buildah("from", "--pull-never", f"localhost/{image}")
    try:
        yield name
    finally:
        buildah("rm", name)


def inside(image: str, *command: str) -> str:
    """What a command prints in a container of its own."""
    with container(image) as name:
        return buildah("run", name, "--", *command)


@contextmanager
def running(image: str, command: list[str], url: str, folder: Path, *variables: str) -> Iterator[str]:
    """Run a command in a container until the block ends, as soon as it answers at ``url``."""
    env = [word for one in variables for word in ("--env", one)]
    with container(image) as name, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["buildah", "run", "--network", "host", *env, name, "--", *command],
            env=os.environ | SETTINGS,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(lambda: process.poll() is not None or is_fine(url), 180)
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def size(image: str) -> float:
    """Bytes, as buildah counts them."""
    (found,) = json.loads(buildah("images", "--json", image))
    number, unit = found["size"].split()
    return float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def flags() -> list[str]:
    """pip in a build sees nothing of this machine's settings: its files go in, and the folders they name."""
    files = [Path(name) for name in re.findall(r"^ +(/\S+), exists: True$", _pip("debug"), re.MULTILINE)]
    mine = Path.home() / ".config/pip/pip.conf"
    mounts = {one: Path("/root/.config/pip/pip.conf") if one == mine else one for one in files}
    for found in re.findall(r"(?:file://)?(/[\w./-]+)", re.sub(r"https?://\S+", "", _pip("list"))):
        place = Path(found).parent if Path(found).name == "simple" else Path(found)  # its files lie beside it
        if place.exists() and CERTIFICATES not in place.parents:
            mounts[place] = place
    if CERTIFICATES.is_dir():
        mounts[CERTIFICATES] = CERTIFICATES
    volumes = [f"--volume={place}:{inside}:ro" for place, inside in mounts.items()]
    return ["--network", "host", "--pull-never", *volumes]


def _pip(question: str) -> str:
    command = [sys.executable, "-m", "pip", "config", question]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
