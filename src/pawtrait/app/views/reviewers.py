"""Reviewers judge pictures blind: what model and owner said is not known before the verdict."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pawtrait.app import desk, parts, pictures, shown, words
from pawtrait.app.client import Trouble
from pawtrait.dataset.labels import LABELS

LEAD = "Owners sent these pictures for the model to learn from. Say what you see; what it saw comes after."
KEYS = {"happy": "h", "sad": "s", "angry": "a", "other": "o", "unusable": "u"}
UNUSABLE = "unusable"


def page() -> None:
    """The page."""
    st.html(shown.hero("The blind queue", LEAD, quiet=True))
    reviewer = st.text_input("Your name", key="reviewer", max_chars=40, placeholder="rosa").strip()
    try:
        if reviewer:
            _judge(reviewer)
        _standing()
    except Trouble as trouble:
        st.html(shown.trouble(str(trouble)))
        if trouble.status in (401, 403):
            desk.ask_for_key()


def _judge(reviewer: str) -> None:
    _reveal(st.session_state.pop("verdict", None))
    waiting = desk.staff().next_review(reviewer)
    if waiting is None:
        st.html(shown.empty("happy", "All judged. Thank you; have a stretch."))
        return
    with st.container(key="card-review"):
        picture = pictures.small(desk.staff().picture(waiting.picture), 720)
        st.image(picture, alt="The picture to judge", width=480)
        with st.container(horizontal=True):
            for verdict in (*LABELS, UNUSABLE):
                label = words.MOODS.get(verdict, "Unusable")
                if st.button(label, key=f"{verdict}-{waiting.picture}", shortcut=KEYS[verdict]):
                    told = desk.staff().review(waiting.picture, reviewer, verdict)
                    st.session_state["verdict"] = {"own": verdict, **told}
                    st.rerun()
        st.html(shown.small(f"{waiting.waiting} waiting, this one included."))


def _reveal(told: Mapping[str, Any] | None) -> None:
    """What the model had thought of the last one."""
    if told is None:
        return
    own = words.MOODS.get(told["own"], "Unusable").lower()
    guess = told.get("predicted")
    model = (
        f"the model said {words.MOODS[guess].lower()}"
        if guess in words.MOODS
        else "the model had not been asked"
    )
    st.info(f"You said {own}, {model}.", icon=":material/visibility:")
    parts.herald(f"You said {own}, {model}. Next picture.")


def _standing() -> None:
    facts = desk.staff().facts("/v1/reviews")
    shares = [(name, value) for name, value in facts.items() if isinstance(value, int | float)]
    st.html(shown.tiles([(name.replace("_", " "), f"{value:g}", "") for name, value in shares]))
