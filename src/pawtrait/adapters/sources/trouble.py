"""What the operating system says when files fail, in one plain line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pawtrait.errors import BadSource

_REMEDIES = {
    errno.ENOSPC: "free some space on the disk and run again",
    errno.EDQUOT: "free some space in your quota and run again",
    errno.EFBIG: "free some space or lift the limit on file sizes, and run again",
    errno.EACCES: "give yourself the right to read and write there",
    errno.EROFS: "the disk can only be read; work on another one",
}


@contextmanager
def plainly(where: str) -> Iterator[None]:
    """Turn an OSError of the block into one line that starts with ``where``.

    Raises:
        BadSource: the operating system refused something.
    """
    try:
        yield
    except OSError as error:
        said = " ".join((error.strerror or str(error) or type(error).__name__).split())
        name = Path(os.fsdecode(error.filename)).name if isinstance(error.filename, (str, bytes)) else ""
        remedy = _REMEDIES.get(error.errno or 0, "mend it and run again")
        raise BadSource(
            ": ".join(filter(None, [where, name.encode(errors="replace").decode(), f"{said}; {remedy}"]))
        ) from error
