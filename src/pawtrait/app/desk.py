"""What every page needs: the service on behalf of this visitor, the visit, and troubles caught."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import streamlit as st

from pawtrait.app import client, parts, shown, visit
from pawtrait.app.client import Service, Trouble

SERVICE = "http://127.0.0.1:8000"


def service() -> Service:
    """The service at PAWTRAIT_SERVICE, with the app's own key."""
    return Service(_http(os.environ.get("PAWTRAIT_SERVICE", SERVICE)), client.own_key(), _visitor())


def staff() -> Service:
    """The service with the key that a reviewer or an operator gave on the page, if any."""
    return service().keyed(st.session_state.get("staff_key", ""))


def here() -> visit.Visit:
    """This visit."""
    return visit.of(st.session_state)


@contextmanager
def friendly(keyed: bool = False) -> Iterator[None]:
    """Show a trouble where it happens, and go on with the rest of the page.

    Args:
        keyed: it is a page that the service opens with a key only; there is a field for it then.
    """
    try:
        yield
    except Trouble as trouble:
        st.html(shown.trouble(str(trouble)))
        if keyed and trouble.status in (401, 403):
            st.text_input("Your key", type="password", key="staff_key_field", on_change=_keep_key)


@contextmanager
def kept_trouble() -> Iterator[None]:
    """Keep a trouble of a callback for the page that is drawn next."""
    try:
        yield
    except Trouble as trouble:
        parts.regret(str(trouble))


def show_trouble() -> None:
    """Show what ``kept_trouble`` kept, once."""
    if message := st.session_state.pop(parts.TROUBLE, ""):
        st.html(shown.trouble(message))


def _visitor() -> str:
    said = ",".join(st.context.headers.get_all("X-Forwarded-For"))  # a proxy may add a line of its own
    return client.visitor(st.context.ip_address or "", said, os.environ.get("PAWTRAIT_PROXIES", ""))


def _keep_key() -> None:
    """What was pasted, without the blanks around it; what no key can be is as good as none."""
    key = st.session_state["staff_key_field"].strip()
    fine = key.isascii() and key.isprintable() and " " not in key
    st.session_state["staff_key"] = key if fine else ""


@st.cache_resource(show_spinner=False)
def _http(address: str) -> httpx.Client:
    return client.connect(address)
