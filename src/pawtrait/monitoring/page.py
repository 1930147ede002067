"""The monitoring page: one HTML file with everything in it and nothing fetched from elsewhere."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jinja2 import ChoiceLoader, PackageLoader
from PIL import Image

from pawtrait.dataset import images
from pawtrait.evaluation import page
from pawtrait.evaluation.page import Picture, drawn
from pawtrait.monitoring import charts
from pawtrait.monitoring.drift import Finding, Side
from pawtrait.monitoring.health import Answer, Health, Thumbs

THUMBNAIL = 180  # px of the longer side
QUALITY = 80  # of its JPEG
MOST_THUMBS = 30  # rows of the chart of thumbs; more only where there are more methods
INSTANT = timedelta(microseconds=1)  # before `until`, which no longer counts


@dataclass(frozen=True, slots=True)
class Look:
    """What the page is about.

    Attributes:
        since, until: the days in question, in UTC.
        opinions: since when feedback counts.
        model: name and version of the champion, or "".
        alarms: sentences; none is good news.
        notes: what a reader should know of the data: how many pictures there were to look at.
        reference, days: what was compared.
        feedback: how many reviewed pictures wait for a retraining.
    """

    since: datetime
    until: datetime
    opinions: datetime
    model: str
    alarms: Sequence[str]
    notes: Sequence[str]
    rate: float
    findings: Sequence[Finding]
    reference: Side
    days: Side
    health: Health
    feedback: int

    @property
    def day(self) -> str:
        """The last day that counts, YYYY-MM-DD."""
        return f"{self.until - INSTANT:%Y-%m-%d}"


def render(look: Look, pictures: Mapping[str, images.Pixels], level: float) -> str:
    """The page, as HTML.

    Args:
        pictures: SHA-256 → uint8 (H, W, 3), RGB, of the failures to show; what was forgotten is missing.
        level: of the intervals.
    """
    environment = page.environment()
    environment.loader = ChoiceLoader(
        [PackageLoader("pawtrait.monitoring"), PackageLoader("pawtrait.evaluation")]
    )
    health = look.health
    return environment.get_template("monitor.html").render(
        look=look,
        health=health,
        level=level,
        days=max(round((look.until - look.since).total_seconds() / 86400), 1),
        drift_charts=_drift_charts(look),
        use_charts=_use_charts(health),
        thumbs=_thumbs(health),
        failures=[_frame(one, pictures[one.picture]) for one in health.failures if one.picture in pictures],
    )


def thumbnail(pixels: images.Pixels) -> Picture:
    """uint8 (H, W, 3) as a small JPEG in a data URI; of the file nothing but its pixels."""
    small = Image.fromarray(images.fit(pixels, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture("", src=f"data:image/jpeg;base64,{code}", size=small.size)


def most_voted(rows: Sequence[Thumbs], most: int) -> list[Thumbs]:
    """All methods as a whole, and of styles those with the most votes, so many in all; in their order."""
    first = sorted(rows, key=lambda row: (row.style != "", -row.up.count))
    methods = sum(row.style == "" for row in rows)
    shown = first[: max(most, methods)]
    return [row for row in rows if row in shown]


def _frame(answer: Answer, pixels: images.Pixels) -> tuple[Answer, Picture]:
    return answer, thumbnail(pixels)


def _drift_charts(look: Look) -> list[Picture]:
    shown = []
    for what, values in look.days.numbers.items():
        before = look.reference.numbers.get(what)
        if values and before:
            caption = f"{what.capitalize()}: the share of pictures at or below each value"
            shown.append(drawn(charts.distribution(before, values), f"{what} then and now", caption))
    if look.days.labels and look.reference.labels:
        figure = charts.answers(look.reference.labels, look.days.labels)
        shown.append(drawn(figure, "Answers then and now", "Moods among the model’s answers"))
    return shown


def _use_charts(health: Health) -> list[Picture]:
    if not health.requests:
        return []
    shown = [
        drawn(charts.hours(health.use.hours), "Requests by hour", "Requests by the hour of the day, in UTC")
    ]
    if any(health.use.sizes.values()):
        shown.append(
            drawn(charts.sizes(health.use.sizes), "Pictures by size", "Pictures by their longer side, in px")
        )
    return shown


def _thumbs(health: Health) -> Picture | None:
    if not health.thumbs:
        return None
    rows = most_voted(health.thumbs, MOST_THUMBS)
    caption = "Thumbs up with their intervals: each method in bold, its styles below it"
    if left := len(health.thumbs) - len(rows):
        caption += f"; {left} more with fewer votes are not shown"
    return drawn(charts.thumbs(rows), "Thumbs up by method and style", caption)
