"""Who may come in, how often, and what is around every answer."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from pawtrait.errors import BadParams
from pawtrait.serving import keys, settings
from pawtrait.serving.access import Gate, Rates
from pawtrait.serving.explain import Explainers
from pawtrait.serving.logs import REQUEST, Lines
from pawtrait.serving.problems import Problem
from pawtrait.serving.turns import Turns
from tests.serving.callers import jpeg, png, wait_for

SCOPES = {
    "read": ("POST", "/v1/moods"),
    "feedback": ("POST", "/v1/feedback"),
    "review": ("GET", "/v1/reviews/next?reviewer=rosa"),
}
OPEN = ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")


@pytest.fixture
def file(project):
    return project / "keys.jsonl"


def bearing(secret):
    return {"authorization": f"Bearer {secret}"}


def test_without_a_key_nothing_but_health_and_documents_is_open(serving, file):
    keys.add(file, "phone", ["read"])
    service = serving(keys=file)
    for method, path in SCOPES.values():
        done = service.request(method, path)
        assert (done.status_code, done.headers["www-authenticate"]) == (401, "Bearer")
    assert [service.get(path).status_code for path in OPEN] == [200] * len(OPEN)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_what_it_is_for_and_nothing_else(serving, file, scope):
    secret = keys.add(file, "rosa", [scope])
    service = serving(keys=file)
    codes = {
        name: service.request(*where, headers=bearing(secret)).status_code for name, where in SCOPES.items()
    }
    assert {name for name, code in codes.items() if code != 403} == {scope}


def test_an_admins_key_opens_everything(serving, file):
    secret = keys.add(file, "boss", ["admin"])
    service = serving(keys=file)
    codes = {service.request(*where, headers=bearing(secret)).status_code for where in SCOPES.values()}
    assert not codes & {401, 403}


def test_a_key_that_is_taken_back_is_known_no_more(serving, file):
    secret = keys.add(file, "phone", ["read"])
    keys.add(file, "other", ["read"])
    service = serving(keys=file)
    ask = lambda: service.post("/v1/moods", files={"pictures": png()}, headers=bearing(secret)).status_code  # noqa: E731
    assert ask() == 200
    keys.remove(file, "phone")
    wait_for(lambda: ask() == 401)


def test_the_file_holds_no_secret_and_is_its_owners_alone(file):
    secret = keys.add(file, "phone", ["read"], rate=5)
    assert secret not in file.read_text() and file.stat().st_mode & 0o077 == 0
    [key] = keys.read(file)
    assert (key.name, key.scopes, key.rate, key.sha256) == ("phone", ("read",), 5, keys.digest(secret))


@pytest.mark.parametrize(("name", "scopes"), [("phone", ["read"]), ("new", ["everything"]), ("new", [])])
def test_a_key_that_cannot_be_is_refused(file, name, scopes):
    keys.add(file, "phone", ["read"])
    with pytest.raises(BadParams):
        keys.add(file, name, scopes)


def test_keys_that_are_made_and_taken_back_at_once_are_neither_lost_nor_back(file):
    old, new = ([f"{age}{number}" for number in range(24)] for age in ("old", "new"))
    for name in old:
        keys.add(file, name, ["read"])
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(keys.add, file, name, ["read"]) for name in new]
        done += [threads.submit(keys.remove, file, name) for name in old]
    assert [one.exception() for one in done] == [None] * len(done)
    assert {key.name for key in keys.read(file)} == set(new)


def test_a_key_of_a_folder_that_is_not_there_cannot_be_taken_back(tmp_path):
    with pytest.raises(BadParams, match="cannot be read: No such file"):
        keys.remove(tmp_path / "none/keys.jsonl", "phone")
    assert not (tmp_path / "none").exists()


def test_a_broken_file_stops_the_start_and_no_running_service(serving, file):
    file.write_text("no key\n")
    with pytest.raises(BadParams, match="not a key"):
        serving(keys=file)


def test_too_many_requests_of_an_address_have_to_wait(serving):
    service = serving(rate=3)
    codes = [service.post("/v1/moods", files={"pictures": png()}).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    done = service.post("/v1/moods", files={"pictures": png()})
    assert 0 < int(done.headers["retry-after"]) <= 20


@pytest.mark.parametrize(
    ("known", "pace"),
    [({}, 0), ({"keys": "keys.jsonl"}, 600), ({"keys": "keys.jsonl", "rate": 0}, 0), ({"rate": 7}, 7)],
)
def test_what_has_keys_has_a_rate_unless_told_otherwise(known, pace):
    assert settings.Settings.of({}, **known).pace == pace


def test_a_service_with_keys_bounds_who_asks_and_who_guesses(serving, file, monkeypatch):
    monkeypatch.setattr(settings, "OPEN", 3)
    secret = keys.add(file, "phone", ["read"])
    service = serving(keys=file)
    codes = [
        service.get("/v1/models", headers=bearing(word)).status_code
        for word in ("guess", "guess", secret, secret)
    ]
    assert codes == [401, 401, 200, 429]


def test_a_key_with_a_rate_of_its_own_is_not_held_to_that_of_its_address(serving, file):
    secret = keys.add(file, "many", ["read"], rate=50)
    service = serving(keys=file, rate=2)
    guesses = [service.get("/v1/models", headers=bearing("guess")).status_code for _ in range(3)]
    assert guesses == [401, 401, 429]
    assert {service.get("/v1/models", headers=bearing(secret)).status_code for _ in range(5)} == {200}


def test_a_key_has_its_own_rate(serving, file):
    few, many = keys.add(file, "few", ["read"], rate=1), keys.add(file, "many", ["read"])
    service = serving(keys=file)

    def codes(secret):
        return [service.get("/v1/models", headers=bearing(secret)).status_code for _ in range(2)]

    assert (codes(few), codes(many)) == ([200, 429], [200, 200])


def test_a_shared_keys_visitors_are_clients_each_with_its_rate(file):
    secret = keys.add(file, "app", ["read"], shared=True)
    gate = Gate(keys.Keys(file), 2)
    visitors = ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2")
    assert [gate.admit(secret, one, "read") for one in visitors] == [f"key app {one}" for one in visitors]
    with pytest.raises(Problem, match="more than 2"):
        gate.admit(secret, "192.0.2.1", "read")


def test_a_change_of_the_file_leaves_who_may_read_it(file):
    keys.add(file, "app", ["read"])
    file.chmod(0o644)
    keys.add(file, "phone", ["read"])
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_a_key_is_not_for_counts_too(serving, file):
    secret = keys.add(file, "phone", ["feedback"], rate=2)
    service = serving(keys=file)
    codes = [service.get("/v1/models", headers=bearing(secret)).status_code for _ in range(3)]
    assert codes == [403, 403, 429]


def test_what_is_answered_before_a_key_is_looked_at_takes_nothing_of_the_rate(serving):
    service = serving(rate=1)
    for path, status in (("/docs", 200), ("/nowhere", 404), ("/v1/moods", 405), ("/v1/reviews/next", 422)):
        assert [service.get(path).status_code for _ in range(3)] == [status] * 3
    assert [service.get("/v1/models").status_code for _ in range(2)] == [200, 429]


def test_a_household_of_ipv6_has_one_rate_and_is_one_client():
    gate = Gate(None, 2)
    assert {gate.admit(None, f"2001:db8::{host}", "read") for host in (1, 2)} == {"2001:db8::/64"}
    with pytest.raises(Problem, match="more than 2"):
        gate.admit(None, "2001:db8::3", "read")
    assert gate.admit(None, "2001:db8:0:1::1", "read") == "2001:db8:0:1::/64"


def test_clients_of_ipv4_have_a_rate_each_however_a_socket_names_them():
    gate = Gate(None, 1)
    for host in ("::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3"):
        gate.admit(None, host, "read")
    for host in ("192.0.2.1", "::ffff:192.0.2.2", "::ffff:192.0.2.3"):
        with pytest.raises(Problem, match="more than 1"):
            gate.admit(None, host, "read")


def test_a_bucket_fills_evenly():
    rates = Rates()
    assert [rates.take("me", 60, 0.0) for _ in range(61)] == [0.0] * 60 + [1.0]
    assert rates.take("me", 60, 1.0) == 0.0 and rates.take("you", 60, 1.0) == 0.0
    assert rates.take("me", 60, 1.5) == pytest.approx(0.5)


def test_proxies_are_known_as_the_web_app_knows_them_and_others_are_told():
    """Uvicorn takes a network by its first address alone, and passes over in silence what is none."""
    assert settings.Settings.of({}, proxies="10.1.2.3/8, 192.0.2.7").proxies == "10.0.0.0/8,192.0.2.7/32"
    assert settings.Settings.of({}, proxies="*").proxies == "*"
    with pytest.raises(BadParams, match="PAWTRAIT_PROXIES is"):
        settings.Settings.of({"PAWTRAIT_PROXIES": "10.0.0.0/8 proxy"})


def test_every_answer_has_the_headers_that_keep_browsers_safe(service):
    for path in ("/healthz", "/nowhere", "/docs"):
        headers = service.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert len(headers["x-request-id"]) == 32


def test_other_sites_pages_may_not_send_anything(serving):
    service = serving(origins="https://friend.example")
    codes = {
        origin: service.post("/v1/feedback", json={}, headers={"origin": origin}).status_code
        for origin in ("https://evil.example", "https://friend.example", "http://testserver", "null")
    }
    assert "PAWTRAIT_ORIGINS" in service.post("/v1/feedback", headers={"origin": "null"}).json()["detail"]
    assert codes == {
        "https://evil.example": 403,
        "https://friend.example": 422,
        "http://testserver": 422,
        "null": 403,
    }


def test_cors_is_closed_but_for_those_who_are_named(serving):
    closed, opened = serving(), serving(origins="https://friend.example")
    ask = {"origin": "https://friend.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in closed.options("/v1/moods", headers=ask).headers
    assert opened.options("/v1/moods", headers=ask).headers["access-control-allow-origin"] == ask["origin"]


def test_pages_of_a_named_site_may_say_what_our_api_reads(serving):
    """A browser's own EventSource sends no key, so pages bring one that does."""
    ask = {"origin": "https://friend.example", "access-control-request-method": "GET"}
    sent = "authorization,last-event-id,x-request-id,idempotency-key"
    named = ask | {"access-control-request-headers": sent}
    assert serving(origins=ask["origin"]).options("/v1/portraits/7f/events", headers=named).status_code == 200


def test_pages_of_a_named_site_may_read_the_headers_that_answers_need(serving):
    origin = {"origin": "https://friend.example"}
    done = serving(origins=origin["origin"]).get("/v1/models", headers=origin)
    read = set(done.headers["access-control-expose-headers"].split(", "))
    assert read >= {"Location", "Retry-After", "X-Pawtrait-Request", "X-Pawtrait-Model", "X-Request-ID"}


def test_a_name_that_is_not_the_services_is_refused(serving):
    service = serving(hosts="localhost [::1] Pets.example")
    names = ("localhost:8000", "LOCALHOST", "[::1]:8000", "pets.example", "evil.example", "")
    codes = [service.get("/healthz", headers={"host": name}).status_code for name in names]
    assert codes == [200, 200, 200, 200, 400, 400]
    assert "PAWTRAIT_HOSTS" in service.get("/healthz", headers={"host": "x"}).json()["detail"]


def test_more_than_there_is_room_for_is_told_not_to_come_again(serving):
    service = serving(memory=500)
    assert service.post("/v1/moods", files={"pictures": png(side=60)}).status_code == 413
    assert service.post("/v1/feedback", json={}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/v1/moods", 405),
        ("GET", "/v1/reviews/next", 422),
        ("POST", "/v1/moods", 415),
    ],
)
def test_every_error_is_a_problem(service, method, path, status):
    done = service.request(method, path, headers={"content-type": "text/plain"})
    body = done.json()
    assert (done.status_code, body["status"]) == (status, status)
    assert done.headers["content-type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize(
    ("method", "path", "words", "allowed"),
    [
        ("GET", "/", "/docs", None),
        ("PUT", "/v1/reviews", "GET and POST", "GET, POST, HEAD"),
        ("OPTIONS", "/v1/portraits/7f", "GET and DELETE", "GET, DELETE, HEAD"),
    ],
)
def test_an_address_or_a_method_that_is_none_is_told_the_way_out(service, method, path, words, allowed):
    done = service.request(method, path)
    assert done.headers.get("allow") == allowed
    assert words in done.text


def test_what_can_be_got_can_be_asked_for_its_head(service):
    for path in ("/healthz", "/v1/models", "/docs", "/openapi.json"):
        whole, head = service.get(path), service.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
    assert 'requests_total{method="HEAD",route="/healthz",status="200"} 1.0' in service.get("/metrics").text


def test_what_nobody_foresaw_shows_no_trace(service, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("pawtrait.serving.health._versions", broken)
    caplog.handler.setFormatter(Lines())
    done = service.get("/v1/models")
    assert (done.status_code, done.json()["type"]) == (500, "urn:pawtrait:problem:internal")
    assert "secret" not in done.text and "Traceback" not in done.text
    assert done.headers["x-content-type-options"] == "nosniff"
    request = done.headers["x-request-id"]
    assert done.json()["instance"].endswith(request)
    (told,) = [one for one in map(json.loads, caplog.text.splitlines()) if "trace" in one]
    assert told["request"] == request and "a secret of ours" in told["trace"]
    assert isinstance(service, TestClient)


def test_who_calls_finds_their_own_id_in_answer_and_log_beside_ours(service, caplog):
    caplog.set_level("INFO", "pawtrait.requests")
    caplog.handler.setFormatter(Lines())
    theirs = "0af7651916cd43dd/8448eb21=1"
    done = service.post("/v1/feedback", json={}, headers={"X-Request-ID": theirs})
    ours = done.headers["x-pawtrait-request"]
    assert done.headers["x-request-id"] == theirs and done.json()["instance"].endswith(ours)
    told = json.loads(caplog.text)
    assert (told["caller"], told["request"], len(ours)) == (theirs, ours, 32)


@pytest.mark.parametrize("theirs", ["", "a b", "a" * 129, 'x","level":"error', "ann@home", "\xe9"])
def test_an_id_that_is_none_is_neither_sent_back_nor_logged(service, caplog, theirs):
    caplog.set_level("INFO", "pawtrait.requests")
    caplog.handler.setFormatter(Lines())
    done = service.get("/healthz", headers=[("X-Request-ID", theirs.encode("latin-1"))])
    assert done.headers["x-request-id"] == done.headers["x-pawtrait-request"]
    assert "caller" not in json.loads(caplog.text)


def test_what_is_logged_on_the_way_names_its_request(service, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("no map today")

    monkeypatch.setattr(Explainers, "explain", broken)
    caplog.handler.setFormatter(Lines())
    done = service.post("/v1/moods?explain=true", content=png(), headers={"content-type": "image/png"})
    assert done.status_code == 200
    (told,) = [one for one in map(json.loads, caplog.text.splitlines()) if "trace" in one]
    assert told["message"] == "a picture could not be explained"
    assert told["request"] == done.headers["x-request-id"]


def test_threads_that_a_request_waits_for_know_it(service):
    """Those that paint, those that ask the database, and those that fetch pictures."""
    turns, door = Turns(1, 1, 5.0), service.app.state.door

    async def asked(of):
        REQUEST.set("7f")
        return await of(REQUEST.get)

    assert [asyncio.run(asked(one)) for one in (turns.take, door.readers.run, door.keepers.run)] == ["7f"] * 3
    turns.close()


@pytest.mark.parametrize("kind", ["jpeg", "png"])  # read in a batch; decoded by another thread before
def test_what_a_thread_logs_names_its_request(service, monkeypatch, caplog, kind):
    def broken(*_):
        raise RuntimeError("no measure today")

    monkeypatch.setattr("pawtrait.serving.intake.measure", broken)
    caplog.handler.setFormatter(Lines())
    body = jpeg() if kind == "jpeg" else png()
    done = service.post("/v1/moods", content=body, headers={"content-type": f"image/{kind}"})
    assert done.status_code == 500
    (told,) = [one for one in map(json.loads, caplog.text.splitlines()) if "trace" in one]
    assert told["message"] == "a picture could not be answered"
    assert told["request"] == done.headers["x-request-id"]


def test_pages_of_a_named_site_may_read_what_is_refused_at_the_door(serving):
    origin = {"origin": "https://friend.example"}
    service = serving(origins=origin["origin"], memory=500)
    done = service.post("/v1/moods", files={"pictures": png(side=60)}, headers=origin)
    assert (done.status_code, done.headers["access-control-allow-origin"]) == (413, origin["origin"])
