"""Which file of a tree belongs to which split and label, decided from names and content hashes alone."""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pawtrait.dataset.labels import LABELS, normalise

UNSPLIT = "unsplit"  # its source put it in no split; also the raw folder of such
UNLABELLED = "unlabelled"  # no folder names a label; validation rejects it with that reason

_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
_KINDS = "jpg jpeg jpe jfif png gif bmp dib webp tif tiff heic heif avif jp2 ppm pgm"
SUFFIXES = frozenset(f".{kind}" for kind in _KINDS.split(" "))  # of pictures, unreadable kinds too
_JUNK = frozenset(["__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found"])
_JUNK_FILES = frozenset(["thumbs.db", "ehthumbs.db", "desktop.ini"])
_MASTER = "Master Folder"  # Kaggle's pets set keeps its splits there
_LONGEST = 200  # bytes of a name: most file systems end at 255, and drafts and variants add to it


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one picture comes from and goes to."""

    origin: str  # relative to the source's root, with /
    target: str  # SPLIT/LABEL/NAME; SPLIT is train, valid, test or unsplit


@dataclass(frozen=True, slots=True)
class Layout:
    """What a tree holds: every file stands in exactly one of the four, each sorted by path in the source."""

    spots: tuple[Spot, ...]
    twins: tuple[str, ...]  # the same picture, with the same label, lies in a split of the same source
    junk: tuple[str, ...]  # hidden files and what operating systems leave behind
    others: tuple[str, ...]  # no pictures: read-me files, tables


def recognise(files: Mapping[str, str]) -> Layout:
    """Give every picture of a tree its place.

    ``files`` maps each path (relative, with /) to a hash of its content. [ANYTHING/]SPLIT/LABEL/NAME and
    LABEL/NAME are understood. Kaggle's pets set has its splits in ``Master Folder`` and the training pictures
    once more in four folders beside it: a picture outside the splits that also lies inside one is a twin.
    """
    pictures, junk, others = [], [], []
    for path in sorted(files):
        split, label = _place(path)
        if is_junk(path):
            junk.append(path)
        elif label in LABELS or PurePosixPath(path).suffix.lower() in SUFFIXES:
            pictures.append((path, split, label))
        else:
            others.append(path)
    twins = _twins(pictures, files)
    spots = _distinct(picture for picture in pictures if picture[0] not in twins)
    return Layout(spots, tuple(sorted(twins)), tuple(junk), tuple(others))


def is_junk(path: str) -> bool:
    """Whether a file or folder (relative path, with /) is hidden or left behind by an operating system."""
    parts = [part.lower() for part in PurePosixPath(path).parts]
    if any(part.startswith(".") or part in _JUNK for part in parts):
        return True
    return parts[-1] in _JUNK_FILES or parts[-1].endswith(":zone.identifier")


def _place(path: str) -> tuple[str, str]:
    """The split and the label that a path's folders name.

    The innermost split folder with something below it counts; the label is the first known one below it, or
    else the folder right below. LABEL/SPLIT/NAME works, too. Without a split the innermost known one counts.
    """
    folders = [normalise(unicodedata.normalize("NFC", part)) for part in PurePosixPath(path).parts[:-1]]
    marks = [i for i, folder in enumerate(folders) if folder in _SPLITS]
    if not marks:
        known = [folder for folder in folders if folder in LABELS]
        return UNSPLIT, (known or [tame(folder) for folder in folders] or [UNLABELLED])[-1]
    mark = next((i for i in reversed(marks) if folders[i + 1 :]), marks[-1])
    above, below = folders[:mark], folders[mark + 1 :]
    known = [f for f in below if f in LABELS] + [f for f in reversed(above) if f in LABELS]
    label = (known or [tame(folder) for folder in below] or [UNLABELLED])[0]
    return _SPLITS[folders[mark]], label


def _twins(pictures: Iterable[tuple[str, str, str]], files: Mapping[str, str]) -> set[str]:
    """Unsplit pictures that also lie in a split: same label and content, or Kaggle's, same label and name."""
    published: set[tuple[str, str]] = set()
    twins = set()
    for path, split, label in sorted(pictures, key=lambda picture: picture[1] == UNSPLIT):  # splits first
        marks = {(files[path], label)}
        if (split == "train" and _MASTER in PurePosixPath(path).parts) or split == UNSPLIT:
            marks.add((PurePosixPath(path).name, label))
        if split != UNSPLIT:
            published |= marks
        elif marks & published:
            twins.add(path)
    return twins


def _distinct(pictures: Iterable[tuple[str, str, str]]) -> tuple[Spot, ...]:
    """A target of its own for each picture; the first folder keeps its names, later ones get a mark.

    All names of a folder get the same mark where one of them is taken, so that those of copies, as in
    ``aug-1-001``, still point to their original. Names that differ in case only count as the same, because
    some file systems see it so.
    """
    taken: set[str] = set()
    targets: dict[str, str] = {}
    folders: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    known = list(pictures)
    for path, split, label in known:
        folders[str(PurePosixPath(path).parent), split, label].append(path)
    for (folder, split, label), paths in folders.items():
        names = [tame(PurePosixPath(path).name) for path in paths]
        marked = any(f"{split}/{label}/{name}".casefold() in taken for name in names)
        for path, name in zip(paths, names, strict=True):
            target = f"{split}/{label}/{_marked(name, folder) if marked else name}"
            length = 8
            while target.casefold() in taken:
                target = f"{split}/{label}/{_marked(name, path, length)}"
                length += 8
            taken.add(target.casefold())
            targets[path] = target
    return tuple(Spot(path, targets[path]) for path, _, _ in known)


def _marked(name: str, of: str, length: int = 8) -> str:
    """A name with a few letters of a hash before its ending."""
    mark = hashlib.sha256(of.encode("utf-8", "surrogateescape")).hexdigest()[:length]
    return f"{PurePosixPath(name).stem}-{mark}{PurePosixPath(name).suffix}"


def tame(name: str) -> str:
    """A name that every file system and a UTF-8 table can hold: composed, printable, seen, not too long."""
    name = unicodedata.normalize("NFC", name)
    # not printable: line breaks, NUL, blanks that are no plain space, marks of direction, and surrogates,
    # which stand for bytes that are no UTF-8
    name = "".join("_" if c in '\\/:*?"<>|' or not c.isprintable() else c for c in name)
    name = name.strip(" ") or UNLABELLED
    if name.startswith("."):
        name = f"_{name[1:]}"
    if len(name.encode()) <= _LONGEST:
        return name
    suffix = PurePosixPath(name).suffix[:16]
    return name.encode()[: _LONGEST - len(suffix.encode())].decode(errors="ignore") + suffix
