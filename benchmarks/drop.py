"""``python -m benchmarks.drop ADDRESS``: from a photo's drop to its mood in the browser of a running app."""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

SAMPLES = Path("src/pawtrait/app/samples")
ROUNDS = 3  # with every sample, each on a page of its own


def main(arguments: Sequence[str]) -> int:
    """Measure and print one table; 2 where there is no browser or no address."""
    program = os.environ.get("PAWTRAIT_CHROMIUM") or shutil.which("chromium")
    if program is None or len(arguments) != 1:
        print(
            "benchmarks.drop: expected the address of a running app, as `make app` prints it, and chromium"
            " on the PATH or named by PAWTRAIT_CHROMIUM",
            file=sys.stderr,
        )
        return 2
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        photos = sorted(SAMPLES.glob("*.jpg")) * ROUNDS
        spent = [_drop(browser, arguments[0], photo) for photo in photos]
        browser.close()
    table = Table("drops", "best s", "median s", "worst s")
    table.add_row(str(len(spent)), *(f"{of(spent):.2f}" for of in (min, statistics.median, max)))
    Console().print(table)
    return 0


def _drop(browser: Browser, address: str, photo: Path) -> float:
    """Seconds from handing a photo over until its mood can be seen."""
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Paste a picture").wait_for()
    began = time.perf_counter()
    page.locator(".drop input.file").first.set_input_files(photo)
    page.locator(".paw-reading").wait_for()
    spent = time.perf_counter() - began
    page.close()
    return spent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
