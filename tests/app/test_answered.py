"""The pages without a browser, where what the service answers is said by the test."""

import json
from collections.abc import Callable, Iterator
from itertools import repeat
from types import SimpleNamespace

import httpx
import pytest
import streamlit as st
from streamlit.runtime.context import StreamlitHeaders
from streamlit.testing.v1 import AppTest

from pawtrait.app import client, desk, gallery, pictures, words
from pawtrait.app.views import home, studio
from tests.app.test_client import MOOD

Answer = Callable[[httpx.Request], httpx.Response]
Answering = Callable[[Answer], list[httpx.Request]]

READ = """
import streamlit as st
from dataclasses import replace
from pawtrait.app import desk, gallery
from pawtrait.app.views import home
if not desk.here().entries:
    st.session_state["consent"] = {consent}
    home._read(replace(gallery.photo("pip"), ours={ours}))
home.page()
"""
READ_AGAIN = """
import streamlit as st
from dataclasses import replace
from pawtrait.app import desk, gallery
from pawtrait.app.views import home
if not desk.here().entries:
    for consent in (True, False):
        st.session_state["consent"] = consent
        home._read(replace(gallery.photo("pip"), ours=False))
home.page()
"""
FOLLOW = """
import streamlit as st
from pawtrait.app import desk, gallery
from pawtrait.app.answers import Job, Wish
from pawtrait.app.views import easel
here = desk.here()
if here.photo is None:
    here.photo = gallery.photo("pip")
    here.job = here.photo, Job("j", 5), Wish("nst"), "Ink"
with desk.friendly():
    easel.stand(here.photo, Wish("nst"), "Ink")
"""
STAND = """
from pawtrait.app import desk, gallery
from pawtrait.app.answers import Wish
from pawtrait.app.views import easel
easel.stand(gallery.photo("pip"), Wish("nst"), "Ink")
"""
DONE = FOLLOW.replace("easel.stand(here.photo", "here.photo = {at_hand}\n    easel.stand(here.photo")
PLACES = """
from pawtrait.app import desk
from pawtrait.app.answers import Offer, Style
from pawtrait.app.views import studio
with desk.friendly():
    studio._style(Offer([], [Style("ink", "Ink"), Style("points", "Points")]))
"""
REVIEW = """
import streamlit as st
from pawtrait.app.views import reviewers
st.session_state["reviewer"] = "rosa"
reviewers.page()
"""

FORGET = """
import streamlit as st
from datetime import UTC, datetime
from pawtrait.app import desk, gallery
from pawtrait.app.views import home
from tests.app.test_visit import a_reading
if "begun" not in st.session_state:
    st.session_state["begun"] = True
    desk.here().add_reading(gallery.photo("pip"), a_reading("a" * 64), datetime.now(UTC))
home.page()
"""

SIT = """
import streamlit as st
from pawtrait.app.parts import Photo
from pawtrait.app.views import studio
from tests.serving import hostile
for take in (studio._sit, studio._own):
    take(Photo("photo", hostile.bomb(6400) if {large} else b"notes"))
    st.text(st.session_state.pop("trouble"))
"""

WISH = """
import streamlit as st
from pawtrait.app import desk
from pawtrait.app.answers import Method, Offer
from pawtrait.app.views import studio
with desk.friendly():
    wish, _ = studio._wish(Offer([Method("{method}", "", {styled}, True, "")], [], {largest}))
    st.text(wish.side)
    st.text(wish.strength)
"""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Has every page's questions answered by a function; gives the questions."""
    monkeypatch.setattr(type(st.context), "ip_address", "127.0.0.1")  # the tester has no visitor

    def by(answer: Answer) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def noted(request: httpx.Request) -> httpx.Response:
            request.read()
            asked.append(request)
            return answer(request)

        transport = httpx.MockTransport(noted)
        monkeypatch.setattr(desk, "_http", lambda address: client.connect(address, transport))
        studio._choice.clear()
        return asked

    return by


def run(page: str) -> AppTest:
    test = AppTest.from_string(page, default_timeout=60).run()
    assert not test.exception
    return test


def told(test: AppTest) -> str:
    return " ".join(str(element.proto.body) for element in test.get("html"))


def moods(request: httpx.Request) -> httpx.Response:
    return httpx.Response(201, json={"id": "f"}) if "feedback" in request.url.path else _mood(request)


def _mood(request: httpx.Request) -> httpx.Response:
    kept = b'name="consent"\r\n\r\ntrue' in request.content
    answer = {**MOOD["answers"][0], "kept": kept}
    return httpx.Response(200, json={**MOOD, "answers": [answer]})


@pytest.mark.parametrize(("ours", "kept"), [(True, False), (False, True)])
def test_a_sample_is_never_kept_though_the_visitor_s_own_photos_may_be(
    answering: Answering, ours: bool, kept: bool
):
    asked = answering(moods)
    test = run(READ.format(consent=True, ours=ours))
    assert (b'name="consent"\r\n\r\ntrue' in asked[0].content) == kept
    assert ("The photo was kept" in told(test)) == kept
    assert ("one of our samples; we never keep those" in told(test)) == ours


@pytest.mark.parametrize("ours", [True, False])
def test_a_sample_is_corrected_without_the_picture_or_the_question_for_it(answering: Answering, ours: bool):
    asked = answering(moods)
    test = run(READ.format(consent=False, ours=ours))
    test.button(key="not-r1").click().run()
    assert [box.label for box in test.checkbox] == ([] if ours else [home.MAY])
    for box in test.checkbox:
        box.check()
    test.pills[0].select("happy").run()
    assert not test.exception
    assert (gallery.photo("pip").data in asked[1].content) != ours
    if ours:
        said = json.loads(asked[1].content)
        assert (said["label"], said["thumbs"], said["consent"]) == ("happy", -1, False)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_photo_kept_once_can_be_deleted_after_a_reading_without_consent_which_is_none_for_what_is_said(
    answering: Answering, allowed: bool
):
    asked = answering(moods)
    test = run(READ_AGAIN)
    assert "The photo was kept" in told(test) and test.button(key="delete-here")
    test.button(key="not-r1").click().run()
    test.checkbox[0].set_value(allowed).run()
    test.pills[0].select("happy").run()
    said = json.loads(asked[-1].content)  # JSON: the service has the picture
    assert (said["label"], said["consent"]) == ("happy", allowed)
    assert test.button(key="delete-here")


@pytest.mark.parametrize(
    ("ours", "allowed", "said"), [(True, True, False), (False, False, False), (False, True, True)]
)
def test_nobody_is_told_that_models_learn_who_did_not_allow_it_or_corrected_a_sample(
    answering: Answering, ours: bool, allowed: bool, said: bool
):
    answering(moods)
    test = run(READ.format(consent=allowed, ours=ours))
    test.button(key="not-r1").click().run()
    test.pills[0].select("happy").run()
    (thanks,) = [one.value for one in test.markdown if "Thank you" in one.value]
    assert ("we learn from that" in thanks) == said and (words.NOTED in thanks) != said


def test_letters_are_verdicts_for_those_only_who_want_that(answering: Answering):
    def answer(request: httpx.Request) -> httpx.Response:
        if "pictures" in request.url.path:
            return httpx.Response(200, content=gallery.photo("pip").data)
        if "next" in request.url.path:
            return httpx.Response(200, json={"picture": "a" * 64, "waiting": 2})
        return httpx.Response(
            200, json={"waiting": 2, "verdicts": 0, "reviewers": 0, "pairs": [], "model": ["sad"]}
        )

    def letters() -> list[str]:
        return [button.proto.shortcut for button in test.button if button.key != "single_keys"]

    answering(answer)
    test = run("from pawtrait.app.views import reviewers\nreviewers.page()")
    test.text_input(key="reviewer").set_value("rosa").run()
    assert letters() == [""] * 5 and not test.caption
    test.button(key="single_keys").click().run()
    assert letters() == ["h", "s", "a", "o", "u"]
    assert "**U** Unusable" in test.caption[0].value
    test.button[2].click().run()
    assert letters() == ["h", "s", "a", "o", "u"]  # for the next picture too
    test.button(key="single_keys").click().run()
    assert not test.exception and letters() == [""] * 5


@pytest.mark.parametrize("status", [404, 429, 500])
def test_a_painting_whose_picture_cannot_be_had_closes_the_studio_for_nobody(
    answering: Answering, status: int
):
    def answer(request: httpx.Request) -> httpx.Response:
        lost = "ink" in request.url.path
        return httpx.Response(status) if lost else httpx.Response(200, content=gallery.photo("pip").data)

    answering(answer)
    test = run(PLACES)
    assert told(test) == ""
    (shelf,) = [one for one in test.get("bidi_component") if "points" in str(one.proto)]
    assert "ink" not in str(shelf.proto)


def test_paintings_of_a_service_that_is_away_are_told_and_not_passed_over(answering: Answering):
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answering(answer)
    assert words.DOWN in told(run(PLACES))


@pytest.mark.parametrize(("status", "goes_on"), [(404, False), (429, True), (503, True)])
def test_a_job_is_given_up_only_where_the_service_knows_it_no_more(
    answering: Answering, status: int, goes_on: bool
):
    answering(lambda request: httpx.Response(status))
    test = run(FOLLOW)
    assert (test.session_state["visit"].job is not None) == goes_on
    assert "paw-trouble" in told(test)


@pytest.mark.parametrize(
    ("at_hand", "said"),
    [
        ("here.photo", []),
        ('gallery.photo("rex")', [words.ELSEWHERE.format(r"pip\.jpg")]),
    ],
)
def test_a_portrait_that_is_done_beside_another_photo_says_where_it_is(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, at_hand: str, said: list[str]
) -> None:
    toasts: list[str] = []
    monkeypatch.setattr(st, "toast", lambda text, **more: toasts.append(text))  # the rerun takes it away

    def answer(request: httpx.Request) -> httpx.Response:
        if "events" in request.url.path:
            return httpx.Response(200, text='event: done\ndata: {"done": 5, "of": 5}\n\n')
        png = "picture" in request.url.path
        return httpx.Response(200, content=gallery.photo("pip").data) if png else httpx.Response(200, json={})

    answering(answer)
    test = run(DONE.format(at_hand=at_hand))
    assert len(test.session_state["visit"].entries) == 1
    assert toasts == said


def _queue(waiting: Iterator[str], kept: int = 200) -> Answer:
    """A queue of reviews where these pictures come first, one by one; ``kept`` is the status of verdicts."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "pictures" in request.url.path:
            return httpx.Response(200, content=gallery.photo("pip").data)
        if "next" in request.url.path:
            return httpx.Response(200, json={"picture": next(waiting), "waiting": 2})
        standing = {"waiting": 2, "verdicts": 0, "reviewers": 0, "pairs": []}
        return httpx.Response(kept if request.method == "POST" else 200, json=standing)

    return answer


def test_a_verdict_is_about_the_picture_that_was_seen_though_another_comes_first_now(
    answering: Answering,
) -> None:
    asked = answering(_queue(iter(["a" * 64, "b" * 64])))
    test = run("from pawtrait.app.views import reviewers\nreviewers.page()")
    test.text_input(key="reviewer").set_value("rosa").run()
    test.button(key=f"happy-{'a' * 64}").click().run()
    said = [json.loads(one.content) for one in asked if one.method == "POST"]
    assert [(one["picture"], one["verdict"]) for one in said] == [("a" * 64, "happy")]
    assert [one.value for one in test.info] == ["You said happy."]


def test_a_verdict_that_could_not_be_kept_is_told(answering: Answering) -> None:
    answering(_queue(repeat("a" * 64), kept=503))
    test = run("from pawtrait.app.views import reviewers\nreviewers.page()")
    test.text_input(key="reviewer").set_value("rosa").run()
    test.button(key=f"happy-{'a' * 64}").click().run()
    assert "paw-trouble" in told(test) and not test.info


def test_a_reviewers_key_opens_the_report_beside_what_everybody_sees(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAWTRAIT_APP_KEY", "app")
    opens = {"/v1/models": "Bearer app", "/v1/monitoring": "Bearer ann"}
    model = {"name": "m", "version": "3", "kind": "cnn"}

    def answer(request: httpx.Request) -> httpx.Response:
        wanted = opens.get(request.url.path)
        if wanted and request.headers["authorization"] != wanted:
            return httpx.Response(403, json={})
        return httpx.Response(200, json={"versions": [], "months": [], "model": model})

    answering(answer)
    test = AppTest.from_string(
        "from pawtrait.app.views import operators\noperators.page()", default_timeout=60
    )
    test.session_state["staff_key"] = "ann"
    test.run()
    assert "No version yet." in told(test) and "paw-trouble" not in told(test)


def test_operators_of_a_service_without_a_model_are_told_where_it_says_why(answering: Answering) -> None:
    nothing = httpx.Response(200, json={"versions": [], "months": []})
    answering(lambda request: httpx.Response(503) if request.url.path == "/readyz" else nothing)
    seen = told(run("from pawtrait.app.views import operators\noperators.page()"))
    assert words.UNREADY in seen and words.TROUBLE[503] not in seen


def test_a_mood_whose_model_cannot_say_why_is_shown_all_the_same(answering: Answering) -> None:
    answering(lambda request: httpx.Response(200, json={}))
    assert "Why the model thinks so" not in told(test := run(FORGET))
    assert test.button(key="delete-here")


def test_a_deleted_picture_is_gone_here_though_the_visitor_clicked_on_meanwhile(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk.here

    def interrupted() -> None:  # as Streamlit does where another click waits
        monkeypatch.setattr(desk, "here", here)
        st.rerun()

    def answer(request: httpx.Request) -> httpx.Response:
        monkeypatch.setattr(desk, "here", interrupted)
        return httpx.Response(200, json={})

    answering(answer)
    test = run(FORGET)
    test.button(key="delete-here").click().run()
    assert test.session_state["visit"].entries == []


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ([], words.GONE),
        (["2026-09", "2026-10"], words.HELD.format("2026-09 and 2026-10", "a" * 64)),
    ],
)
def test_a_deletion_tells_which_months_hold_the_picture_still_and_its_id(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, months: list[str], said: str
) -> None:
    toasts: list[str] = []
    monkeypatch.setattr(st, "toast", lambda text, **more: toasts.append(text))  # the rerun takes it away
    answering(lambda request: httpx.Response(200, json={"snapshots": months}))
    run(FORGET).button(key="delete-here").click().run()
    assert toasts == [said]


@pytest.mark.parametrize(("large", "status"), [(True, 413), (False, 415)])
def test_the_studio_says_of_a_photo_that_is_too_large_that_it_is(
    answering: Answering, large: bool, status: int
) -> None:
    answering(lambda request: httpx.Response(200))
    assert [one.value for one in run(SIT.format(large=large)).text] == 2 * [words.TROUBLE[status]]


@pytest.mark.parametrize("page", [REVIEW, FOLLOW, STAND], ids=["to judge", "being painted", "to paint"])
def test_a_photo_that_is_too_large_to_be_shown_closes_no_page(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(pictures, "PIXELS", 1000)  # the service takes more
    answering(_queue(repeat("a" * 64)))
    assert words.UNSHOWN in [one.value for one in run(page).caption]


@pytest.mark.parametrize(("largest", "sizes", "first"), [(1024, 3, "512"), (512, 2, "512"), (200, 1, "200")])
def test_no_size_is_offered_that_the_service_does_not_paint(
    answering: Answering, largest: int, sizes: int, first: str
) -> None:
    answering(lambda request: httpx.Response(200))
    test = run(WISH.format(method="cyclegan", styled=False, largest=largest))
    assert (len(test.segmented_control[0].options), test.text[0].value) == (sizes, first)


def test_the_slider_s_percents_are_wished_as_a_share(answering: Answering) -> None:
    answering(lambda request: httpx.Response(200))
    test = run(WISH.format(method="cyclegan", styled=False, largest=1024))
    assert test.text[1].value == "1.0"
    assert test.slider[0].set_value(30).run().text[1].value == "0.3"


def test_without_any_painting_nothing_is_painted_like_one(answering: Answering) -> None:
    answering(lambda request: httpx.Response(200))
    test = run(WISH.format(method="fast", styled=True, largest=1024))
    assert words.NO_PAINTING in told(test) and not test.text


def test_a_proxy_s_own_line_counts_beside_the_one_that_a_visitor_made_up(monkeypatch: pytest.MonkeyPatch):
    said = StreamlitHeaders([("x-forwarded-for", "203.0.113.7"), ("X-Forwarded-For", "192.168.1.50")])
    monkeypatch.setattr(st, "context", SimpleNamespace(headers=said, ip_address="10.89.77.1"))
    monkeypatch.setenv("PAWTRAIT_PROXIES", "10.89.77.0/24")
    assert desk._visitor() == "192.168.1.50"
