"""How tests ask for portraits, and what they read in answers."""

import json
from datetime import UTC, datetime

from pawtrait.adapters.store import database, feedback, requests
from pawtrait.dataset import images
from tests.serving.portraits.conftest import STEPS, photo, until

EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
ENDLESS = str(STEPS)  # take minutes on any machine
HEAVY = {"torch", "tensorflow", "keras", "onnx", "mlflow", "pandas", "sklearn", "scipy"}


def send(client, method, picture=None, painting=None, key="", **fields):
    files = {"picture": ("pet.png", images.encode_png(photo() if picture is None else picture))}
    if painting is not None:
        files["painting"] = ("painting.png", images.encode_png(painting))
    by = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/portraits", data={"method": method, **fields}, files=files, headers=by)


def shown(answer):
    assert answer.status_code == 200, answer.text
    return images.decode(answer.content, largest_pixels=10**7, name="portrait")


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def rows(client, *ids):
    """What was written down, of these requests where some are named."""
    client.app.state.door.asked.flush()
    with database.opened(client.app.state.settings.database) as engine:
        found = requests.between(engine, *EVER)
    return [row for row in found if not ids or row.id in ids]


def thumbs(client):
    """What was said of portraits."""
    client.app.state.door.said.flush()
    with database.opened(client.app.state.settings.database) as engine:
        return feedback.styles_between(engine, *EVER)


def folder(client):
    """The project that a service works in."""
    return client.app.state.settings.portraits.parent


def asked(answer):
    return answer.headers["x-pawtrait-request"]


def job(client, **fields):
    answer = send(client, "nst", **({"style": "red", "side": "48", "steps": "3"} | fields))
    assert answer.status_code == 202, answer.text
    return answer.json()


def documented(client, path, verb="get", status="200"):
    """Members of such an answer's body, or of each of its events, by the API's document."""
    content = client.app.openapi()["paths"][path][verb]["responses"][status]["content"]
    (example,) = [one["example"] for one in content.values()]
    if not isinstance(example, str):
        return set(example)
    data = [line.removeprefix("data: ") for line in example.splitlines() if line.startswith("data: ")]
    (members,) = {frozenset(json.loads(one)) for one in data}
    return set(members)


def spoken(answer):
    """Headers of ours in an answer."""
    return {name for name in answer.headers if name.startswith("x-pawtrait-") or name == "location"}


def headers(client, status):
    """The same by the document, of a portrait's or a job's first answer."""
    answers = client.app.openapi()["paths"]["/v1/portraits"]["post"]["responses"]
    return {name.lower() for name in answers[status]["headers"]}


def events(client, url):
    """Names and data of a job's events, to the end."""
    with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = "".join(stream.iter_text())
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    parsed = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    return [(one["event"], int(one["id"]), json.loads(one["data"])) for one in parsed]


def over(client, url):
    done = ("done", "failed", "cancelled")
    return until(lambda: (known := client.get(url).json())["status"] in done and known)
