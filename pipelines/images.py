"""The service's image with the champion in it, named by its version and the data it learned from.

``python -m pipelines.images`` builds it with Docker or with buildah, whichever is there, and notes its name
with the version in the registry. Older images stay; a rollback says which one its version is in. One of the
same name that holds something else, by its label, is built again.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pawtrait import champion
from pawtrait.adapters import registry
from pawtrait.errors import BadParams, PawtraitError
from pawtrait.files import sha256
from pawtrait.stages import bake
from pipelines.processes import Children, say

DOCKERFILE = Path("docker/serve.Dockerfile")
NAME = "pawtrait-serve"
LABEL = "pawtrait.holds"  # of an image: the sum of all that its build read
BAKED = Path("docker/baked")
READ = (BAKED, DOCKERFILE, "docker/from_files", "src", "pyproject.toml", "constraints.txt", "params.yaml")
IGNORED = ("__pycache__", ".egg-info")  # ends of what .dockerignore keeps out of these
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
NOBODY = "skipped: no Docker engine answers, and buildah is not installed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the champion's image unless it is there; the last line says which, or why there is none.

    0 where all is well, 2 where it failed, 130 where it was stopped.
    """
    parser = argparse.ArgumentParser("python -m pipelines.images", description=__doc__)
    parser.add_argument(
        "--context", type=Path, default=Path(), help="the checkout whose code goes in (this one)"
    )
    context = parser.parse_args(arguments).context
    try:
        print(build(context, champion.NOTE, print))
    except KeyboardInterrupt:
        say("images: interrupted; finished images stay, run it again for the rest", sys.stderr)
        return 130  # as shells have it
    except PawtraitError as error:
        print(f"images: {error}", file=sys.stderr)
        return 2
    return 0


def build(context: Path, note: Path, log: Callable[[str], None]) -> str:
    """Build the image of the champion that ``note`` names from the code in ``context``; say what is there.

    Raises:
        BadParams: PAWTRAIT_BUILDER names none, or one that is not installed.
        PawtraitError: there is no champion, its files are damaged, or the build failed.
    """
    if not (context / DOCKERFILE).is_file():
        return f"skipped: there is no {DOCKERFILE}"
    builder = found(os.environ)
    if builder is None:
        return NOBODY
    version = champion.read(note).version
    image = name(version, registry.numbered(version).tags)
    _bake(context, note)
    inside, known = holds(context), _inspected(builder, image)
    if known and inside in known:
        registry.annotate(version, {registry.IMAGE: image})  # a run may have ended between build and tag
        return f"{image} is there"
    with Children(context) as children:
        children.run("build-image", command(builder, image, inside, os.environ), log)
    registry.annotate(version, {registry.IMAGE: image})
    again = "; the old one of that name, of other code or data, stays without a name" if known else ""
    return f"{image} was built with {builder}{again}"


def name(version: str, tags: Mapping[str, str]) -> str:
    """``pawtrait-serve:VERSION-DATA``; DATA is DVC's hash of the pictures that the version learned from."""
    data = tags.get("dvc.outs.data/raw", "").removesuffix(".dir")
    return f"{NAME}:{version}-{data[:8] or 'unknown'}"


def holds(context: Path) -> str:
    """The sum of path and content of all that the build reads: versions of two registries share a name."""
    lines = [f"{sha256(path)}  {path.relative_to(context).as_posix()}\n" for path in _read(context)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def found(environment: Mapping[str, str]) -> str | None:
    """Whom PAWTRAIT_BUILDER names, or Docker where its engine answers, or buildah; None for nobody.

    Raises:
        BadParams: it names another, or one that is not installed.
    """
    wanted = environment.get(BUILDER) or "auto"
    if wanted not in (*COMMANDS, "auto", "none"):
        raise BadParams(f"{BUILDER} is {wanted!r}; expected auto, {', '.join(COMMANDS)} or none")
    if wanted == "none":
        return None
    if wanted != "auto":
        if not shutil.which(wanted):
            raise BadParams(f"{BUILDER} is {wanted!r}, which is not installed")
        return wanted
    if shutil.which("docker") and _succeeds("docker", "info"):
        return "docker"
    return "buildah" if shutil.which("buildah") else None


def command(builder: str, image: str, inside: str, environment: Mapping[str, str]) -> list[str]:
    """The words that build it in the current folder, and label it; PAWTRAIT_BUILD_FLAGS adds some."""
    passed = [
        word
        for one in PASSED
        if environment.get(one)
        for word in ("--build-arg", f"{one}={environment[one]}")
    ]
    flags = shlex.split(environment.get(FLAGS, ""))
    where = ("--file", str(DOCKERFILE), "--target", "serve", "--tag", image, "--label", f"{LABEL}={inside}")
    return [*COMMANDS[builder], *where, *passed, *flags, "."]


def _bake(context: Path, note: Path) -> None:
    """The project's champion, with painters and paintings as the context has them."""
    bake.run(
        note=note,
        painters=context / "data/painters",
        table=context / "data/tables/paintings.csv",
        pictures=context / "data/paintings",
        weights=context / "data/style_weights",
        out=context / BAKED,
    )


def _read(context: Path) -> Iterator[Path]:
    """The files that the build reads, in order."""
    for top in (context / one for one in READ):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not any(part.endswith(IGNORED) for part in path.relative_to(context).parts):
                yield path


def _inspected(builder: str, image: str) -> str:
    """What the builder prints of an image, its labels among it; nothing where there is none."""
    command = [*LOOKS[builder], image]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return "" if done.returncode else done.stdout


def _succeeds(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
