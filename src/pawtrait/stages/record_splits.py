"""Outside DVC, before a month's stages: the splits of earlier months are recorded, so that none moves."""

from pathlib import Path

from pawtrait.dataset.manifest import Placed, Recorded, read, write


def run(*, splits: Path, recorded: Path) -> None:
    """Add the pictures of the last run that are not recorded yet; what is recorded stands.

    Raises:
        BadData: one of the tables cannot be read.
    """
    if not splits.is_file():
        print("record_splits: no run before this one, nothing to record")
        return
    known = read(recorded, Recorded) if recorded.exists() else []
    ids = {row.id for row in known}
    new = {row.id: Recorded(row.id, row.split) for row in read(splits, Placed) if row.id not in ids}
    if new:
        write(recorded, sorted([*known, *new.values()], key=lambda row: row.id), Recorded)
    print(f"record_splits: {len(new)} pictures more are settled, {len(known)} were")
