"""A small face for each mood, drawn as SVG: the sign that goes with the word wherever a mood is named."""

from base64 import b64encode
from functools import cache

from pawtrait.dataset.labels import LABELS

COLOURS = {"happy": "#efb73c", "sad": "#78a7d6", "angry": "#e37558", "other": "#a394d0"}  # on light and dark
INK = "#2b2622"

_EARS = {
    "happy": "M17 42 L15 12 Q16 8 20 10 L42 26 Z M83 42 L85 12 Q84 8 80 10 L58 26 Z",
    "sad": "M20 44 L3 36 Q1 31 6 29 L36 28 Z M80 44 L97 36 Q99 31 94 29 L64 28 Z",
    "angry": "M18 46 L2 20 Q2 15 7 16 L40 27 Z M82 46 L98 20 Q98 15 93 16 L60 27 Z",
    "other": "M18 42 L20 7 Q22 3 26 6 L44 26 Z M82 42 L92 22 Q92 17 87 17 L58 26 Z",
}
_EYES = {
    "happy": '<path d="M28 53 Q35 43 42 53 M58 53 Q65 43 72 53" {line}/>',
    "sad": '<path d="M26 45 Q33 40 41 44 M59 44 Q67 40 74 45" {thin}/><circle cx="35" cy="54" r="4.6" {ink}/>'
    '<circle cx="65" cy="54" r="4.6" {ink}/><path d="M71 60 q5 7 0 10 q-5 -3 0 -10" fill="#9fd0f5"/>',
    "angry": '<path d="M26 43 L42 49 M74 43 L58 49" {line}/><circle cx="36" cy="54" r="4.4" {ink}/>'
    '<circle cx="64" cy="54" r="4.4" {ink}/>',
    "other": '<circle cx="35" cy="51" r="7.5" fill="#fff"/><circle cx="65" cy="51" r="7.5" fill="#fff"/>'
    '<circle cx="36" cy="51" r="4" {ink}/><circle cx="66" cy="51" r="4" {ink}/>',
}
_MOUTHS = {
    "happy": '<path d="M38 66 Q50 84 62 66 Z" {ink}/>'
    '<path d="M44 73 Q50 79 56 73 Q50 70 44 73" fill="#f08d7e"/>',
    "sad": '<path d="M41 76 Q50 67 59 76" {line}/>',
    "angry": '<path d="M39 74 L45 70 L50 74 L55 70 L61 74" {line}/>',
    "other": '<ellipse cx="50" cy="74" rx="4.5" ry="5.5" {ink}/>',
}
_PENS = {
    "line": f'fill="none" stroke="{INK}" stroke-width="4.2" stroke-linecap="round" stroke-linejoin="round"',
    "thin": f'fill="none" stroke="{INK}" stroke-width="3" stroke-linecap="round"',
    "ink": f'fill="{INK}"',
}


def face(mood: str, size: str) -> str:
    """The face of a mood as an image; decoration, so screen readers pass over it.

    Streamlit takes inline SVG out of a page, and leaves images whose address holds them.

    Raises:
        KeyError: ``mood`` is none of LABELS.
    """
    return f'<img class="paw-face" alt="" style="width:{size};height:{size}" src="{_source(mood)}">'


def crowd() -> str:
    """All four, in their order."""
    faces = "".join(face(mood, "4.2rem") for mood in LABELS)
    return f'<div class="paw-crowd" aria-hidden="true">{faces}</div>'


@cache
def _source(mood: str) -> str:
    drawn = _EYES[mood].format(**_PENS) + _MOUTHS[mood].format(**_PENS)
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" fill="{COLOURS[mood]}">'
        f'<path stroke="{COLOURS[mood]}" stroke-width="3" stroke-linejoin="round" d="{_EARS[mood]}"/>'
        f'<ellipse cx="50" cy="58" rx="38" ry="33"/><path d="M46 61 h8 l-4 4.5 z" fill="{INK}"/>{drawn}</svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"
