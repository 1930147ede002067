"""Whom the monitoring pages show, and how a picture that is forgotten is taken out of them."""

import re
from collections.abc import Collection
from pathlib import Path

from pawtrait.files import write_text

PAGES = Path("data/monitor")  # YYYY-MM-DD.html, and the same as numbers beside it
FIGURE = re.compile(r'<figure id="([0-9a-f]{64})">.*?</figure>\n?', re.DOTALL)  # as monitor.html has it


def forget(pages: Path, pictures: Collection[str]) -> None:
    """Take the pictures, SHA-256 each, out of every page in a folder; a page that shows none stays as it is.

    Raises:
        OSError: a page that shows one cannot be written.
    """
    for page in pages.glob("*.html"):
        before = page.read_text(encoding="utf-8")
        after = FIGURE.sub(lambda found: "" if found[1] in pictures else found[0], before)
        if after != before:
            write_text(page, after)
