"""Pretrained weights from a mirror or from Keras' own addresses, checked before they are used."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pawtrait.adapters.sources import downloads
from pawtrait.errors import BadSource, BadWeights
from pawtrait.files import sha256, whole

_BUCKET = "https://storage.googleapis.com"
ADDRESSES = {  # as keras.applications 3.15 has them, without top
    "mobilenet_v2": f"{_BUCKET}/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "resnet50": f"{_BUCKET}/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "efficientnet_b0": f"{_BUCKET}/keras-applications/efficientnetb0_notop.h5",
    "efficientnet_b5": f"{_BUCKET}/keras-applications/efficientnetb5_notop.h5",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where a network's weights came from; ``file`` is None where there are none."""

    net: str
    file: str | None
    sha256: str | None
    origin: str  # mirror | keras | none


def fetch(net: str, source: str, mirror: str | None, pins: Sequence[str], into: Path, cache: Path) -> Fetched:
    """Bring one network's weights into ``into``: from the mirror, else from Keras, else not at all.

    Args:
        net: a key of ``ADDRESSES``.
        source: "none", or "keras" for Keras' own address.
        mirror: a folder or a URL that is asked first, or None.
        pins: the SHA-256s that are known to be right.
        into: where the file goes under its own name.
        cache: where unfinished downloads are kept.

    Raises:
        BadWeights: the network is unknown, or the file is not one of those pinned.
        BadSource: a download failed.
    """
    if net not in ADDRESSES:
        raise BadWeights(f"weights.files.{net}: no such network; known are {', '.join(ADDRESSES)}")
    name = Path(urlsplit(ADDRESSES[net]).path).name
    found = _from_mirror(mirror, name, cache) if mirror else None
    origin = "mirror"
    if found is None and source == "keras":
        found, origin = _download(ADDRESSES[net], cache), "keras"
    if found is None:
        return Fetched(net, None, None, "none")
    digest = sha256(found)
    if digest not in pins:
        expected = " or ".join(pins) or "a SHA-256 pinned there, but there is none"
        raise BadWeights(
            f"weights.files.{net}: {name} from the {origin} has the SHA-256 {digest}, expected {expected};"
            " if you trust the file pin its sum in params.yaml, else fetch it again"
        )
    with whole(into / name) as draft:
        shutil.copyfile(found, draft)
    return Fetched(net, name, digest, origin)


def _from_mirror(mirror: str, name: str, cache: Path) -> Path | None:
    """The file in the mirror, or None where it does not have it."""
    if urlsplit(mirror).scheme in downloads.SCHEMES:
        try:
            return _download(f"{mirror.rstrip('/')}/{name}", cache)
        except BadSource as error:
            if _is_absent(error):
                return None
            raise
    folder = Path(mirror)
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
