"""The app in a real browser, on the running service: what a visitor does, and what the store then holds."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from pawtrait.adapters.store import database, feedback
from pawtrait.app import gallery, main, shown, words
from tests.app.conftest import House
from tests.app.gestures import (
    COPY,
    DROP,
    MISS,
    NAMELESS,
    PASTE,
    STICKING_OUT,
    correct,
    downloaded,
    eventually,
    faint,
    kept,
    settled,
    streams_over,
    the_only_row_about,
    upload,
)

Visit = Callable[..., Page]
Photo = Callable[..., Path]

TITLES = {path: title for _, title, _, path in main.PAGES}
SAMPLES = Path(gallery.__file__).with_name("samples")
HERALD = ".st-key-herald p"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
RING = """(one) => {
  const { outlineStyle, outlineWidth } = getComputedStyle(one.closest("label, a"));
  return [outlineStyle, outlineWidth];
}"""
REPORT = """<!doctype html><title>A day</title><h1>A quiet day</h1><a href="#answers">To the answers</a>
<p style="height: 200rem">Nothing.</p><h2 id="answers">Answers</h2><p style="height: 200rem">Nothing.</p>"""


def test_a_photo_is_read_corrected_and_painted(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    sent = photo("sad")
    upload(page, sent)
    expect(page.get_by_role("heading", name="Sad", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("warm spots point to sad"))).to_be_visible()

    correct(page, "Happy")
    said = the_only_row_about(by_hand, sent)
    assert (said.label, said.thumbs, said.predicted, said.consent) == ("happy", -1, "sad", False)
    assert said.model_version

    page.get_by_role("button", name="Paint a portrait").click()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("The portrait after step"))).to_be_visible()
    portrait = downloaded(page)
    assert (portrait.format, portrait.size) == ("PNG", (160, 160))  # the photo's, which is smaller


def test_one_s_own_picture_can_be_the_painting(by_hand: House, visit: Visit, photo: Photo):
    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").click()
    page.get_by_text("Use your own picture as the painting").click()
    page.get_by_test_id("stExpander").filter(has_text="your own picture").locator(
        "input.file"
    ).set_input_files(photo("angry"))
    expect(page.get_by_role("radio", name=re.compile("My own picture"))).to_be_checked()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    assert downloaded(page).size == (256, 256)
    page.locator("[data-testid=stFeedback] button").first.click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    with database.opened(by_hand.database) as engine:
        rows = eventually(lambda: feedback.styles_between(engine, LONG_AGO, datetime.now(UTC)))
    assert [(row.method, row.style, row.thumbs) for row in rows] == [("nst", "own", 1)]


def test_a_portrait_that_the_page_has_is_told_aloud_and_no_longer_in_the_service(
    by_hand: House, visit: Visit
):
    page = visit(f"{by_hand.address}/studio")
    spoken = page.locator(HERALD).element_handle()
    assert spoken is not None and spoken.text_content() == ""
    page.get_by_role("button", name="Rex").click()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    assert downloaded(page).size == (256, 256)
    assert spoken.text_content() == "The portrait is ready: A points scene."
    assert list((by_hand.folder / ".cache/portraits").glob("*.png")) == []
    downloaded(page)


def test_painting_can_be_stopped(by_hand: House, visit: Visit):
    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").click()
    page.get_by_role("radio", name="large").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_role("button", name="Stop painting")).to_be_visible()
    expect(page.get_by_role("button", name="Paint", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Stop painting").click()
    expect(page.get_by_role("button", name="Paint", exact=True)).to_be_visible()
    expect(page.locator(".beside")).to_have_count(0)


def test_whoever_waits_for_a_busy_painter_can_go_elsewhere_or_give_up(
    by_hand: House, busy: None, visit: Visit
):
    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").click()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_text("Waiting for a free brush")).to_be_visible()
    followed = len(streams_over(by_hand))
    page.get_by_role("link", name="This visit").click()
    expect(page.get_by_role("heading", name="This visit", level=1)).to_be_visible()
    assert eventually(lambda: streams_over(by_hand)[followed:])  # nobody listens on for a page that was left
    page.get_by_role("link", name="Portrait studio").click()
    expect(page.get_by_text("Waiting for a free brush")).to_be_visible()  # the job is still the visitor's
    page.get_by_role("button", name="Stop painting").click()
    expect(page.get_by_role("button", name="Paint", exact=True)).to_be_visible()


def test_visitors_are_told_apart_though_others_proxies_are_trusted_too(by_hand: House, photo: Photo):
    sent = photo("happy").read_bytes()
    with httpx.Client(base_url=by_hand.service, timeout=60) as app:
        for visitor in ("192.0.2.7", "192.0.2.8"):
            said = {"X-Forwarded-For": visitor}  # as the app tells it, from 127.0.0.1
            read = app.post("/v1/moods", files={"pictures": ("a.jpg", sent)}, headers=said).json()["answers"][
                0
            ]
            ids = {"request": read["request"], "picture": read["picture"], "thumbs": 1}
            app.post("/v1/feedback", json=ids, headers=said).raise_for_status()
    name = sha256(sent).hexdigest()
    with database.opened(by_hand.database) as engine:
        rows = eventually(lambda: found if len(found := feedback.about(engine, name)) == 2 else [])
    assert len({row.client for row in rows}) == 2


def test_the_demo_s_champion_and_painters_answer_as_well(demo: House, visit: Visit):
    page = visit(demo.address)
    sent = SAMPLES / "minka.jpg"
    upload(page, sent)
    expect(page.locator(".paw-mood h2")).not_to_be_empty()
    correct(page)
    assert the_only_row_about(demo, sent).thumbs == -1
    page.get_by_role("button", name="Paint a portrait").click()
    page.locator("label", has_text="House style").click()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    assert downloaded(page).size == (256, 256)


def test_yes_is_one_click(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    sent = photo("angry")
    upload(page, sent)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    said = the_only_row_about(by_hand, sent)
    assert (said.label, said.thumbs, said.predicted) == (None, 1, "angry")


def test_a_photo_is_kept_with_consent_only_and_deleted_on_demand(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    before = kept(by_hand)
    upload(page, photo("happy"))
    expect(page.get_by_text("The photo was not kept.")).to_be_visible()
    assert kept(by_hand) == before

    page.locator("label", has_text="Keep my photo").click()
    upload(page, photo("sad"))
    expect(page.get_by_text("The photo was kept, as you allowed.")).to_be_visible()
    assert kept(by_hand) == before + 1
    page.get_by_role("button", name="Delete my picture").click()
    expect(page.get_by_text("Deleted.")).to_be_visible()
    assert kept(by_hand) == before


def test_consent_may_come_with_the_correction(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    before = kept(by_hand)
    sent = photo("other")
    upload(page, sent)
    page.get_by_role("button", name="No", exact=True).click()
    page.locator("label", has_text="You may keep this photo").click()
    page.get_by_role("radio", name="Angry").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    assert the_only_row_about(by_hand, sent).consent
    assert kept(by_hand) == before + 1


def test_a_photo_can_be_dropped_or_pasted(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    page.get_by_role("button", name="Paste a picture").wait_for()
    for mood, way in (("happy", DROP), ("angry", PASTE), ("sad", MISS)):
        page.evaluate(way, base64.b64encode(photo(mood).read_bytes()).decode())
        expect(page.locator(".paw-mood h2")).to_have_text(re.compile(words.MOODS[mood]))


def test_a_pasted_picture_goes_to_one_place_that_can_be_seen(by_hand: House, visit: Visit, photo: Photo):
    def paste() -> None:
        page.evaluate(PASTE, base64.b64encode(photo("angry").read_bytes()).decode())

    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").click()
    own = page.get_by_test_id("stExpander").filter(has_text="your own picture")
    sitter = page.get_by_test_id("stExpander").filter(has_text="Another photo")
    mine = page.get_by_role("radio", name=re.compile("My own picture"))
    expect(page.get_by_role("img", name="The photo rex.jpg")).to_be_visible()

    sitter.locator("summary").click()
    paste()  # the other place lies in a closed box
    expect(page.get_by_role("img", name="The photo photo.jpg")).to_be_visible()
    expect(mine).to_have_count(0)

    own.locator("summary").click()
    own.locator(".zone").hover()
    paste()
    expect(mine).to_be_checked()
    expect(sitter.locator(".drop.busy")).to_have_count(0)


def test_each_place_for_a_picture_says_what_it_is_for(by_hand: House, visit: Visit):
    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").click()
    for box, name in (("Another photo", "Who shall we paint?"), ("your own picture", "A painting, a fabric")):
        page.get_by_test_id("stExpander").filter(has_text=box).locator("summary").click()
        place = page.get_by_role("region", name=name)
        expect(place).to_be_visible()
        expect(place.get_by_role("button", name=name)).to_have_attribute("type", "file")


def test_a_photo_can_be_taken(by_hand: House, visit: Visit):
    page = visit(by_hand.address, permissions=["camera"])
    page.get_by_role("button", name="Take a photo").first.click()
    page.wait_for_function("document.querySelector('video')?.readyState >= 2")  # the camera has woken up
    page.get_by_test_id("stCameraInput").get_by_role("button", name="Take photo").click()
    expect(page.locator(".paw-reading")).to_be_visible()


def test_the_paste_button_reads_the_clipboard(by_hand: House, visit: Visit):
    page = visit(by_hand.address, permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(COPY)
    page.get_by_role("button", name="Paste a picture").click()
    expect(page.locator(".paw-mood h2")).to_have_text(re.compile("Sad"))


def test_what_is_no_photo_is_told_kindly(by_hand: House, visit: Visit, tmp_path: Path):
    page = visit(by_hand.address, width=360, height=740, has_touch=True)
    page.get_by_role("button", name="Rex").tap()
    expect(page.locator(".paw-photo")).to_be_in_viewport()  # above what was looked at
    notes = tmp_path / "notes.jpg"
    notes.write_text("not a photo")
    page.get_by_role("button", name="Rex").scroll_into_view_if_needed()
    upload(page, notes)
    told = page.get_by_role("alert")
    expect(told).to_have_text(re.compile("does not look like a photo|could not be opened"))
    expect(told).to_be_in_viewport()


def test_a_photo_that_is_too_large_is_not_even_sent(by_hand: House, visit: Visit, tmp_path: Path):
    page = visit(by_hand.address)
    large = tmp_path / "large.jpg"
    large.write_bytes(11_000_000 * b"\xff")
    upload(page, large)
    expect(page.get_by_role("status").filter(has_text="one with up to 10 MB")).to_be_visible()


def test_a_photo_that_is_too_large_is_refused_where_it_arrives_too(by_hand: House, visit: Visit):
    page = visit(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").wait_for()
    page.locator(".drop").evaluate(
        "(box) => box.tell('photo', { name: 'large.bmp', data: btoa('\\xff'.repeat(10_000_001)) })"
    )
    expect(page.get_by_role("alert")).to_have_text(re.compile("too big"))
    expect(page.get_by_role("button", name="Rex")).to_be_visible()


def test_a_photo_that_never_arrives_is_not_looked_at_for_ever(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    page.clock.install()
    place, late = page.locator(".drop"), page.get_by_text("No answer came. Please try again.")
    upload(page, photo("happy"))
    expect(page.locator(".paw-reading")).to_be_visible()
    page.clock.fast_forward(100_000)
    expect(late).to_have_count(0)  # this one was answered
    place.evaluate("(box) => { box.tell = () => {} }")  # as where the connection is gone
    upload(page, photo("sad"))
    expect(page.get_by_text("Looking closely …")).to_be_visible()
    page.clock.fast_forward(100_000)
    expect(late).to_be_visible()
    expect(place).not_to_have_class(re.compile("busy"))
    expect(page.get_by_text("Another photo?")).to_be_visible()


def test_drop_after_drop_shows_the_mood_of_the_last(by_hand: House, visit: Visit, photo: Photo):
    page = visit(by_hand.address)
    page.get_by_role("button", name="Paste a picture").wait_for()
    for mood in ("happy", "sad", "angry", "other", "happy"):
        page.evaluate(DROP, base64.b64encode(photo(mood).read_bytes()).decode())
        expect(page.locator(".paw-mood h2")).to_have_text(re.compile(words.MOODS[mood]))


def test_keys_alone_lead_from_a_sample_to_its_mood(by_hand: House, visit: Visit):
    page = visit(by_hand.address)
    page.get_by_role("button", name="Pip").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".paw-reading")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="The model")).to_have_count(1)  # for screen readers
    expect(page.get_by_role("region", name="Another photo?").locator(".title")).to_have_text("Another photo?")
    settled(page)
    expect(page.get_by_test_id("stMain")).to_be_focused()
    assert not page.get_by_test_id("stMain").evaluate("it => it.matches(':focus-visible')")  # no ring
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes")).to_be_focused()


def test_keys_see_where_they_are_in_the_menu_at_the_consent_and_among_ways_to_paint(
    by_hand: House, visit: Visit
):
    page = visit(by_hand.address)
    page.keyboard.press("Tab")
    for one in (page.get_by_role("link", name="Read a mood"), page.get_by_role("switch")):
        one.focus()
        assert one.evaluate(RING) == ["solid", "3px"]
    page.goto(f"{by_hand.address}/studio")
    page.get_by_role("button", name="Rex").press("Enter")
    one = page.get_by_role("radio", name=re.compile("Stroke by stroke"))
    one.focus()
    assert one.evaluate(RING) == ["solid", "3px"]


def test_reviewers_judge_blind_and_hear_the_model_afterwards(by_hand: House, visit: Visit, photo: Photo):
    owner = visit(by_hand.address)
    owner.locator("label", has_text="Keep my photo").click()
    upload(owner, photo("sad"))
    correct(owner, "Happy")

    page = visit(f"{by_hand.address}/reviewers")
    page.get_by_label("Your name").fill("rosa")
    page.get_by_label("Your name").press("Enter")
    expect(page.get_by_role("img", name="The picture to judge")).to_be_visible()
    spoken = page.locator(HERALD).element_handle()
    assert spoken is not None and spoken.text_content() == ""
    assert "said" not in page.get_by_test_id("stMain").inner_text().replace("Say what you see", "")
    switch = page.get_by_role("button", name="Answer with single keys")
    switch.click()
    expect(page.get_by_text("A verdict cannot be taken back.")).to_be_visible()
    expect(switch).to_be_focused()
    assert faint(page) == []
    page.keyboard.press("a")
    told = page.get_by_test_id("stAlert").filter(has_text=re.compile("You said angry, the model said"))
    expect(told).to_be_visible()
    assert "You said angry, the model said" in (spoken.text_content() or "")


@pytest.fixture(scope="module")
def reported(by_hand: House) -> House:
    """The house with a monitoring page that is too tall for its frame, and a link to what lies below."""
    report = by_hand.folder / "data/monitor/2026-11-25.html"
    report.parent.mkdir(parents=True)
    report.write_text(REPORT, encoding="utf-8")
    return by_hand


def test_operators_see_champion_versions_and_the_monitoring_report(reported: House, visit: Visit):
    page = visit(f"{reported.address}/operators")
    expect(page.locator(".paw-tiles").get_by_text("alive, with a model")).to_be_visible()
    expect(page.get_by_role("table", name="Versions of the model")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_role("heading", name="A quiet day")).to_be_visible()


def test_links_within_the_monitoring_report_lead_to_its_sections(reported: House, visit: Visit):
    report = visit(f"{reported.address}/operators").frame_locator("iframe")
    section = report.get_by_role("heading", name="Answers")
    expect(section).not_to_be_in_viewport()
    report.get_by_role("link", name="To the answers").click()
    expect(section).to_be_in_viewport()


@pytest.mark.parametrize("path", TITLES)
def test_nothing_sticks_out_on_a_small_phone_and_everything_has_a_name(
    by_hand: House, visit: Visit, path: str
):
    page = visit(f"{by_hand.address}/{path}", width=360, height=740, has_touch=True)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(STICKING_OUT) == []
    assert page.evaluate(NAMELESS) == []
    assert page.locator("h1").count() == 1
    expect(page).to_have_title(f"{TITLES[path]} · Pawtrait")
    page.set_viewport_size({"width": 1280, "height": 900})
    settled(page)
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_every_word_and_choice_stands_out(by_hand: House, visit: Visit, photo: Photo, scheme: str):
    page = visit(by_hand.address, color_scheme=scheme, reduced_motion="reduce")
    upload(page, photo("happy"))
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_text("What is it really?")).to_be_visible()
    assert faint(page) == []
    page.get_by_role("button", name="Paint a portrait").click()
    page.get_by_role("radio", name="small").click()
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.locator(".beside")).to_be_visible()
    assert faint(page) == []
    for name in ("This visit", "Reviewers", "Operators"):
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert faint(page) == []
    page.get_by_role("link", name="Read a mood").click()
    page.locator("label", has_text="Keep my photo").click()
    assert faint(page) == []


def test_day_and_night_have_their_colours(by_hand: House, visit: Visit):
    grounds = {
        scheme: visit(by_hand.address, color_scheme=scheme).evaluate(
            "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert grounds == {"light": "rgb(251, 246, 238)", "dark": "rgb(27, 24, 21)"}


def test_the_visit_is_remembered_and_a_photo_of_it_can_be_had_again_on_a_phone_too(
    by_hand: House, visit: Visit, photo: Photo
):
    page = visit(by_hand.address, width=360, height=740, has_touch=True)
    upload(page, photo("happy"))
    expect(page.locator(".paw-reading")).to_be_visible()
    page.get_by_test_id("stExpandSidebarButton").tap()
    page.get_by_role("link", name="This visit").tap()
    expect(page.get_by_role("link", name="This visit")).not_to_be_in_viewport()  # the menu gave way
    expect(page.get_by_role("heading", name="Happy!", level=2)).to_be_visible()  # below the page's own
    page.get_by_role("button", name="Look again").click()
    expect(page.locator(".paw-reading")).to_be_visible()


def test_a_camera_s_long_file_name_fits_a_phone(browser: Browser):
    name = "PXL_20261201_143012345_MP_PORTRAIT_01_COVER"
    told = shown.visited("", name, f"{name}: Houses on a hill", "happy", [f"{name}.jpg · 93 %"])
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.set_content(f'<style>{main._style()}</style><div class="stApp">{told}</div>')
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 101), ("localhost:8501", 101), ("evil.example", 403)]
)
def test_a_site_whose_name_leads_to_this_machine_reads_no_page(by_hand: House, host: str, status: int):
    """DNS rebinding: to the browser it is all one site, and here nobody is asked for a key."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    asks = {**upgrade, "Sec-WebSocket-Key": "x" * 22 + "==", "Host": host, "Origin": f"http://{host}"}
    with httpx.stream("GET", f"{by_hand.address}/_stcore/stream", headers=asks, timeout=20) as answer:
        assert answer.status_code == status
