"""Kaggle data sets, through kagglehub: which version is there, and its files."""

import re
from pathlib import Path
from zipfile import BadZipFile

from pawtrait.errors import BadSource


def resolve(handle: str) -> tuple[str, Path]:
    """The handle with its version, and the folder of its files, fetched where kagglehub has not kept them.

    ``handle`` is OWNER/NAME for the newest version or OWNER/NAME/versions/N. kagglehub itself goes on with a
    download that was cut off. Where its folders carry no version (inside Kaggle's notebooks), the handle
    comes back as it is.

    Raises:
        BadSource: the handle is misspelt, or Kaggle cannot be reached, has no such set or wants a login.
    """
    if not re.fullmatch(r"[\w-]+/[\w-]+(/versions/\d+)?", handle):
        raise BadSource(f"kaggle:{handle}: expected kaggle:OWNER/NAME or kaggle:OWNER/NAME/versions/N")
    import kagglehub  # late: it costs half a second, and no other source needs it
    from kagglehub import exceptions as trouble

    ours = (trouble.CredentialError, trouble.UnauthenticatedError, trouble.KaggleEnvironmentError)
    theirs = (trouble.BackendError, trouble.NotFoundError, trouble.DataCorruptionError)
    try:
        folder = Path(kagglehub.dataset_download(handle))
    except (*ours, *theirs, OSError, ValueError, RuntimeError, BadZipFile) as error:  # requests' are OSErrors
        said = next(iter(str(error).splitlines()), "").strip() or type(error).__name__
        raise BadSource(
            f"kaggle:{handle} cannot be fetched ({said[:300]}); see that the network reaches Kaggle and a "
            "private set has its token (KAGGLE_API_TOKEN), or download it by hand and set ingest.source to it"
        ) from error
    version = re.search(r"/versions/(\d+)$", folder.as_posix())
    return f"{'/'.join(handle.split('/')[:2])}{version[0]}" if version else handle, folder
