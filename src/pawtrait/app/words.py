"""What the app says to people: moods, doubts and troubles in plain words."""

import re
from collections.abc import Mapping, Sequence

MOODS = {"happy": "Happy", "sad": "Sad", "angry": "Angry", "other": "Something else"}
FEELING = {
    "happy": "ears up, all is well",
    "sad": "somebody could do with a cuddle",
    "angry": "better not touch the tail now",
    "other": "none of the big three: curious, sleepy, surprised …",
}
METHODS = {
    "fast": ("In one go", "Any painting, at once."),
    "hybrid": ("Both together", "All paintings at once, then refined after one of them. A few seconds."),
    "nst": ("Stroke by stroke", "Closest to the painting you pick. Watch it grow for a while."),
    "cyclegan": ("House style", "The manner of all our paintings together, at once."),
}
SIZES = {256: "small", 512: "medium", 768: "large"}  # px of the longer side
NO_PAINTER = "No painter is at home just now. Whoever runs Pawtrait can let one in."
NO_PAINTING = "No painting hangs here just now. Use a picture of your own, or pick another way to paint."
TROUBLE = {
    401: "This page needs a key, or the one given is not known. Ask whoever runs Pawtrait for one.",
    403: "The key that was given does not open this. Ask whoever runs Pawtrait for one that does.",
    404: "That is not here any more. It may have been deleted, or been too long ago.",
    413: "That photo is too big for us. Up to 10 MB and 40 megapixels are fine; a smaller copy will do.",
    415: "That does not look like a photo. JPEG, PNG, WebP, GIF, BMP and TIFF pictures can be read.",
    422: "This file could not be opened as a photo. It may be damaged; try to save or take it again.",
    503: "Nobody is at home to look at photos just now. Give us a minute and try again.",
    504: "That took too long, so we stopped. Please try again.",
}
OWN = {  # of problems that their status says too little of
    "not-a-still": "That picture moves, or has several pages. One still picture, please.",
    "picture-not-kept": "We do not have this photo any more. Drop it again, and then tell us.",
    "another-reviewer": "This key is one person's. Put that person's name above; each reviewer has a key.",
    "judged-before": "You have judged this picture already, and the first verdict stands.",
    "no-space": "This could not be written down just now, so please tell us again in a while.",
    "no-store": "We cannot get at what we keep just now, so this did not go through. Try again in a while.",
    "no-such-style": "That painting cannot be had just now. Please pick another one.",
    "method-unavailable": "Nobody can paint in that way just now. Please pick another way.",
}
TELLING = ("invalid-request", "too-much-memory")  # not about the photo: the service's own words say what is
DOWN = "We cannot reach the part that looks at photos. Yours has gone nowhere; please try again in a minute."
CUT = "No answer came. What you sent may have arrived all the same; please try again in a minute."
ELSEWHERE = "The portrait of {} is ready: it is under “This visit”."
UNSHOWN = "This photo is too large to be shown here."
NOTED = "Thank you, that is noted."
GONE = "Deleted. What was noted about it is gone too."
HELD = (
    "Deleted here. What models learned from in {} still holds it: ask whoever runs Pawtrait to take out {}."
)
UNREADY = "It has none yet, or is shutting down. Its log says why; a model is taken as soon as there is one."
ODD = "Something went wrong on our side, and it was written down. Please try again."


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
        return f"The model wavers between {MOODS[first].lower()} and {MOODS[second].lower()}."
    if share >= 0.9:
        return f"The model is quite sure: {percent(share)}."
    return f"The model is {percent(share)} sure. The next guess would be {MOODS[second].lower()}."


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
