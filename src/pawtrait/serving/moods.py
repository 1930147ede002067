"""``POST /v1/moods``: pictures in, moods out."""

import asyncio
import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from pawtrait import clock
from pawtrait.adapters.store import requests
from pawtrait.errors import BadModel
from pawtrait.serving import access, intake, problems, told
from pawtrait.serving.door import Door
from pawtrait.serving.intake import Form, Sent
from pawtrait.serving.metrics import Metrics
from pawtrait.serving.models import Served
from pawtrait.serving.problems import Problem
from pawtrait.serving.reading import Read

router = APIRouter()
log = logging.getLogger(__name__)

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


@router.post("/v1/moods", **told.MOODS)
async def moods(request: Request) -> JSONResponse:
    """Read the mood of one picture or of several; its time is ours, not that in which its sender uploads."""
    door: Door = request.app.state.door
    access.allow(request, "read")
    served = _served(door, request.state.id)
    form = await intake.form(request, door.settings, most=door.settings.most_pictures)
    began = time.perf_counter()
    consent, explain = flag(request, form, "consent"), flag(request, form, "explain")
    sent = form.all()
    if not sent:
        raise Problem(422, "no-picture", "expected one picture at least, in the field pictures")
    with door.explainers.room(len(sent)) if explain else nullcontext():
        try:
            answered = await door.batcher.read(sent, served, shown=explain)
        except Problem as problem:
            _note_all(door, request.state.id, sent, problem, began)
            raise
        name, metrics = request.state.id, request.app.state.metrics
        asked = _Asked(door, metrics, served, name, clock.now(), began, len(sent), consent, explain)
        answers = await asked.answers(sent, answered)
    if len(sent) == 1 and isinstance(answered[0], Problem):
        raise answered[0]
    spent = (time.perf_counter() - began) * 1000
    return JSONResponse({"answers": answers, "model": served.told(), "milliseconds": round(spent, 1)})


def _served(door: Door, name: str) -> Served:
    """The champion; without one the request is written down all the same, since monitoring reads only that.

    Raises:
        Problem: 503, there is none.
    """
    began = time.perf_counter()
    try:
        return door.models.now()
    except BadModel as error:
        problem = problems.of(error)
        door.note(_failed(name, clock.now(), None, problem, _since(began)))
        raise problem from error


def flag(request: Request, form: Form, name: str) -> bool:
    """Yes or no, from the query or the form.

    Raises:
        Problem: 422 where it is neither.
    """
    said = request.query_params.get(name, form.fields.get(name, "")).strip().lower()
    if said not in (*YES, *NO):
        raise Problem(422, "invalid-request", f"{name}: expected true or false")
    return said in YES


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all answers of one request share."""

    door: Door
    metrics: Metrics
    served: Served
    request: str
    now: datetime
    began: float
    count: int
    consent: bool
    explain: bool

    async def answers(self, sent: list[Sent], answered: list[Read | Problem]) -> list[dict[str, Any]]:
        """The answers to all pictures, made side by side."""
        both = enumerate(zip(sent, answered, strict=True))
        return await asyncio.gather(*(self._answer(number, one, got) for number, (one, got) in both))

    async def _answer(self, number: int, sent: Sent, got: Read | Problem) -> dict[str, Any]:
        """The answer to one picture, which is written down on the way."""
        name = self.request if self.count == 1 else f"{self.request}-{number}"
        if isinstance(got, Problem):
            self.door.note(_failed(name, self.now, sent, got, _since(self.began)))
            return _EMPTY | {"request": name, "name": sent.name, "problem": got.body()}
        labels: list[str] = self.served.classifier.facts["labels"]
        best = int(got.probabilities.argmax())
        confidence = float(got.probabilities[best])
        kept = self.consent and await self.door.kept(got.ready.data)
        unsure = confidence < self.door.settings.unsure
        explained = await self._explained(got, best) if self.explain else None
        self._note(name, got, labels[best], confidence)
        self.metrics.mood(labels[best], self.served.place.version, unsure)
        return {
            "request": name,
            "picture": got.ready.id,
            "name": sent.name,
            "label": labels[best],
            "unsure": unsure,
            "confidence": round(confidence, 6),
            "probabilities": {
                label: round(float(p), 6) for label, p in zip(labels, got.probabilities, strict=True)
            },
            "kept": kept,
            "explanation": explained,
            "problem": None,
        }

    async def _explained(self, got: Read, mood: int) -> dict[str, str] | None:
        """The heat map; what fails here costs the explanation, not the answer."""
        square, shown = got.ready.square, got.ready.shown
        if square is None or shown is None:
            raise AssertionError("pictures for an explanation were asked for")
        try:
            async with asyncio.timeout(self.door.settings.timeout):
                work = self.door.explainers.explain(self.served, square, shown, mood)
                return await asyncio.wrap_future(work)
        except Exception:
            log.exception("a picture could not be explained")
            return None

    def _note(self, name: str, got: Read, label: str, confidence: float) -> None:
        seen = got.ready.seen
        self.door.note(
            requests.Request(
                id=name,
                time=self.now,
                kind="predict",
                outcome="ok",
                latency_ms=_since(self.began),
                picture=got.ready.id,
                width=seen.width,
                height=seen.height,
                bytes=len(got.ready.data),
                brightness=seen.brightness,
                sharpness=seen.sharpness,
                model_name=self.served.place.name,
                model_version=self.served.place.version,
                label=label,
                confidence=confidence,
            )
        )


_EMPTY = {
    "picture": None,
    "label": None,
    "unsure": True,
    "confidence": None,
    "probabilities": None,
    "kept": False,
    "explanation": None,
}


def _since(began: float) -> float:
    """Milliseconds."""
    return round((time.perf_counter() - began) * 1000, 3)


def _failed(name: str, now: datetime, sent: Sent | None, problem: Problem, spent: float) -> requests.Request:
    """Without the picture's hash: that of a file with its notes is none by which anybody could delete it."""
    return requests.Request(
        id=name,
        time=now,
        kind="predict",
        outcome="error",
        error_kind=problem.kind,
        latency_ms=spent,
        bytes=len(sent.data) if sent else None,
    )


def _note_all(door: Door, request: str, sent: list[Sent], problem: Problem, began: float) -> None:
    """A request that got no answer; one that was turned away at once is counted in the metrics only."""
    if problem.status != 429:
        spent = _since(began)
        for number, one in enumerate(sent):
            door.note(_failed(f"{request}-{number}", clock.now(), one, problem, spent))
