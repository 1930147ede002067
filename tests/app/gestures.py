"""What a visitor does beyond a click, and what can be seen of it then, on the page and in the store."""

import io
import re
from functools import partial
from hashlib import sha256
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from pawtrait.adapters.store import database, feedback
from pawtrait.adapters.store.feedback import Said
from tests.app.conftest import House
from tests.serving.callers import wait_for

eventually = partial(wait_for, seconds=20)


def upload(page: Page, path: Path) -> None:
    page.locator(".drop input.file").first.set_input_files(path)


def correct(page: Page, mood: str = "") -> None:
    """Say no, and which mood it is; the first on offer where that does not matter."""
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_role("radio", name=mood or re.compile("Happy|Sad")).first.click()
    expect(page.get_by_text("Thank you")).to_be_visible()


def faint(page: Page) -> list[str]:
    """Words and what can be chosen with less contrast than WCAG 2.2 asks for (1.4.3 and 1.4.11, level AA)."""
    page.mouse.move(0, 0)
    settled(page)
    found: list[str] = page.evaluate(FAINT)
    return found


def settled(page: Page) -> None:
    """Wait until the page's code has run to its end and two looks a moment apart see the same."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()
    before = None
    while before != (now := page.evaluate(LOOK)):
        before = now
        page.wait_for_timeout(250)


def downloaded(page: Page) -> Image.Image:
    """The portrait that the button hands out."""
    expect(page.locator(".beside")).to_be_visible()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    return Image.open(io.BytesIO(Path(coming.value.path()).read_bytes()))


def the_only_row_about(house: House, sent: Path) -> Said:
    """Feedback is on disk before it is acknowledged, and in the database a moment later."""
    name = sha256(sent.read_bytes()).hexdigest()
    with database.opened(house.database) as engine:
        (row,) = eventually(lambda: feedback.about(engine, name))
    return row


def streams_over(house: House) -> list[str]:
    """What the service's log says of streams of events that have ended."""
    lines = (house.folder / "house.log").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "/events 200" in line]


def kept(house: House) -> int:
    """How many pictures the store keeps."""
    return sum(path.is_file() for path in (house.folder / "inbox").rglob("*"))


FILE = """
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
"""
DROP = f"""(data) => {{{FILE}
  const hosts = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
  const zone = hosts.map((one) => one.querySelector(".drop .zone")).find(Boolean);
  zone.dispatchEvent(new DragEvent("drop", {{ dataTransfer: files, bubbles: true, composed: true }}));
}}"""
MISS = DROP.replace(
    "zone.dispatch", "document.querySelector('footer').dispatch"
)  # beside the place that is for it
PASTE = f"""(data) => {{{FILE}
  document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData: files, bubbles: true }}));
}}"""
COPY = """async () => {
  const canvas = new OffscreenCanvas(120, 120);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "rgb(60, 90, 200)";
  pen.fillRect(0, 0, 120, 120);
  await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })]);
}"""
SEEN = """
  const all = [];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      all.push(one);
      if (one.shadowRoot) walk(one.shadowRoot);
    }
  };
  walk(document.querySelector("[data-testid=stMain]"));
  const shows = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: false });
"""
LOOK = f"""() => {{{SEEN}
  return all.map((one) => [one.tagName, getComputedStyle(one).color, getComputedStyle(one).opacity,
    getComputedStyle(one).backgroundColor, one.getBoundingClientRect().top]).join();
}}"""
STICKING_OUT = f"""() => {{{SEEN}
  const scrolls = (one) => {{
    for (let at = one; at; at = at.parentElement ?? at.getRootNode().host)
      if (/auto|scroll|hidden/.test(getComputedStyle(at).overflowX) && at.clientWidth <= innerWidth
          && at.dataset?.testid !== "stMain") return true;
    return false;
  }};
  const out = (one) => one.getBoundingClientRect().right > innerWidth + 1;
  return all.filter((one) => shows(one) && out(one) && !scrolls(one))
    .map((one) => one.outerHTML.slice(0, 120));
}}"""
NAMELESS = f"""() => {{{SEEN}
  const said = (one) => one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.title
    || one.innerText?.trim() || [...(one.labels ?? [])].map((label) => label.innerText.trim()).join("")
    || one.querySelector?.("img[alt]:not([alt=''])")?.alt || one.placeholder;
  const pictures = all.filter((one) => one.tagName === "IMG" && !one.hasAttribute("alt"));
  const control = "button, a[href], input:not([type=hidden]), select, textarea";
  const controls = all.filter((one) => one.matches(control)
    && shows(one) && !one.closest("[aria-hidden=true]") && !said(one));
  return [...pictures, ...controls].map((one) => one.outerHTML.slice(0, 160));
}}"""
FAINT = f"""() => {{{SEEN}
  const chain = (one) => {{
    const up = [];
    for (; one; one = one.parentElement ?? one.getRootNode().host) up.push(one);
    return up;
  }};
  const away = "[data-testid=stSliderThumbValue]";  // whose value lies beside it
  const unread = `style, script, svg, :disabled, [aria-hidden=true], [aria-disabled=true], ${{away}}`;
  const style = (one) => getComputedStyle(one);
  const numbers = (colour) => {{
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return colour.startsWith("color(") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  }};
  const over = ([r, g, b, a], ground) => [r, g, b].map((one, n) => a * one + (1 - a) * ground[n]);
  const ground = (one) => chain(one).reverse().reduce((below, at) =>
    over(numbers(style(at).backgroundColor), below), [255, 255, 255]);
  const light = (colour) => colour.map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0);
  const share = (one) =>
    chain(one).reduce((all, at) => all * style(at).opacity, numbers(style(one).color)[3]);
  const apart = (colour, below) => {{
    const [low, high] = [light(over(colour, below)), light(below)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  }};
  const contrast = (one) => apart([...numbers(style(one).color).slice(0, 3), share(one)], ground(one));
  const edge = (one) => {{
    const {{ backgroundColor, borderTopColor, borderTopWidth, boxShadow }} = style(one);
    const drawn = [backgroundColor, parseFloat(borderTopWidth) ? borderTopColor : null,
      boxShadow.match(/^[a-z]+\\([^)]*\\)/)?.[0]].filter(Boolean);
    return Math.max(...drawn.map((colour) => apart(numbers(colour), ground(one.parentElement))));
  }};
  const box = (one) => one.closest("label").querySelector(":scope > div");
  const dot = (one) => box(one).firstElementChild;
  const of = (which, to) => all.filter((one) => one.matches(`[data-testid=${{which}}`)).map(to);
  const marks = [...of("stRadioOption] input", dot), ...of("stCheckbox] input", box),
    ...of("stCheckbox] [role=switch]", dot), ...of("stTextInputRootElement]", (one) => one)];
  const large = (one) => parseFloat(style(one).fontSize) >= (style(one).fontWeight >= 700 ? 18.66 : 24);
  const speaks = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    && one.innerText?.trim() && !one.closest(unread);
  const told = (figure) => (one) => `${{figure(one).toFixed(2)}} ${{one.outerHTML.slice(0, 120)}}`;
  return all.filter((one) => speaks(one) && shows(one) && share(one))
    .filter((one) => contrast(one) < (large(one) ? 3 : 4.5)).map(told(contrast))
    .concat(marks.filter((one) => shows(one) && edge(one) < 3).map(told(edge)));
}}"""
