"""Takes the README's pictures of a running app: ``python -m tests.app.screenshots ADDRESS`` from the root."""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path("docs/images")
DESKTOP, PHONE = (1280, 900), (390, 844)
TALLEST = 1450  # px; what lies below is cut off
SAMPLES = Path("src/pawtrait/app/samples")


def take(address: str) -> None:
    """Mood and portrait, by day on a desk and by night on a phone."""
    program = (
        os.environ.get("PAWTRAIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, size, scheme in (("desk", DESKTOP, "light"), ("phone", PHONE, "dark")):
            page = _visit(browser, address, size, scheme)
            if name == "desk":
                _save(page, "home", size)
            page.locator(".drop input.file").first.set_input_files(SAMPLES / "pip.jpg")
            page.locator(".paw-reading").wait_for()
            _save(page, f"mood-{name}", size)
            page.get_by_role("button", name="Paint a portrait").click()
            _paint(page)
            _save(page, f"studio-{name}", size)
        browser.close()


def _visit(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.locator(".paw-hero").wait_for()
    return page


def _paint(page: Page) -> None:
    """At once where the service can, like a painting otherwise."""
    page.get_by_role("radio", name=re.compile("Stroke by stroke|In one go")).first.wait_for()
    page.locator("label", has_text="Stroke by stroke").click()
    page.get_by_role("radio", name=re.compile("Village under turning stars")).check(force=True)
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    page.locator(".beside").wait_for(timeout=300_000)


def _save(page: Page, name: str, size: tuple[int, int]) -> None:
    """The whole page: its main part scrolls on its own, so the window grows to it."""
    page.wait_for_timeout(1500)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": min(max(height, size[1]), TALLEST)})
    page.wait_for_timeout(800)
    page.screenshot(path=OUT / f"app-{name}.png")
    page.set_viewport_size({"width": size[0], "height": size[1]})


if __name__ == "__main__":
    take(sys.argv[1])
