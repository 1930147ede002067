"""The pages without a browser, by Streamlit's own tester, where no service is; and the end of both."""

import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from pawtrait.app import __main__ as start
from pawtrait.app import main, words
from pawtrait.app.parts import LARGEST
from pawtrait.app.views import home, this_visit
from pawtrait.app.visit import LONGEST
from pipelines.postgres import free_port
from tests.app.conftest import ROOT, opened, project


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """A port where no service listens."""
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("PAWTRAIT_SERVICE", address)
    monkeypatch.setattr(type(st.context), "ip_address", "127.0.0.1")  # the tester has no visitor
    return address


def shown(page: str) -> str:
    """All HTML of a page."""
    test = AppTest.from_string(
        f"from pawtrait.app.views import {page}\n{page}.page()", default_timeout=60
    ).run()
    assert not test.exception
    return " ".join(str(element.proto.body) for element in test.get("html"))


@pytest.mark.parametrize("page", ["operators", "home", "this_visit", "reviewers"])
def test_a_page_stands_without_its_service(nobody: str, page: str):
    assert "<h1>" in shown(page)


def test_a_page_with_a_mood_on_show_has_one_heading_of_the_first_level(nobody: str):
    page = """
from datetime import UTC, datetime
from pawtrait.app import desk, gallery
from pawtrait.app.views import home
from tests.app.test_visit import a_reading
if not desk.here().entries:
    desk.here().add_reading(gallery.photo("pip"), a_reading("a"), datetime.now(UTC))
home.page()
"""
    test = AppTest.from_string(page, default_timeout=60).run()
    told = " ".join(str(element.proto.body) for element in test.get("html"))
    assert told.count("<h1") == 1 and "The mood in pip.jpg</h1>" in told


def test_a_service_that_is_down_is_told_in_plain_words(nobody: str):
    assert shown("operators").count(words.DOWN) == 1


def test_streamlit_takes_the_largest_photo_and_hardly_more():
    config = Path(main.__file__).parent / ".streamlit/config.toml"
    server = tomllib.loads(config.read_text(encoding="utf-8"))["server"]
    assert server["maxUploadSize"] * 1_000_000 == LARGEST
    assert 1.1 < server["maxMessageSize"] * 1_000_000 / (LARGEST * 4 / 3) < 1.3  # base64 in JSON


def test_the_visit_of_a_device_that_sleeps_is_kept_for_the_half_hour_that_is_promised():
    settings = Path(main.__file__).parent / ".streamlit/config.toml"
    server = tomllib.loads(settings.read_text(encoding="utf-8"))["server"]
    assert server["disconnectedSessionTTL"] == 30 * 60
    assert server.keys() <= config.get_options_for_section("server").keys()  # Streamlit only warns of others
    assert "if your device sleeps: for half an hour" in home.PLAINLY
    assert all(
        "half an hour after" in told for told in (home.PLAINLY, this_visit.LEAD)
    )  # it waits in any case


def test_a_kept_photo_of_long_ago_can_be_deleted_and_no_more(nobody: str):
    page = """
from datetime import UTC, datetime
from pawtrait.app import desk, gallery
from pawtrait.app.views import this_visit
from pawtrait.app.visit import LONGEST
from tests.app.test_visit import a_reading
for number in range(LONGEST + 1 - len(desk.here().entries)):
    desk.here().add_reading(gallery.photo("pip"), a_reading(str(number)), datetime.now(UTC))
this_visit.page()
"""
    test = AppTest.from_string(page, default_timeout=60).run()
    assert not test.exception
    names = [button.label for button in test.button]
    assert names == [*["Look again", "Delete my picture"] * LONGEST, "Delete my picture"]


@pytest.mark.parametrize(("months", "said"), [("[]", "the ledger is empty"), ("None", "cannot be reached")])
def test_a_ledger_that_cannot_be_reached_is_not_called_empty(months: str, said: str):
    page = f"from pawtrait.app.views import operators\noperators._months({months})"
    (told,) = AppTest.from_string(page, default_timeout=60).run().get("html")
    assert said in str(told.proto.body)


def test_months_are_told_the_newest_first_with_their_reasons():
    rows = [
        {"month": "2026-01", "action": "promoted", "version": 1, "time": None, "reasons": ["the first"]},
        {
            "month": "2026-02",
            "action": "kept",
            "version": 1,
            "time": None,
            "reasons": ["too few", "too slow"],
        },
    ]
    page = f"from pawtrait.app.views import operators\noperators._months({rows})"
    (table,) = AppTest.from_string(page, default_timeout=60).run().get("html")
    found = re.findall("2026-01|the first|2026-02|too few too slow", str(table.proto.body))
    assert found == ["2026-02", "too few too slow", "2026-01", "the first"]
    assert "when (UTC)" in str(table.proto.body)


@pytest.mark.parametrize(
    ("pasted", "kept"), [("  paw_ok\n", "paw_ok"), ("paw_…", "none"), ("paw_a b", "none")]
)
def test_a_key_is_taken_without_what_was_pasted_round_it(nobody: str, pasted: str, kept: str):
    page = """
import streamlit as st
from pawtrait.app import desk
from pawtrait.app.client import Trouble
with desk.friendly(keyed=True):
    raise Trouble("a key is needed", 401)
st.text(st.session_state.get("staff_key") or "none")
"""
    test = AppTest.from_string(page, default_timeout=60).run()
    test.text_input[0].set_value(pasted).run()
    assert not test.exception
    assert test.text[0].value == kept


def started(folder: Path, *options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A start that is to end by itself, with no other setting of ours."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PAWTRAIT_")}
    command = [sys.executable, "-m", "pawtrait.app", *options]
    return subprocess.run(
        command, env=known | settings, cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (
            "PAWTRAIT_PROXIES",
            "10.0.0.0/8,proxy",
            "'proxy' does not appear to be an IPv4 or IPv6 network; expected a list such as"
            " 10.0.0.0/8,192.0.2.7",
        ),
        (
            "PAWTRAIT_SERVICE",
            "service:8000",
            "service:8000 is no address; expected one such as http://127.0.0.1:8000",
        ),
        (
            "PAWTRAIT_SERVICE",
            "http://service:80a0",
            "http://service:80a0 is no address; expected one such as http://127.0.0.1:8000",
        ),
        (
            "PAWTRAIT_APP_KEY_FILE",
            "nowhere",
            "[Errno 2] No such file or directory: 'nowhere'; expected a file that this user reads, with the"
            " app's key",
        ),
    ],
)
def test_a_setting_that_every_page_would_stumble_over_is_told_at_the_start(
    tmp_path: Path, setting: str, value: str, said: str
):
    done = started(tmp_path, **{setting: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"pawtrait.app: {setting}: {said}\n"


def test_a_port_that_is_taken_is_told_before_anything_is_started(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = started(tmp_path, "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"pawtrait.app: port {port} of 127.0.0.1 is not free")
    assert line.endswith(f"--port {port + 1}, or APP_PORT={port + 1} after `make app`")


def test_a_port_that_none_is_and_a_name_that_is_not_ours_are_one_line(tmp_path: Path):
    for options in (["--port", "99999"], ["--host", "pets.invalid", "--insecure"]):
        done = started(tmp_path, *options)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


SERVICE = {"PAWTRAIT_SERVICE": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({}, "there are no keys"),
        (SERVICE, "there is no key for the service at http://127.0.0.1:9"),
        (
            SERVICE | {"PAWTRAIT_KEYS": "keys.jsonl"},
            "there is no key for the service",
        ),  # its own are another's
    ],
)
def test_it_opens_to_others_with_keys_only(tmp_path: Path, settings: dict[str, str], lacks: str):
    done = started(tmp_path, "--host", "0.0.0.0", **settings)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "pawtrait.app: --host 0.0.0.0 opens the pages of reviewers and operators to others"
    )
    assert lacks in line


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("--insecure", SERVICE),
        ("--host=127.0.0.1", SERVICE),
        ("--port=8501", SERVICE | {"PAWTRAIT_APP_KEY": "paw_app"}),
        ("--port=8501", SERVICE | {"PAWTRAIT_APP_KEY_FILE": "app_key"}),
        ("--port=8501", {"PAWTRAIT_KEYS": "keys.jsonl"}),
    ],
)
def test_with_a_key_or_where_it_is_wished_it_opens(
    monkeypatch: pytest.MonkeyPatch, option: str, settings: dict[str, str]
):
    for name in [name for name in os.environ if name.startswith("PAWTRAIT_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    wanted = start._parser().parse_args(["--host", "0.0.0.0", option])
    assert start._objection(wanted, settings.get("PAWTRAIT_SERVICE", "")) == ""


def test_ctrl_c_ends_service_and_app(tmp_path: Path, coloured_models: Callable[..., Path]):
    folder = project(tmp_path)
    model = coloured_models(folder / "data/models")
    with opened(folder, PAWTRAIT_MODEL=str(model)) as house:
        assert httpx.get(f"{house.service}/readyz").is_success
        house.process.send_signal(signal.SIGINT)
        assert house.process.wait(60) == 0
    for address in (house.address, house.service):
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)


def test_a_service_that_cannot_start_ends_the_app_too(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "pawtrait.app", "--port", str(free_port()), "--service-port", port]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
