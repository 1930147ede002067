"""The service, as the pages see it: one method a question, every failure a sentence for the visitor."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from pawtrait.app import answers, words
from pawtrait.app.answers import Glimpse, Job, Offer, Portrait, Reading, Waiting, Wish
from pawtrait.errors import PawtraitError

OWN = "own"  # what the service calls a painting that comes with the photo
OVER = ("done", "failed", "cancelled")
PATIENCE = httpx.Timeout(60.0, connect=3.0)  # seconds; a fast portrait of a large photo may take some
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Trouble(PawtraitError):
    """The service said no, or nothing. The message is for the visitor; ``status`` is 0 where nothing came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def connect(address: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Connections to the service, shared by all visitors. No proxy of the environment stands between.

    SSL_CERT_FILE or SSL_CERT_DIR name a house's own certificates; httpx heeds neither without ``trust_env``.
    """
    trusted = httpx.create_ssl_context()
    return httpx.Client(
        base_url=address, timeout=PATIENCE, transport=transport, verify=trusted, trust_env=False
    )


@dataclass(frozen=True, slots=True)
class Service:
    """The service on behalf of one visitor.

    Attributes:
        http: as ``connect`` gives it.
        key: an API key, or "".
        visitor: the visitor's address, which the service may count by if it believes this app; or "".

    Every method raises Trouble.
    """

    http: httpx.Client
    key: str = field(default="", repr=False)
    visitor: str = ""

    def keyed(self, key: str) -> "Service":
        """The same with another key, unless it is empty."""
        return replace(self, key=key or self.key)

    def read(self, data: bytes, name: str, consent: bool) -> Reading:
        """The mood of a picture and why. It is kept only with consent."""
        answer = self._ask(
            "POST",
            "/v1/moods",
            params={"explain": "true"},
            files={"pictures": (name, data)},
            data={"consent": _flag(consent)},
        )
        return answers.reading(_body(answer))

    def correct(
        self, reading: Reading, label: str | None, thumbs: int, consent: bool, data: bytes = b""
    ) -> str:
        """Say whether the mood was right, giving the row's id; ``data`` is sent where consent came later."""
        said = {
            "request": reading.request,
            "picture": reading.picture,
            "label": label,
            "thumbs": thumbs,
            "consent": consent,
            "predicted": reading.label,
            "model_version": reading.version,
        }
        if data and consent:
            form = {name: _flag(value) for name, value in said.items() if value is not None}
            return self._say(reading.request, data=form, files={"picture": ("picture", data)})
        return self._say(reading.request, json=said)

    def forget(self, picture: str) -> Sequence[str]:
        """Delete a picture and what was said of it; gives the months whose snapshots hold it still."""
        return tuple(_body(self._ask("DELETE", f"/v1/pictures/{picture}")).get("snapshots") or ())

    def offer(self) -> Offer:
        """Methods and paintings."""
        return answers.offer(_body(self._ask("GET", "/v1/styles")))

    def painting(self, style: str) -> bytes:
        """A painting's picture, encoded."""
        return self._ask("GET", f"/v1/styles/{quote(style, safe='')}/picture").content

    def paint(self, data: bytes, wish: Wish) -> Portrait | Job:
        """A portrait at once, or the job that it will come from."""
        files = {"picture": ("picture", data)}
        if wish.painting:
            files["painting"] = ("painting", wish.painting)
        form = {"method": wish.method, "strength": f"{wish.strength:.3f}", "side": str(wish.side)}
        if wish.style and not wish.painting:
            form["style"] = wish.style
        answer = self._ask("POST", "/v1/portraits", data=form, files=files)
        if answer.status_code == httpx.codes.ACCEPTED:
            body = _body(answer)
            return Job(body["id"], int(body.get("of") or 0))
        seconds = float(answer.headers.get("X-Pawtrait-Seconds", 0))
        return Portrait(answer.content, seconds, answer.headers.get("X-Pawtrait-Request", ""))

    def follow(self, job: str) -> Iterator[Glimpse]:
        """Glimpses of a job as they come; the last one is done, failed or cancelled.

        Where nothing changes, the service says so about once a second: then the glimpse before comes again
        without its preview, so that whoever follows may do something else.
        """
        with self._asking("GET", f"/v1/portraits/{job}/events") as answer:
            seen = None
            for news in _events(answer.iter_lines()):
                if news:
                    seen = answers.glimpse(*news)
                    yield seen
                elif seen:
                    yield replace(seen, preview="")
                if seen and seen.state in OVER:
                    return

    def portrait(self, job: str) -> Portrait:
        """What a finished job painted."""
        known = _body(self._ask("GET", f"/v1/portraits/{job}"))
        png = self._ask("GET", f"/v1/portraits/{job}/picture").content
        return Portrait(png, float(known.get("seconds") or 0), job)

    def cancel(self, job: str) -> None:
        """Stop painting; the portrait of a job that is done is deleted."""
        self._ask("DELETE", f"/v1/portraits/{job}")

    def like(self, portrait: Portrait, wish: Wish, thumbs: int) -> str:
        """A thumb for a portrait: +1 or -1. Gives the row's id."""
        said = {
            "request": portrait.request,
            "method": wish.method,
            "style": OWN if wish.painting else wish.style,
            "strength": wish.strength,
            "thumbs": thumbs,
            "seconds": portrait.seconds,
        }
        return self._say(portrait.request, json=said)

    def next_review(self, reviewer: str) -> Waiting | None:
        """A picture that this reviewer has not judged, or None."""
        answer = self._ask("GET", "/v1/reviews/next", params={"reviewer": reviewer})
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        body = _body(answer)
        return Waiting(body["picture"], int(body["waiting"]))

    def review(self, picture: str, reviewer: str, verdict: str) -> Mapping[str, Any]:
        """Judge a picture; only the answer says what the model thought."""
        said = {"picture": picture, "reviewer": reviewer, "verdict": verdict}
        return _body(self._ask("POST", "/v1/reviews", json=said))

    def picture(self, picture: str) -> bytes:
        """A kept picture, encoded."""
        return self._ask("GET", f"/v1/pictures/{picture}").content

    def facts(self, path: str) -> Mapping[str, Any]:
        """What a plain GET answers: /v1/models, /v1/reviews, /healthz, /readyz."""
        return _body(self._ask("GET", path))

    def page(self, path: str) -> str:
        """A page that the service hands out, as HTML."""
        return self._ask("GET", path).text

    def _say(self, about: str, **more: Any) -> str:
        """Feedback about a request; what is said again because no answer came is one row all the same."""
        answer = self._ask("POST", "/v1/feedback", again=about, **more)
        return str(_body(answer)["id"])

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with self._asking(method, path, **more) as answer:
            try:
                answer.read()
            except httpx.HTTPError as error:
                raise Trouble(words.CUT) from error
            return answer

    @contextmanager
    def _asking(self, method: str, path: str, again: str = "", **more: Any) -> Iterator[httpx.Response]:
        """An answer that has begun to come and is no error; ``again`` is the same for the same once more."""
        key = f"Bearer {self.key}" if self.key else ""
        known = {"Authorization": key, "X-Forwarded-For": self.visitor, "Idempotency-Key": again}
        headers = {name: value for name, value in known.items() if value}
        try:
            with self.http.stream(method, path, headers=headers, **more) as answer:
                if not answer.is_success:
                    raise _trouble(answer)
                yield answer
        except UNSENT as error:
            raise Trouble(words.DOWN) from error
        except httpx.HTTPError as error:
            raise Trouble(words.CUT) from error


def is_address(text: str) -> bool:
    """Whether it is one that ``connect`` can ask."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def own_key() -> str:
    """The app's: in PAWTRAIT_APP_KEY or the file PAWTRAIT_APP_KEY_FILE; or "".

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it holds no text.
    """
    if path := os.environ.get("PAWTRAIT_APP_KEY_FILE", ""):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get("PAWTRAIT_APP_KEY", "")


def networks(proxies: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks, separated by commas. Raises ValueError, a sentence, where one is none."""
    return [ip_network(one.strip(), strict=False) for one in proxies.split(",") if one.strip()]


def visitor(address: str, said: str, proxies: str) -> str:
    """Who looks at a page: the last of X-Forwarded-For (``said``) and ``address`` that is no proxy of ours.

    ``proxies`` as ``networks`` takes them; each adds the address that it was called from. Where all are ours
    it is the first, as the service has it.
    """
    ours = networks(proxies)
    way = [*filter(None, map(str.strip, said.split(","))), address]
    while len(way) > 1 and _within(way[-1], ours):
        way.pop()
    return way[-1]


def _within(address: str, ours: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in ours)
    except ValueError:  # whatever somebody wrote into the header
        return False


def _body(answer: httpx.Response) -> Mapping[str, Any]:
    """What an answer says.

    Raises:
        Trouble: it is no object in JSON, as a page that a proxy has for whoever is not logged in.
    """
    try:
        return dict(answer.json())
    except (TypeError, ValueError) as error:
        raise Trouble(words.STRANGER) from error


def _trouble(answer: httpx.Response) -> Trouble:
    """Problem details, or whatever came instead, as a sentence; our service leads nobody elsewhere."""
    if answer.is_redirect:
        return Trouble(words.STRANGER, answer.status_code)
    answer.read()
    try:
        body = answer.json()
        detail, kind = str(body.get("detail", "")), str(body.get("type", "")).rpartition(":")[2]
    except (ValueError, AttributeError):
        detail = kind = ""
    wait = answer.headers.get("Retry-After", "")
    return Trouble(words.trouble(answer.status_code, detail, wait, kind), answer.status_code)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Mapping[str, Any]] | None]:
    """Server-sent events: their names and JSON; None for a comment, which says that there is nothing new."""
    event, data = "message", ""
    for line in lines:
        if not line and data:
            yield event, json.loads(data)
            event, data = "message", ""
        elif line.startswith(":"):
            yield None
        elif line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()


def _flag(value: Any) -> str:
    """A form's spelling of a value."""
    return str(value).lower() if isinstance(value, bool) else str(value)
