"""Pretrained weights from a mirror or from their own addresses, checked before they are used."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pawtrait.adapters.sources import archives, downloads, folders
from pawtrait.errors import BadSource, BadWeights
from pawtrait.files import scratch_folder, sha256, whole, whole_folder

_BUCKET = "https://storage.googleapis.com"
ADDRESSES = {  # of the classifiers' trunks, as keras.applications 3.15 has them, without top
    "mobilenet_v2": f"{_BUCKET}/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "resnet50": f"{_BUCKET}/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "efficientnet_b0": f"{_BUCKET}/keras-applications/efficientnetb0_notop.h5",
    "efficientnet_b5": f"{_BUCKET}/keras-applications/efficientnetb5_notop.h5",
}
STYLES = {  # of the networks whose features define style; a bare name is a mirror's only
    "vgg19": f"{_BUCKET}/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "squeezenet": "https://github.com/rcmalli/keras-squeezenet/releases/download/v1.0/"
    "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "vgg19_16x": "vgg19_16x_compressed_notop.h5",
}
MAGENTA = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2?tf-hub-format=compressed"
MAGENTA_FOLDER = "magenta_stylization/saved_model"  # in a mirror that is a folder
MAGENTA_ARCHIVE = "magenta_stylization.tar.gz"  # in a mirror that is an address
_UNPACKED = 1_000_000_000  # bytes; a SavedModel that grows beyond is refused


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where a network's weights came from; ``file`` is None where there are none."""

    net: str
    file: str | None  # a folder's name for a SavedModel
    sha256: str | None
    origin: str  # mirror | keras | none


@dataclass(frozen=True, slots=True)
class Place:
    """Whom to ask.

    Attributes:
        source: "none", or "keras" for the weights' own addresses.
        mirror: a folder or a URL that is asked first, or None.
        cache: where unfinished downloads are kept.
    """

    source: str
    mirror: str | None
    cache: Path


def fetch(net: str, pins: Sequence[str], place: Place, into: Path) -> Fetched:
    """Bring one network's weights into ``into``: from the mirror, else from their address, else not at all.

    Args:
        net: a key of ``ADDRESSES`` or ``STYLES``, or "magenta" for the SavedModel of fast style transfer.
        pins: the SHA-256s that are known to be right; of a SavedModel the one over names and contents. A pin
            that begins with "md5:" is the MD5 by which Keras itself checks that file.
        into: where the file goes under its own name.

    Raises:
        BadWeights: the network is unknown, or the file is not one of those pinned.
        BadSource: a download failed.
    """
    if net == "magenta":
        return _saved_model(pins, place, into)
    known = ADDRESSES | STYLES
    if net not in known:
        raise BadWeights(f"weights.files.{net}: no such network; known are {', '.join(known)}, magenta")
    name = Path(urlsplit(known[net]).path).name
    found, origin = _asked(name, known[net], place)
    if found is None:
        return Fetched(net, None, None, "none")
    digest = _pinned(net, name, sha256(found), pins, origin, found)
    with whole(into / name) as draft:
        shutil.copyfile(found, draft)
    return Fetched(net, name, digest, origin)


def offered(mirror: str | None, nets: Iterable[str]) -> dict[str, Any]:
    """What a mirror has of the networks' files now, by name: enough to notice that one came, went or grew.

    A file's content need not be looked at: none is taken whose sum is not pinned.

    Raises:
        BadSource: the mirror is no folder, or its server does not answer.
    """
    if mirror is None:
        return {}
    known = ADDRESSES | STYLES
    names = [MAGENTA_ARCHIVE, *(Path(urlsplit(known[net]).path).name for net in nets if net in known)]
    found = {name: _seen(mirror, name) for name in names}
    if urlsplit(mirror).scheme not in downloads.SCHEMES:
        saved = folders.located(mirror) / MAGENTA_FOLDER
        found[MAGENTA_FOLDER] = sum(one.stat().st_size for one in saved.rglob("*") if one.is_file())
    return {name: seen for name, seen in found.items() if seen}


def _seen(mirror: str, name: str) -> Any:
    """A file's bytes, of a server's its etag or date too, or None where the mirror does not have it."""
    if urlsplit(mirror).scheme not in downloads.SCHEMES:
        file = _mirrored(mirror, name)
        return file.stat().st_size if file else None
    try:
        remote = downloads.look(f"{mirror.rstrip('/')}/{name}")
    except BadSource as error:
        if _is_absent(error):
            return None
        raise
    return {"bytes": remote.bytes, "etag": remote.etag, "modified": remote.modified}


def _saved_model(pins: Sequence[str], place: Place, into: Path) -> Fetched:
    """Magenta's network, a folder: as one in a mirror, or as an archive from an address."""
    with _unpacked(place) as (folder, origin):
        if folder is None:
            return Fetched("magenta", None, None, "none")
        digest = _pinned("magenta", folder.name, folders.digest(folders.listing(folder)), pins, origin)
        with whole_folder(into / "magenta") as draft:
            shutil.copytree(folder, draft, dirs_exist_ok=True)
    return Fetched("magenta", "magenta", digest, origin)


@contextmanager
def _unpacked(place: Place) -> Iterator[tuple[Path | None, str]]:
    """The SavedModel as a folder that is only to be read, or None, and who had it."""
    mirror = place.mirror
    if (
        mirror
        and urlsplit(mirror).scheme not in downloads.SCHEMES
        and (folders.located(mirror) / MAGENTA_FOLDER).is_dir()
    ):
        yield folders.located(mirror) / MAGENTA_FOLDER, "mirror"
        return
    archive, origin = _asked(MAGENTA_ARCHIVE, MAGENTA, place)
    if archive is None:
        yield None, "none"
        return
    with scratch_folder(place.cache / "magenta") as scratch:
        archives.unpack(archive, scratch, _UNPACKED)
        yield scratch, origin


def _asked(name: str, address: str, place: Place) -> tuple[Path | None, str]:
    """The file from the mirror, else from its own address, else None; and who had it."""
    found = _from_mirror(place.mirror, name, place.cache) if place.mirror else None
    if found is None and place.source == "keras" and "://" in address:
        return _download(address, place.cache), "keras"
    return found, "mirror"


def _md5(file: Path) -> str:
    """As a pin has it. One maker can give two files the same MD5, but nobody can yet hit a given one."""
    with file.open("rb") as stream:
        return "md5:" + hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def _pinned(
    net: str, name: str, digest: str, pins: Sequence[str], origin: str, file: Path | None = None
) -> str:
    """The digest, if it or the MD5 of the file is one of those that are known to be right."""
    if digest in pins or (file and _md5(file) in pins):
        return digest
    expected = " or ".join(pins) or "a SHA-256 pinned there, but there is none"
    section = "weights" if net in ADDRESSES else "style_weights"
    raise BadWeights(
        f"{section}.files.{net}: {name} from the {origin} has the SHA-256 {digest}, expected {expected};"
        " if you trust the file pin its sum in params.yaml, else fetch it again"
    )


def _from_mirror(mirror: str, name: str, cache: Path) -> Path | None:
    """The file in the mirror, or None where it does not have it."""
    if urlsplit(mirror).scheme in downloads.SCHEMES:
        try:
            return _download(f"{mirror.rstrip('/')}/{name}", cache)
        except BadSource as error:
            if _is_absent(error):
                return None
            raise
    return _mirrored(mirror, name)


def _mirrored(mirror: str, name: str) -> Path | None:
    """The file in a mirror that is a folder."""
    folder = folders.located(mirror)
    if not folder.is_dir():
        raise BadSource(f"weights.mirror {mirror} is no folder; name a folder or an http(s) or s3 address")
    return folder / name if (folder / name).is_file() else None


def _is_absent(error: BadSource) -> bool:
    """Whether the server answered that it has no such file; fsspec says the same of one that is silent."""
    said = error.__cause__
    if not isinstance(said, FileNotFoundError):
        return False
    why = said.__cause__  # of s3 none; of http the answer, or that there was none
    return why is None or getattr(why, "status", None) in (404, 410)


def _download(url: str, cache: Path) -> Path:
    return downloads.fetch(url, downloads.look(url), cache / "downloads")
