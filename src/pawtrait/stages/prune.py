"""Pruning, outside DVC: old runs and results, killed trainings and fetched copies give their space back."""

import shutil
from pathlib import Path

from pawtrait.adapters import abandoned, cache, copies, registry, runs
from pawtrait.adapters.runs import Run


def run(*, keep: int, dry: bool) -> None:
    """Free all but the newest ``keep`` pipeline runs; a registered version and what made it always stay.

    Runs whose files lie with MLflow's server stay too: other checkouts may use it.

    Args:
        dry: only say what would go.

    Raises:
        BadData: no DVC project, a stage is running, or a .dvc file is in pieces.
        BadRegistry: MLflow does not answer.
    """
    known = runs.known()
    needed = runs.needed(known, keep, runs.trained_here())
    old = [one for one in known if one.id not in needed]
    space = cache.folder()
    files = _loose(space, [one for one in known if one.id in needed], old, keep)
    left = _unfinished(known, keep)
    fetched = copies.unneeded()
    here = [one for one in old if not runs.away(one)]
    freed = {one.id: runs.size(one) for one in here}  # before anything is gone
    for one in here:
        print(f"run {one.name} ({one.id[:8]}): {_mb(freed[one.id])}")
    if not dry:
        for name in files:
            cache.place(space, name).unlink(missing_ok=True)
        for folder in (*left, *fetched):
            shutil.rmtree(folder, ignore_errors=True)  # what cannot be removed stays for the next time
        for one in here:  # the locks that they keep say what to free, so they go last
            runs.free(one)
    word = "would be freed" if dry else "freed"
    print(
        f"{word}: {len(here)} of {len(known)} runs in MLflow, {_mb(sum(freed.values()))};"
        f" {len(files)} files in DVC's cache, {_mb(sum(files.values()))};"
        f" checkpoints of {len(left)} abandoned trainings, {_mb(sum(left.values()))};"
        f" {len(fetched)} fetched copies of versions, {_mb(sum(fetched.values()))}"
    )
    if away := len(old) - len(here):
        print(f"{away} older runs are on MLflow's server and stay: delete them there, and run `mlflow gc`")
    print(f"kept: {_versions()}; the newest {keep} pipeline runs; all snapshots of feedback")


def _loose(space: Path, kept: list[Run], old: list[Run], keep: int) -> dict[str, int]:
    """Files of the cache, with their sizes, that old locks name and nothing that stays does."""
    recent, older = cache.locks(keep)
    commits = {tags["git.commit"] for tags in registry.all_tags() if tags.get("git.commit", "none") != "none"}
    stay = [*recent, *(one.lock for one in kept), *map(cache.at, sorted(commits))]
    outs = {tag for tags in registry.all_tags() for key, tag in tags.items() if key.startswith("dvc.")}
    safe = cache.named(stay, space, guess=True) | cache.pinned(space) | cache.with_members(outs, space)
    return cache.sizes(space, cache.named([*older, *(one.lock for one in old)], space) - safe)


def _unfinished(known: list[Run], keep: int) -> dict[Path, int]:
    """Trainings that the newest ``keep`` pipeline runs did not go on with; none where fewer have run."""
    recent = runs.pipelines(known)[:keep]
    return abandoned.older(recent[-1].started) if len(recent) == keep else {}


def _versions() -> str:
    counts = {kind.name: len(registry.versions(kind)) for kind in registry.KINDS.values()}
    several = (
        f"{count} {'version' if count == 1 else 'versions'} of {name}"
        for name, count in counts.items()
        if count
    )
    return ", ".join(several) or "no version"


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
