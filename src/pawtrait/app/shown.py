"""What the pages show, as HTML: all text that comes from outside is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape

from pawtrait.app import words
from pawtrait.app.answers import Reading
from pawtrait.app.faces import crowd, face
from pawtrait.dataset.labels import LABELS


def hero(title: str, lead: str, quiet: bool = False) -> str:
    """The head of a page; a quiet one has no faces on a phone."""
    told = f'<div><h1>{escape(title)}</h1><p class="paw-lead">{escape(lead)}</p></div>'
    return f'<header class="paw-hero{" quiet" if quiet else ""}">{told}{crowd()}</header>'


def reading(one: Reading, name: str, photo: str) -> str:
    """A mood: the photo (a data URI), big words, a bar for each class."""
    feeling = "" if one.unsure else f"<p>{escape(words.FEELING[one.label])}</p>"
    mood = f"<h2>{escape(words.headline(one.label, one.unsure))}</h2>{feeling}"
    head = f'<h1 class="paw-unseen">The mood in {escape(name)}</h1>'  # the big words are what is seen
    return (
        f'{head}<article class="paw-reading" aria-label="The mood"><img class="paw-photo" src="{photo}" '
        f'alt="Your photo, {escape(name, quote=True)}">'
        f'<div><div class="paw-mood">{face(one.label, "4.4rem")}<div>{mood}</div></div>'
        f'<p class="paw-said">{escape(words.certainty(one.probabilities, one.unsure))}</p>'
        f"{bars(one.probabilities, one.label)}</div></article>"
    )


def why(one: Reading) -> str:
    """The heat map in words and colours, where the service sent one as a data URI; nothing else is loaded."""
    if not one.heat.startswith("data:image/"):
        return ""
    mood = words.MOODS[one.label].lower()
    alt = f"Your photo under a heat map; warm spots point to {mood}"
    told = (
        f"Warm spots made the model say “{escape(mood)}”; cold ones did not matter. "
        "If the warm spots are not on your pet, do not trust the answer."
    )
    picture = f'<img src="{escape(one.heat, quote=True)}" alt="{escape(alt, quote=True)}">'
    return (
        '<details class="paw-why" open><summary>Why the model thinks so</summary>'
        f"<figure>{picture}<figcaption>{told}</figcaption></figure></details>"
    )


def bars(probabilities: Mapping[str, float], label: str) -> str:
    """A bar for each mood; the figures stand beside them, so the bars themselves are decoration."""
    rows = (
        f'<li class="{"first" if mood == label else "rest"}"><span>{escape(words.MOODS[mood])}</span>'
        f'<i aria-hidden="true"><b class="paw-{mood}" style="width:{100 * probabilities[mood]:.1f}%"></b></i>'
        f"<span>{words.percent(probabilities[mood])}</span></li>"
        for mood in LABELS
    )
    return f'<ul class="paw-bars">{"".join(rows)}</ul>'


def heard(one: Reading) -> str:
    """The mood for a screen reader's announcement."""
    return f"{words.headline(one.label, one.unsure)} {words.certainty(one.probabilities, one.unsure)}"


def trouble(message: str) -> str:
    """Something went wrong, said kindly."""
    return f'<div class="paw-trouble" role="alert">{face("sad", "3.2rem")}<p>{escape(message)}</p></div>'


def empty(mood: str, message: str) -> str:
    """Nothing to show yet."""
    return f'<div class="paw-empty">{face(mood, "5.5rem")}<p>{escape(message)}</p></div>'


def visited(picture: str, alt: str, title: str, mood: str, lines: Sequence[str]) -> str:
    """A line of the visit's history."""
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    sign = face(mood, "1.9rem") if mood else ""
    head = f"<h2>{sign}{escape(title)}</h2>"
    seen = f'<img src="{picture}" alt="{escape(alt, quote=True)}">'
    return f'<div class="paw-visit">{seen}<div>{head}{told}</div></div>'


def tiles(facts: Sequence[tuple[str, str, str]]) -> str:
    """Figures with their names and a small word each."""
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(small)}</small></dd></div>"
        for name, value, small in facts
    )
    return f'<dl class="paw-tiles">{"".join(cells)}</dl>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls sideways on its own; its last column may be a long sentence."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    last = len(head) - 1
    body = "".join(
        "<tr>" + "".join(_cell(cell, place == last) for place, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    label = escape(caption, quote=True)
    inside = f'<table aria-label="{label}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="paw-scroll" tabindex="0" role="region" aria-label="{label}">{inside}</div>'


def small(text: str) -> str:
    """Small print."""
    return f'<p class="paw-small">{escape(text)}</p>'


def _cell(text: str, long: bool) -> str:
    return f"<td{' class=why' if long else ''}>{escape(text)}</td>"
