"""Reviewers judge pictures blind: what model and owner said is not known before the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pawtrait.app import desk, parts, shown, words
from pawtrait.dataset.labels import LABELS

LEAD = "Owners sent these pictures for the model to learn from. Say what you see; then we show what it saw."
KEYS = {"happy": "h", "sad": "s", "angry": "a", "other": "o", "unusable": "u"}
UNUSABLE = "unusable"
NAMES = {verdict: words.MOODS.get(verdict, "Unusable") for verdict in (*LABELS, UNUSABLE)}


def page() -> None:
    """The page."""
    st.html(shown.hero("The blind queue", LEAD, quiet=True))
    desk.show_trouble()
    reviewer = st.text_input("Your name", key="reviewer", max_chars=40, placeholder="rosa").strip()
    with desk.friendly(keyed=True):
        if reviewer:
            _judge(reviewer)
        _standing()


def _judge(reviewer: str) -> None:
    if revealed := st.session_state.pop("verdict", ""):
        st.info(revealed, icon=":material/visibility:")
    by_keys = _by_keys()
    waiting = desk.staff().next_review(reviewer)
    if waiting is None:
        st.html(shown.empty("happy", "All judged. Thank you; have a stretch."))
        return
    with st.container(key="card-review"):
        parts.picture(desk.staff().picture(waiting.picture), 720, "The picture to judge", 480)
        with st.container(horizontal=True):
            for verdict, label in NAMES.items():
                st.button(
                    label,
                    key=f"{verdict}-{waiting.picture}",
                    shortcut=KEYS[verdict] if by_keys else None,
                    on_click=_say,
                    args=(waiting.picture, reviewer, verdict),
                )
        st.html(shown.small(f"{waiting.waiting} waiting, this one included."))


def _say(picture: str, reviewer: str, verdict: str) -> None:
    """Judge the picture that was seen: when the page is drawn anew, another may be the first in the queue."""
    staff = desk.staff()
    with desk.kept_trouble():
        told = staff.review(picture, reviewer, verdict)
        st.session_state["verdict"] = _revealed({"own": verdict, **told})
        parts.say(f"{st.session_state['verdict']} The next picture is here.")


def _by_keys() -> bool:
    """Whether a letter is a verdict: for who wants that only, since none can be taken back (WCAG 2.1.4).

    By a button: while an input has the focus, as a switch is one, Streamlit hears no letters.
    """
    wanted = bool(st.session_state.get("by_keys"))
    st.button(
        f"Answer with single keys: {'on' if wanted else 'off'}",
        key="single_keys",
        icon=":material/keyboard:",
        on_click=lambda: st.session_state.update(by_keys=not wanted),
    )
    if wanted:
        letters = " · ".join(f"**{KEYS[verdict].upper()}** {name}" for verdict, name in NAMES.items())
        st.caption(f"{letters}. A verdict cannot be taken back.")
    return wanted


def _revealed(told: Mapping[str, Any]) -> str:
    """What the model and the owners had said of a picture that was judged."""
    said = [
        ("You", [told["own"]]),
        ("the model", told.get("model") or []),
        ("its owner", told.get("people") or []),
    ]
    return ", ".join(f"{who} said {_moods(moods)}" for who, moods in said if moods) + "."


def _moods(moods: Sequence[str]) -> str:
    return " and ".join(words.MOODS.get(mood, "Unusable").lower() for mood in moods)


def _standing() -> None:
    """How long the queue is, and how far reviewers agree."""
    facts = desk.staff().facts("/v1/reviews")
    names = (("waiting", "pictures"), ("verdicts", "so far"), ("reviewers", "so far"))
    st.html(shown.tiles([(name, str(facts[name]), small) for name, small in names]))
    pairs = [
        (f"{p['first']} and {p['second']}", str(p["pictures"]), str(p["same"]), _kappa(p["kappa"]))
        for p in facts["pairs"]
    ]
    if pairs:
        st.html(
            shown.table("How well reviewers agree", ("reviewers", "pictures", "the same", "kappa"), pairs)
        )


def _kappa(value: float | None) -> str:
    """Agreement beyond chance, where there is any to speak of."""
    return "–" if value is None else f"{value:.2f}"
