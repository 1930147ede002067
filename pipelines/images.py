"""The service's image with the champion in it, named by its version and the data it learned from.

``python -m pipelines.images`` builds it with Docker or with buildah, whichever is there, and notes its name
with the version in the registry. Older images stay; a rollback says which one its version is in.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pawtrait import champion
from pawtrait.adapters import registry
from pawtrait.errors import BadParams, PawtraitError
from pawtrait.stages import bake
from pipelines.processes import Children

DOCKERFILE = Path("docker/serve.Dockerfile")
NAME = "pawtrait-serve"
BUILDER, FLAGS = "PAWTRAIT_BUILDER", "PAWTRAIT_BUILD_FLAGS"
PASSED = (
    "BASE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
)  # build arguments, where they are set
COMMANDS = {
    "docker": ("docker", "build"),
    "buildah": ("buildah", "bud", "--format", "docker"),  # the other format knows no health check
}
LOOKS = {"docker": ("docker", "image", "inspect"), "buildah": ("buildah", "inspect", "--type", "image")}
NOBODY = "skipped: neither Docker nor buildah is here to build an image"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the champion's image unless it is there; the last line says which, or why there is none."""
    parser = argparse.ArgumentParser("python -m pipelines.images", description=__doc__)
    parser.add_argument(
        "--context", type=Path, default=Path(), help="the checkout whose code goes in (this one)"
    )
    context = parser.parse_args(arguments).context
    try:
        print(build(context, champion.NOTE, print))
    except PawtraitError as error:
        print(f"images: {error}", file=sys.stderr)
        return 2
    return 0


def build(context: Path, note: Path, log: Callable[[str], None]) -> str:
    """Build the image of the champion that ``note`` names from the code in ``context``; say what is there.

    Raises:
        BadParams: PAWTRAIT_BUILDER names none.
        PawtraitError: there is no champion, its files are damaged, or the build failed.
    """
    if not (context / DOCKERFILE).is_file():
        return f"skipped: there is no {DOCKERFILE}"
    builder = found(os.environ)
    if builder is None:
        return NOBODY
    version = champion.read(note).version
    image = name(version, registry.numbered(version).tags)
    if _there(builder, image):
        registry.annotate(version, {registry.IMAGE: image})  # a run may have ended between build and tag
        return f"{image} is there"
    _bake(context, note)
    with Children(context) as children:
        children.run("build-image", command(builder, image, os.environ), log)
    registry.annotate(version, {registry.IMAGE: image})
    return f"{image} was built with {builder}"


def name(version: str, tags: Mapping[str, str]) -> str:
    """``pawtrait-serve:VERSION-DATA``; DATA is DVC's hash of the pictures that the version learned from."""
    data = tags.get("dvc.outs.data/raw", "").removesuffix(".dir")
    return f"{NAME}:{version}-{data[:8] or 'unknown'}"


def found(environment: Mapping[str, str]) -> str | None:
    """Whom PAWTRAIT_BUILDER names, or Docker where its engine answers, or buildah; None for nobody.

    Raises:
        BadParams: it names another.
    """
    wanted = environment.get(BUILDER) or "auto"
    if wanted not in (*COMMANDS, "auto", "none"):
        raise BadParams(f"{BUILDER} is {wanted!r}; expected auto, {', '.join(COMMANDS)} or none")
    if wanted != "auto":
        return None if wanted == "none" else wanted
    if shutil.which("docker") and _succeeds("docker", "info"):
        return "docker"
    return "buildah" if shutil.which("buildah") else None


def command(builder: str, image: str, environment: Mapping[str, str]) -> list[str]:
    """The words that build it in the current folder; PAWTRAIT_BUILD_FLAGS adds some."""
    passed = [
        word
        for one in PASSED
        if environment.get(one)
        for word in ("--build-arg", f"{one}={environment[one]}")
    ]
    flags = shlex.split(environment.get(FLAGS, ""))
    where = ("--file", str(DOCKERFILE), "--target", "serve", "--tag", image)
    return [*COMMANDS[builder], *where, *passed, *flags, "."]


def _bake(context: Path, note: Path) -> None:
    """The project's champion, with painters and paintings as the context has them."""
    bake.run(
        note=note,
        painters=context / "data/painters",
        table=context / "data/tables/paintings.csv",
        pictures=context / "data/paintings",
        weights=context / "data/style_weights",
        params=context / "params.yaml",
        out=context / "docker/baked",
    )


def _there(builder: str, image: str) -> bool:
    return _succeeds(*LOOKS[builder], image)


def _succeeds(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
