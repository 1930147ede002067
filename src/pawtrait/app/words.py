"""What the app says to people: moods, doubts and troubles in plain words."""

import re
from collections.abc import Mapping, Sequence

MOODS = {"happy": "Happy", "sad": "Sad", "angry": "Angry", "other": "Something else"}
FEELING = {
    "happy": "ears up, all is well",
    "sad": "somebody could do with a cuddle",
    "angry": "better not touch the tail now",
    "other": "none of those three: curious, sleepy, surprised …",
}
METHODS = {
    "fast": ("In one go", "Like the painting you pick, right away."),
    "hybrid": ("Both together", "Like all our paintings first, then the one you pick. A few seconds."),
    "nst": ("Stroke by stroke", "Closest to the painting you pick. Takes a while; you can watch."),
    "cyclegan": ("House style", "Like all our paintings together, right away."),
}
SIZES = {256: "small", 512: "medium", 768: "large"}  # px of the longer side
NO_PAINTER = "We cannot paint just now. Please ask the people who run Pawtrait."
NO_PAINTING = "There are no paintings here just now. Use your own picture, or pick another way to paint."
TROUBLE = {
    401: "This page needs a key, and yours is missing or wrong. Ask the people who run Pawtrait for one.",
    403: "Your key does not open this. Ask the people who run Pawtrait for one that does.",
    404: "That is no longer here. It may have been deleted, or it was too old to keep.",
    413: "That photo is too big. Please use one with up to 10 MB and 40 megapixels.",
    415: "That does not look like a photo. We can read JPEG, PNG, WebP, GIF, BMP and TIFF.",
    422: "We could not open this file as a photo. It may be damaged; save it again or take a new one.",
    503: "We cannot look at photos just now. Please try again in a minute.",
    504: "That took too long, so we stopped. Please try again.",
}
OWN = {  # of problems that their status says too little of
    "not-a-still": "That picture moves or has several pages. Please use a still picture.",
    "picture-not-kept": "We no longer have this photo. Please drop it again, then tell us.",
    "another-reviewer": "This key belongs to another name. Enter that name above, or use your own key.",
    "judged-before": "You have already judged this picture. Your first verdict stands.",
    "no-space": "We could not save this just now. Please tell us again in a while.",
    "no-store": "We cannot reach our records just now, so this did not work. Please try again in a while.",
    "no-such-style": "That painting is not available just now. Please pick another one.",
    "method-unavailable": "We cannot paint in that way just now. Please pick another way.",
}
TELLING = ("invalid-request", "too-much-memory")  # not about the photo: the service's own words say what is
DOWN = "We cannot reach the part that looks at photos. Nothing was sent; please try again in a minute."
CUT = "No answer came. What you sent may still have arrived; please try again in a minute."
STRANGER = (
    "Something else answers in the place of the part that looks at photos: ask the people who run Pawtrait."
)
ELSEWHERE = "The portrait of {} is ready under “This visit”."
UNSHOWN = "This photo is too large to show here."
NOTED = "Thank you, that is noted."
GONE = "Deleted. What we noted about it is gone too."
HELD = (
    "Deleted here. The training pictures of {} still hold it: ask the people who run Pawtrait to remove {}."
)
UNREADY = "It has none yet, or it is shutting down. Its log says why; it takes a model once there is one."
ODD = "Something went wrong on our side, and we logged it. Please try again."


def forgotten(picture: str, months: Sequence[str]) -> str:
    """A picture was deleted; where ``months`` learned from it, its id is what somebody else has to know."""
    return HELD.format(" and ".join(months), picture) if months else GONE


def headline(label: str, unsure: bool) -> str:
    """The mood in big friendly words."""
    return f"Hard to say. {MOODS[label]}, perhaps?" if unsure else f"{MOODS[label]}{'!' * (label == 'happy')}"


def certainty(probabilities: Mapping[str, float], unsure: bool) -> str:
    """How sure the model is, in a sentence; in doubt the second guess is named too."""
    (first, share), (second, _), *_ = sorted(probabilities.items(), key=lambda one: -one[1])
    if unsure:
        return f"The model cannot decide between {MOODS[first].lower()} and {MOODS[second].lower()}."
    if share >= 0.9:
        return f"The model is quite sure: {percent(share)}."
    return f"The model is {percent(share)} sure. Its second guess is {MOODS[second].lower()}."


def percent(share: float) -> str:
    """0..1 as a whole percentage; only what is certain is said to be 0 or 100."""
    return f"{min(max(round(100 * share), int(share > 0)), 100 - int(share < 1))} %"


def trouble(status: int, detail: str = "", wait: str = "", kind: str = "") -> str:
    """An error of the service for a visitor.

    ``wait`` is its Retry-After, in seconds; ``kind`` the last word of the problem's type.
    """
    if status == 429:
        again = f"in {wait} second{'' if wait == '1' else 's'}" if wait.isdigit() else "in a moment"
        return f"There is a queue of pets at the door. Please try again {again}."
    if kind in OWN:
        return OWN[kind]
    known = None if kind in TELLING and detail else TROUBLE.get(status)
    return known or (f"That did not work: {detail}." if detail and status < 500 else ODD)


def literal(text: str) -> str:
    """Text from outside, for Markdown to show as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def thanks(right: bool, learning: bool) -> str:
    """For saying whether a mood was right; no model learns without consent, nor from a sample."""
    if right:
        return "Thank you, good to hear!"
    return "Thank you, we learn from that." if learning else NOTED


def took(seconds: float) -> str:
    """A duration as one would say it; rounded before the unit is chosen: none is sixty of its unit."""
    if (ms := round(1000 * seconds)) < 1000:
        return f"{ms} ms"
    if (short := round(seconds, 1)) < 60:
        return f"{short:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
