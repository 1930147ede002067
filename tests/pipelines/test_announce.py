"""News reach a real server on this machine, or it is said why not; nothing is ever raised."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pawtrait.errors import BadStore
from pipelines import announce as module
from pipelines.announce import catch_up, in_words, post


class Hook(ThreadingHTTPServer):
    """Takes messages; answers with the codes of ``plan`` first, then 204. ``None`` answers nothing at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan: list[int | None] = []
        self.bodies: list[bytes] = []
        self.meanwhile: Callable[[], object] = int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-token"

    @property
    def messages(self) -> list[dict]:
        return [json.loads(body) for body in self.bodies]


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.meanwhile()
        code = self.server.plan.pop(0) if self.server.plan else 204
        if code is not None:
            self.send_response(code)
            self.end_headers()

    def log_message(self, *parts: object) -> None:
        """Quiet."""


@pytest.fixture
def hook(monkeypatch) -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("PAWTRAIT_WEBHOOK", server.address)
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.01))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_message_arrives(hook):
    assert post("promoted", {"month": "2026-11", "macro_f1": 0.61234}) == "sent"
    (message,) = hook.messages
    assert message["event"] == "promoted"
    assert message["facts"] == {"month": "2026-11", "macro_f1": 0.61234}
    assert message["text"] == "Pawtrait: promoted\nmonth: 2026-11\nmacro_f1: 0.6123"


def test_without_a_webhook_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("PAWTRAIT_WEBHOOK", raising=False)
    assert post("promoted", {}) == "no webhook is set"


@pytest.mark.parametrize("code", [500, 503, 429, None])
def test_a_stumbling_server_is_asked_again_with_the_same_id(hook, code):
    hook.plan = [code, code]
    assert post("drift", {}) == "sent"
    assert len({message["id"] for message in hook.messages}) == 1 and len(hook.messages) == 3


def test_three_tries_are_all(hook):
    hook.plan = [500] * 9
    assert post("drift", {}) == "not sent: the webhook answers 500"
    assert len(hook.messages) == 3


def test_news_that_nothing_tells_again_wait_for_a_webhook_that_is_down(hook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hook.plan = [500, 500, 500, 404, *[503] * 3]
    first, second = (post(f"retrain.{what}", {}, keep=True) for what in ("promoted", "kept"))
    assert first == "not sent: the webhook answers 500; the next look or month tries again"
    assert second.startswith("not sent: the webhook answers 404;")
    catch_up()  # it is down still, and the second does not overtake the first
    assert len(hook.messages) == 7
    catch_up()
    catch_up()
    promoted, kept = hook.messages[7:]
    assert (promoted, kept) == (hook.messages[0], hook.messages[3])
    assert kept["event"] == "retrain.kept"


def test_a_look_and_a_month_that_catch_up_at_once_send_each_message_once(hook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hook.plan = [404]
    post("retrain.kept", {}, keep=True)
    hook.meanwhile = catch_up
    catch_up()
    assert len(hook.messages) == 2
    assert list((tmp_path / module.UNSENT).iterdir()) == []


def test_a_message_that_is_refused_for_good_holds_up_none_behind_it(hook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hook.plan = [413, 404, 413]
    for what in ("promoted", "kept"):
        post(f"retrain.{what}", {}, keep=True)
    catch_up()
    assert [message["event"] for message in hook.messages[2:]] == ["retrain.promoted", "retrain.kept"]
    (waiting,) = (tmp_path / module.UNSENT).iterdir()
    assert json.loads(waiting.read_text(encoding="utf-8")) == hook.messages[0]


@pytest.mark.parametrize("code", [400, 401, 404, 302])
def test_a_refusal_is_not_repeated(hook, code):
    hook.plan = [code]
    assert post("drift", {}) == f"not sent: the webhook answers {code}"
    assert len(hook.messages) == 1


def test_a_silent_server_is_left_after_the_time_out(hook, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", httpx.Timeout(0.1))
    monkeypatch.setattr(module, "PAUSES", ())
    silence = threading.Event()
    monkeypatch.setattr(_Handler, "do_POST", lambda self: silence.wait(5))
    said = post("drift", {})
    silence.set()
    assert said == "not sent: the webhook cannot be reached (ReadTimeout)"


def test_nobody_there(monkeypatch, hook):
    monkeypatch.setenv("PAWTRAIT_WEBHOOK", "http://127.0.0.1:1/secret-token")
    assert post("drift", {}) == "not sent: the webhook cannot be reached (ConnectError)"


@pytest.mark.parametrize(
    "address", ["nonsense", "ftp://x/secret-token", "http://[::1/secret-token", "http://\x01"]
)
def test_an_address_that_is_none_is_said_and_not_shown(monkeypatch, address):
    monkeypatch.setenv("PAWTRAIT_WEBHOOK", address)
    said = post("drift", {})
    assert said.startswith("not sent: ") and "secret-token" not in said


def test_whatever_the_facts_are_the_message_is_json(hook):
    facts = {
        "p": math.nan,
        "page": Path("a/b.html"),
        "when": datetime(2026, 11, 3, tzinfo=UTC),
        3: ("x", {1}),
    }
    assert post("drift", facts) == "sent"
    assert hook.messages[0]["facts"] == {
        "p": None, "page": "a/b.html", "when": "2026-11-03T00:00:00+00:00", "3": ["x", [1]],
    }  # fmt: skip


def test_facts_without_an_end_raise_nothing(hook):
    endless: dict = {}
    endless["more"] = endless
    assert post("drift", endless).startswith("not sent: ")
    assert hook.messages == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            BadStore("the store cannot be reached; see DATABASE_URL"),
            "the store cannot be reached; see DATABASE_URL",
        ),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (KeyError("version"), "KeyError: 'version'"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
    ],
)
def test_an_error_is_told_on_one_line_our_own_without_its_kind(error: Exception, told: str) -> None:
    assert in_words(error) == told
