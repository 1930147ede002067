"""The client asks the service as the contract says, and makes every failure a sentence for the visitor."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from pawtrait.app import client
from pawtrait.app.answers import Job, Portrait, Wish
from pawtrait.app.client import Service, Trouble
from pawtrait.serving import wishes

MOOD: dict[str, Any] = {
    "answers": [
        {
            "request": "r1",
            "picture": "a" * 64,
            "name": "cat.jpg",
            "label": "sad",
            "unsure": False,
            "confidence": 0.7,
            "probabilities": {"happy": 0.1, "sad": 0.7, "angry": 0.1, "other": 0.1},
            "explanation": {"image": "data:image/png;base64,AA=="},
            "problem": None,
        }
    ],
    "model": {"name": "pet-expression", "version": "3", "kind": "mobilenet_v2"},
    "milliseconds": 12.3,
}


def service(answer: Callable[[httpx.Request], httpx.Response], key: str = "", visitor: str = "") -> Service:
    return Service(client.connect("http://service", httpx.MockTransport(answer)), key, visitor)


def failing(status: int, **more: object) -> Service:
    return service(lambda request: httpx.Response(status, **more))  # type: ignore[arg-type]


def test_a_mood_is_read_with_its_heat_map_and_without_consent_unless_it_was_given():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url, request.read()))
        return httpx.Response(200, json=MOOD)

    reading = service(answer).read(b"bytes", "cat.jpg", consent=False)
    assert (reading.label, reading.version, reading.heat[:5]) == ("sad", "3", "data:")
    ((url, body),) = asked
    assert url.params["explain"] == "true"
    assert b'name="consent"\r\n\r\nfalse' in body


def test_key_and_visitor_go_with_every_question():
    seen = []
    answers = service(lambda request: (seen.append(request.headers), httpx.Response(204))[1], "k", "10.0.0.7")
    assert answers.next_review("rosa") is None
    assert (seen[0]["Authorization"], seen[0]["X-Forwarded-For"]) == ("Bearer k", "10.0.0.7")


def test_a_correction_takes_the_photo_along_where_consent_came_later():
    bodies, keys = [], []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        keys.append(request.headers.get("Idempotency-Key"))
        return (
            httpx.Response(200, json=MOOD)
            if "moods" in request.url.path
            else httpx.Response(201, json={"id": "f"})
        )

    ours = service(answer)
    reading = ours.read(b"the photo", "cat.jpg", consent=False)
    ours.correct(reading, "happy", -1, consent=False, data=b"the photo")
    ours.correct(reading, "happy", -1, consent=True, data=b"the photo")
    assert keys == [None, reading.request, reading.request]  # pressed again after an answer that was cut
    assert json.loads(bodies[1])["consent"] is False
    assert json.loads(bodies[1])["model_version"] == "3"
    assert b'name="model_version"\r\n\r\n3' in bodies[2]
    assert b"the photo" not in bodies[1]
    assert b"the photo" in bodies[2] and b'name="consent"\r\n\r\ntrue' in bodies[2]


def test_a_portrait_comes_at_once_or_as_a_job():
    at_once = failing(200, content=b"png", headers={"X-Pawtrait-Seconds": "0.5", "X-Pawtrait-Request": "r"})
    later = failing(202, json={"id": "j", "status": "waiting", "of": 300, "url": "/v1/portraits/j"})
    assert at_once.paint(b"photo", Wish("fast", "ink_01")) == Portrait(b"png", 0.5, "r")
    assert later.paint(b"photo", Wish("nst", "ink_01")) == Job("j", 300)


def test_the_strength_goes_along_as_a_share():
    asked = []
    answers = service(lambda request: (asked.append(request.read()), httpx.Response(200))[1])
    answers.paint(b"photo", Wish("cyclegan", strength=0.3))
    assert b'name="strength"\r\n\r\n0.300\r\n' in asked[0]


@pytest.mark.parametrize(
    ("wish", "style"),
    [
        (Wish("nst", "ink_01"), "ink_01"),
        (Wish("nst", painting=b"mine"), wishes.OWN),
        (Wish("cyclegan"), ""),
    ],
)
def test_a_thumb_names_the_painting_as_the_request_did(wish, style):
    said = []

    def answer(request: httpx.Request) -> httpx.Response:
        said.append(json.loads(request.read()))
        return httpx.Response(201, json={"id": "f"})

    service(answer).like(Portrait(b"png", 0.5, "r"), wish, 1)
    assert [one["style"] for one in said] == [style]


def test_a_job_is_followed_to_its_end_and_no_further():
    stream = (
        ': still here\n\nevent: progress\ndata: {"done": 1, "of": 2, "losses": {}, "preview": null}\n\n'
        'event: done\ndata: {"done": 2, "of": 2}\n\nevent: progress\ndata: {"done": 9, "of": 9}\n\n'
    )
    seen = list(failing(200, text=stream, headers={"content-type": "text/event-stream"}).follow("j"))
    assert [(one.state, one.done, one.of) for one in seen] == [("painting", 1, 2), ("done", 2, 2)]


def test_while_a_job_waits_the_last_glimpse_comes_again_so_that_the_page_can_look_up():
    stream = (
        'event: progress\ndata: {"status": "waiting", "of": 2, "preview": "data:,a"}\n\n: still here\n\n'
        ': still here\n\nevent: done\ndata: {"done": 2, "of": 2}\n\n'
    )
    seen = list(failing(200, text=stream, headers={"content-type": "text/event-stream"}).follow("j"))
    assert [(one.state, one.preview) for one in seen] == [
        ("waiting", "data:,a"),
        ("waiting", ""),
        ("waiting", ""),
        ("done", ""),
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (413, "too big"),
        (415, "does not look like a photo"),
        (422, "could not open"),
        (429, "again in 7 seconds"),
        (500, "on our side"),
        (503, "cannot look at photos just now"),
        (504, "took too long"),
    ],
)
def test_every_refusal_is_a_friendly_sentence(status, words):
    refused = failing(status, json={"detail": "SECRET detail"}, headers={"Retry-After": "7"})
    with pytest.raises(Trouble, match=words) as trouble:
        refused.read(b"x", "x", consent=False)
    assert trouble.value.status == status
    assert "SECRET" not in str(trouble.value)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (422, "invalid-request", "did not work: side: expected a whole number from 32 to 512."),
        (413, "too-much-memory", "did not work: side: expected a whole number from 32 to 512."),
        (422, "picture-not-kept", "no longer have this photo"),
        (507, "no-space", "tell us again"),
        (403, "another-reviewer", "Enter that name above"),
        (409, "judged-before", "Your first verdict stands"),
        (415, "not-a-still", "Please use a still picture"),
        (422, "unreadable-picture", "could not open"),
        (413, "too-many-pixels", "too big"),
        (503, "no-store", "cannot reach our records"),
        (503, "no-such-style", "pick another one"),
        (503, "method-unavailable", "pick another way"),
    ],
)
def test_no_photo_is_blamed_for_what_is_not_about_it(status, kind, words):
    detail = "side: expected a whole number from 32 to 512"
    refused = failing(status, json={"detail": detail, "type": f"urn:pawtrait:problem:{kind}"})
    with pytest.raises(Trouble, match=words):
        refused.paint(b"x", Wish("fast"))


def test_a_paintings_name_is_told_whole():
    asked = []
    service(lambda request: (asked.append(request.url.raw_path), httpx.Response(200))[1]).painting(
        "Étude #2/b"
    )
    assert asked == [b"/v1/styles/%C3%89tude%20%232%2Fb/picture"]


@pytest.mark.parametrize(
    ("address", "said", "proxies", "visitor"),
    [
        ("10.1.2.3", "198.51.100.9, 192.0.2.7", "10.0.0.0/8", "192.0.2.7"),
        ("10.1.2.3", "", "10.0.0.0/8", "10.1.2.3"),
        ("203.0.113.5", "192.0.2.7", "10.0.0.0/8, ::1", "203.0.113.5"),
        ("10.1.2.3", "192.0.2.7", "", "10.1.2.3"),
        ("", "192.0.2.7", "10.0.0.0/8", ""),
        ("10.1.2.3", "192.0.2.7, 10.4.5.6", "10.0.0.0/8", "192.0.2.7"),  # two proxies in a row
        ("10.1.2.3", "198.51.100.9, 192.0.2.7, 10.4.5.6", "10.0.0.0/8", "192.0.2.7"),
        ("10.1.2.3", "10.9.9.9, 10.4.5.6", "10.0.0.0/8", "10.9.9.9"),
        ("10.1.2.3", "192.0.2.7, unknown", "10.0.0.0/8", "unknown"),
    ],
)
def test_a_proxy_of_ours_says_who_visits_and_nobody_else_does(address, said, proxies, visitor):
    assert client.visitor(address, said, proxies) == visitor


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_of_a_photo_that_may_have_arrived_nobody_says_that_it_went_nowhere(error):
    def lost(request: httpx.Request) -> httpx.Response:
        raise error("lost", request=request)

    with pytest.raises(Trouble, match="may still have arrived"):
        service(lost).read(b"x", "x", consent=True)


def test_a_houses_own_certificates_are_believed_where_they_are_named(tmp_path, monkeypatch):
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")
    (tmp_path / "house.pem").write_text(f"{first}{end}\n", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "house.pem"))
    made = client.connect("https://service")
    assert len(made._transport._pool._ssl_context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Log in</h1>"),
        httpx.Response(308, headers={"Location": "https://service/"}),
        httpx.Response(200, json=None),
        httpx.Response(200, json=[1]),
    ],
    ids=["a page to log in", "TLS is wanted", "nothing", "a list"],
)
def test_what_a_proxy_says_in_the_services_place_is_a_sentence_too(answer):
    proxied = service(lambda request: answer)
    for ask in (
        proxied.offer,
        lambda: proxied.read(b"x", "x", consent=False),
        lambda: proxied.facts("/readyz"),
    ):
        with pytest.raises(Trouble, match="Something else answers"):
            ask()


def test_a_service_that_is_down_says_so_and_that_the_photo_went_nowhere():
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Trouble, match="Nothing was sent") as trouble:
        service(gone).read(b"x", "x", consent=False)
    assert trouble.value.status == 0
