"""The four moods, in the one order that every array, file and table follows."""

LABELS: tuple[str, ...] = ("happy", "sad", "angry", "other")

SPLITS: tuple[str, ...] = ("train", "valid", "test")


def normalise(name: str) -> str:
    """Bring a folder's name to a label's spelling; an unknown name comes back trimmed, in lower case."""
    return name.strip().lower()
