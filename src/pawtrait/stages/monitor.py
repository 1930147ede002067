"""Outside DVC, daily: what the service did and what people said of it → figures, alarms, a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pawtrait import champion, clock, newest, params, quarantine, samples
from pawtrait.adapters.store import database, feedback, forgetting, ledger, requests, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.requests import Request
from pawtrait.champion import Champion
from pawtrait.dataset import images, manifest
from pawtrait.dataset.manifest import Placed, Record
from pawtrait.errors import BadModel, BadParams
from pawtrait.files import write_text
from pawtrait.monitoring import alarms, drift, health, page, shown
from pawtrait.monitoring.drift import Finding
from pawtrait.monitoring.health import Health
from pawtrait.params import Params

BEFORE = timedelta(days=31)  # of requests before a month, in which somebody may wait for its retraining


@dataclass(frozen=True, slots=True)
class Watch:
    """What a look brought."""

    alarms: tuple[str, ...]  # a sentence each, those of drift first
    drift: tuple[str, ...]  # those of the alarms that are drift
    figures: Mapping[str, float]  # flat, as in the JSON file beside the page
    findings: tuple[Finding, ...]
    page: Path  # the HTML file
    waiting: int  # reviewed pictures that wait for a retraining
    enough: bool  # they are enough for one


@dataclass(frozen=True, slots=True)
class _Told:
    """What the store says."""

    asked: list[Request]  # in the days in question
    answered: list[Request]  # about pictures of a confirmed mood, in the longer time that feedback is about
    thumbs: list[feedback.StyleSaid]
    truths: dict[str, str]  # picture → confirmed mood
    waiting: int


def run(*, since: datetime, until: datetime, splits: Path, raw: Path, out: Path) -> Watch:
    """Look at the requests with since <= time < until; the page is ``out``/YYYY-MM-DD.html, of the last day.

    ``manifest.csv`` lies beside ``splits``; the pictures behind the model lie in ``raw``.

    Raises:
        BadData: a table is missing. BadStore: the store cannot be had.
    """
    knobs = params.load()
    own = knobs.monitor
    kept = Pictures()
    said = _read(since, until, kept, splits.with_name("manifest.csv"), knobs)
    policy = drift.Policy(
        own.alarm_rate, own.permutations, own.least, own.most, (knobs.seed, until.toordinal())
    )
    model, notes = _champion()
    largest = knobs.manifest.largest_pixels
    placed, records = _tables(splits)
    before, after = _brought(model)
    learned = [one for one in placed if records[one.path].id not in after]
    reference = samples.behind(learned, records, raw, model, policy=policy, largest_pixels=largest)
    days, more = samples.asked(said.asked, kept, model, policy=policy, largest_pixels=largest)
    findings = drift.look(reference, days, policy)
    known = (model.name, model.version) if model else None
    fresh = [one for one in said.answered if one.picture not in before]  # it knows what it learned from
    fares = health.assess(said.asked, fresh, said.truths, said.thumbs, known, own.level)
    drifted = tuple(alarms.of_drift(findings))
    heard = (*drifted, *alarms.of_health(fares, _bounds(own)))
    seen = page.Look(
        since=since,
        until=until,
        opinions=_opinions(since, until, own.opinion_days),
        model=f"{model.name} {model.version} ({model.model})" if model else "",
        alarms=heard,
        notes=[*notes, *more],
        rate=own.alarm_rate,
        findings=findings,
        reference=reference,
        days=days,
        health=fares,
        feedback=said.waiting,
    )
    figures = _figures(findings, fares, said.waiting)
    place = out / f"{seen.day}.html"
    wrong = samples.had((one.picture for one in fares.failures), kept, own.failures, largest_pixels=largest)
    pictures = {name: images.fit(picture, page.THUMBNAIL) for name, picture in wrong}
    write_text(place, page.render(seen, pictures, own.level))
    _note(place.with_suffix(".json"), seen, figures)
    _forget(out)
    enough = said.waiting >= own.enough_feedback
    return Watch(heard, drifted, figures, tuple(findings), place, said.waiting, enough)


def look(*, days: float, until: date | None, out: Path) -> Watch:
    """The days up to the end of ``until`` (UTC), or up to now, against the newest data here; as ``run``.

    Raises:
        BadParams: the day is still to come, so its page would stay the newest until then; too many days.
    """
    end = clock.now()
    if until:
        begun = datetime(until.year, until.month, until.day, tzinfo=UTC)
        if begun > end:
            raise BadParams(f"{begun:%Y-%m-%d} is in the future; expected {end:%Y-%m-%d} (UTC) at the latest")
        end = begun + timedelta(days=1)
    try:
        since = end - timedelta(days=days)
    except OverflowError as error:
        raise BadParams(f"{days} days reach back before the year 1; take fewer") from error
    place = newest.root()
    return run(since=since, until=end, splits=place / newest.SPLITS, raw=place / "data/raw", out=out)


def calendar(now: datetime) -> list[str]:
    """Why the retraining of the month before, or this month's, needs a person; nothing where none does.

    Raises:
        BadStore: the store cannot be had.
    """
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with database.opened() as engine:
        decisions = ledger.all(engine)
        before = any(one.time < first for one in decisions)
        before = before or requests.any_between(engine, first - BEFORE, first)
    of_month = [one.action for one in decisions if one.month == clock.month(now)]
    done = {one.month for one in decisions if one.month and one.action in alarms.DONE}
    told = (
        alarms.of_last_month(now, done),
        alarms.of_calendar(now, of_month, before, params.load().monitor.due_days),
    )
    return [*filter(None, told)]


def _opinions(since: datetime, until: datetime, days: int) -> datetime:
    """Since when feedback counts: so many days back, and in a longer look as far as that."""
    return min(since, until - timedelta(days=days))


def _read(since: datetime, until: datetime, kept: Pictures, known: Path, knobs: Params) -> _Told:
    early = _opinions(since, until, knobs.monitor.opinion_days)
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    with database.opened() as engine:
        waiting = quarantine.judge(engine, kept, known, policy, until)
        settled = {one.picture: one.label for one in settling.accepted(engine) if one.label}
        fresh = {one.picture: one.label for one in waiting.rulings if one.outcome == "accepted" and one.label}
        truths = settled | fresh
        return _Told(
            asked=requests.between(engine, since, until),
            answered=requests.about(engine, truths, early, until),
            thumbs=feedback.styles_between(engine, early, until),
            truths=truths,
            waiting=len(fresh),
        )


def _champion() -> tuple[Champion | None, list[str]]:
    """The champion, or a note that there is none."""
    try:
        return champion.read(), []
    except BadModel as error:
        return None, [f"answers are not compared: {error}"]


def _brought(model: Champion | None) -> tuple[set[str], set[str]]:
    """Pictures of feedback that the champion was trained with, and later ones that only others learned from.

    It was trained before the first decision on it, which may have made it wait for months. Both are empty
    where the ledger knows of none.
    """
    with database.opened() as engine:
        met = [one.time for one in ledger.all(engine) if model and one.version == model.version]
        accepted = settling.accepted(engine) if met else []
    after = {one.picture for one in accepted if one.time > met[0]}
    return {one.picture for one in accepted} - after, after


def _tables(splits: Path) -> tuple[list[Placed], dict[str, Record]]:
    """Which split each picture is in, and what is known of it, by path.

    While a month works, or failed, between its stages manifest and split, the splits are those of before: of
    what has left the source since nothing is known.
    """
    records = {one.path: one for one in manifest.read(splits.with_name("manifest.csv"), Record)}
    return [one for one in manifest.read(splits, Placed) if one.path in records], records


def _bounds(own: params.Monitor) -> alarms.Bounds:
    return alarms.Bounds(own.most_errors, own.least_right, own.slowest_ms.model_dump(), own.least)


def _note(path: Path, seen: page.Look, figures: Mapping[str, float]) -> None:
    """The same as numbers, for whoever draws them over time."""
    days = {"since": seen.since.isoformat(), "until": seen.until.isoformat()}
    report = {**days, "model": seen.model, "alarms": seen.alarms, "figures": figures}
    write_text(path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def _forget(pages: Path) -> None:
    """Take out what was forgotten while the page was made, or by a service that may not write pages."""
    with database.opened() as engine:
        shown.forget(pages, forgetting.pictures(engine))


def _figures(findings: Sequence[Finding], fares: Health, waiting: int) -> dict[str, float]:
    """Flat numbers for tables, events and history."""
    figures: dict[str, float] = {"requests": fares.requests, "feedback_waiting": waiting}
    figures |= {f"{one.what}_p": one.p for one in findings if one.p is not None}
    figures |= {f"{one.what}_distance": one.statistic for one in findings if one.statistic is not None}
    thumbs = ((f"thumbs_{row.method}", row.up) for row in fares.thumbs if not row.style)
    for name, one in (("errors", fares.errors[""]), ("right", fares.right), *thumbs):
        figures[f"{name}_count"] = one.count
        if one.share is not None and one.interval is not None:
            figures |= {name: one.share, f"{name}_low": one.interval.low, f"{name}_high": one.interval.high}
    for row in fares.waiting:
        figures |= {f"{row.kind}_ms_{q * 100:.0f}": value for q, value in row.quantiles.items()}
    return figures
