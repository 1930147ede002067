"""git as a machine calls it, whoever's account that is; which repositories are ours to fill anew."""

import os
import subprocess
from pathlib import Path

from pipelines.processes import CommandError

NOBODY = {"user.name": "Pawtrait retraining", "user.email": "retraining@localhost"}
OURS = {  # a person's signing key, hooks and habits are not a machine's, which nobody answers for at night
    "clone.defaultRemoteName": "origin",
    "commit.gpgSign": "false",
    "core.excludesFile": os.devnull,
    "core.hooksPath": os.devnull,
    "merge.ff": "true",
    "merge.verifySignatures": "false",
    "push.gpgSign": "false",
    "status.showUntrackedFiles": "normal",
}
PERSON = ("GIT_AUTHOR_", "GIT_COMMITTER_")  # variables that begin so hide what a repository calls itself


def git(folder: Path, *arguments: str, good: tuple[int, ...] = (0,)) -> str:
    """What git prints, whatever the person whose account this is has told their own git.

    Raises:
        CommandError: it ended with a code that is not ``good``; the message is the line that says why.
    """
    ours = [word for key, value in OURS.items() for word in ("-c", f"{key}={value}")]
    command = ["git", *ours, "-C", str(folder), *arguments]
    named = {name: value for name, value in os.environ.items() if not name.startswith(PERSON)}
    english = {**named, "LC_ALL": "C"}  # other languages have other words for fatal
    try:
        done = subprocess.run(command, env=english, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CommandError("git is not installed; install it, since results are committed") from error
    if done.returncode not in good:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        why = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1])
        if why.endswith(":"):  # names of files follow
            why = " ".join([why, *(line.strip() for line in said if line.startswith("\t"))])
        raise CommandError(f"git {arguments[0]} failed: {why}")
    return done.stdout.strip()


def own(folder: Path, mark: str) -> None:
    """Stop where a folder that is about to be filled anew holds what somebody else put there.

    Ours are those below the project's .cache, missing and empty ones, and earlier ones: the author and the
    subject of their newest commit begin with ``mark``.

    Raises:
        CommandError: it holds something else, or this is done from within it.
    """
    place, here = folder.resolve(), Path.cwd()
    around = place == here or place in here.parents
    cached = (here / ".cache").resolve() in place.parents
    if around or not (cached or not place.exists() or not any(place.iterdir()) or _marked(place, mark)):
        raise CommandError(
            f"{folder} holds something else, which would be lost; name a new or an empty folder"
        )


def _marked(folder: Path, mark: str) -> bool:
    if not (folder / ".git").exists():
        return False  # git would answer for a repository around it
    return git(folder, "log", "-1", "--format=%an: %s", good=(0, 128)).startswith(mark)
