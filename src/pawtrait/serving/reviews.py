"""``/v1/reviews``: the blind queue. Nobody learns what the model or a user said before they have answered."""

import logging
import threading
import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from pawtrait import clock, params, reviewing
from pawtrait.adapters.store import database, feedback, settling
from pawtrait.adapters.store.database import Engine
from pawtrait.adapters.store.pictures import NAME, Damaged, NoPicture, Pictures
from pawtrait.dataset import feedback as ruling
from pawtrait.dataset import labelled, manifest, rules, scan
from pawtrait.dataset.feedback import Candidate
from pawtrait.dataset.manifest import Record
from pawtrait.errors import BadData, BadStore
from pawtrait.evaluation import agreement as beyond_chance
from pawtrait.params import Validate
from pawtrait.serving import access, intake, told
from pawtrait.serving.door import Door
from pawtrait.serving.problems import Problem

router = APIRouter()
log = logging.getLogger(__name__)

FRESH = 5.0  # seconds that a look at the queue is good for
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=intake.TEXT)]


class Verdict(BaseModel):
    """What a reviewer saw in a picture."""

    model_config = ConfigDict(extra="forbid")

    picture: Annotated[str, Field(pattern=NAME.pattern + "$", max_length=64)]
    reviewer: Name
    verdict: Literal["happy", "sad", "angry", "other", "unusable"]
    reason: Annotated[str, Field(max_length=500, pattern=intake.TEXT)] | None = None


@router.get("/v1/reviews/next", **told.NEXT)
async def next_picture(request: Request, reviewer: Name) -> Response:
    """The picture that this reviewer should look at now; 204 where none waits."""
    access.allow(request, "review")
    who = _person(request, reviewer)
    door: Door = request.app.state.door
    waiting = await door.judges.run(Queue(door).of, who)
    for picture in waiting:
        if await door.keepers.run(_whole, door.pictures, picture):
            found = {"picture": picture, "url": f"/v1/pictures/{picture}", "waiting": len(waiting)}
            return JSONResponse(found)
    return Response(status_code=204)


@router.post("/v1/reviews", status_code=201, **told.review(Verdict))
async def review(request: Request) -> JSONResponse:
    """Say what a picture shows; the answer tells what the model and others had said.

    A reviewer's first verdict on a picture stands: the same again changes nothing, another one is refused.
    """
    access.allow(request, "review")
    door: Door = request.app.state.door
    said = intake.checked(Verdict, intake.json_object(await intake.body(request, intake.SAID)))
    row = reviewing.review(said.picture, _person(request, said.reviewer), said.verdict, said.reason)
    about, stored = await door.readers.run(_about, door, row)
    if not about:
        raise Problem(404, "unknown-picture", "nobody sent this picture for training, or it was deleted")
    try:
        first = await door.writers.run(Queue(door).keep, row, stored)
    except OSError as error:
        raise Problem(507, "no-space", "this could not be saved; try again later") from error
    if first != row.verdict:  # which verdict it was is not told: not every key is one person's
        raise Problem(
            409, "judged-before", f"{row.reviewer} has judged this picture already; a first verdict stands"
        )
    return JSONResponse({"id": row.id, **_others(about)}, 201)


@router.get("/v1/reviews", **told.REVIEWS)
async def agreement(request: Request) -> JSONResponse:
    """How many pictures wait, how many verdicts there are, and how far reviewers agree."""
    access.allow(request, "review")
    door: Door = request.app.state.door
    waiting = await door.judges.run(Queue(door).of, None)
    return JSONResponse({"waiting": len(waiting), **await door.readers.run(_agreement, door)})


def _whole(kept: Pictures, picture: str) -> bool:
    """Whether it can be shown; one that was deleted or damaged holds up none behind it."""
    try:
        kept.get(picture)
    except NoPicture:
        return False
    except Damaged as error:
        log.error("%s", error)
        return False
    return True


def _person(request: Request, named: str) -> str:
    """Who reviews. One person's key reviews by its own name: else they could be two reviewers who agree."""
    who, own = labelled.person(named), access.own_name(request)
    if own is not None and labelled.person(own) != who:
        raise Problem(403, "another-reviewer", f"the key {own} reviews as {own}, not as {who}")
    return who


class Queue:
    """The pictures that wait for reviewers, looked at anew every few seconds."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._seen: _Cache = door.shared.setdefault("reviews", _Cache())

    def of(self, reviewer: str | None) -> list[str]:
        """What a reviewer may still see, those nearest to a decision first; for ``Door.judges``.

        A look takes long, and whoever answers may have to wait for a disk: neither waits for the other.
        """
        if time.monotonic() > self._seen.until:
            self._seen.rulings, self._seen.candidates = _judged(self._door)
            self._seen.until = time.monotonic() + FRESH
        found = ruling.queue(self._seen.rulings, self._seen.candidates, reviewer)
        return [one for one in found if (reviewer, one) not in self._seen.answered]

    def keep(self, row: feedback.Review, stored: str | None) -> str:
        """Write a verdict down where it is the reviewer's first on the picture; give the first.

        One after the other, for some milliseconds each: of two at the same moment the second sees the first,
        which may still be on its way to the database. One that could not be written down was none.

        Args:
            stored: the reviewer's verdict that the database knows.

        Raises:
            OSError: it cannot be kept.
        """
        with self._seen.writing:
            mine = row.reviewer, row.picture
            first = self._seen.answered.get(mine) or stored or row.verdict
            if first == row.verdict:
                self._door.keep(row)
                self._seen.answered[mine] = first
            return first


class _Cache:
    def __init__(self) -> None:
        self.writing = threading.Lock()  # held while a verdict goes to the disk
        self.until = 0.0
        self.rulings: list[ruling.Ruling] = []
        self.candidates: dict[str, Candidate] = {}
        self.answered: dict[tuple[str | None, str], str] = {}  # reviewer and picture → verdict


def _judged(door: Door) -> tuple[list[ruling.Ruling], dict[str, Candidate]]:
    """What becomes of everything in quarantine as things stand, by the rules of the pipeline."""
    knobs = params.load(door.settings.params)
    known = _manifest(door)
    with database.opened(door.settings.database) as engine:
        waiting = settling.candidates(engine, clock.now())
        earlier = settling.earlier(engine)
        within = ruling.to_look_at(waiting, earlier, knobs.feedback.client_pictures)
        patience = door.settings.timeout / 2
        looked = _looked(engine, door.pictures, within, knobs.manifest.largest_pixels, patience)
        accepted = [looked[one.picture] for one in settling.accepted(engine) if one.picture in looked]
    looks = {one.picture: looked[one.picture] for one in waiting if one.picture in looked}
    ids = {record.id for record in known}
    rulings = ruling.judge(
        waiting,
        {name: said for name, record in looks.items() if (said := _problem(record, knobs.validate_))},
        looks,
        [*known, *(record for record in accepted if record.id not in ids)],
        earlier,
        knobs=knobs.feedback,
        distances=(knobs.manifest.dhash_distance, knobs.manifest.phash_distance),
    )
    return rulings, {one.picture: one for one in waiting}


def _manifest(door: Door) -> list[Record]:
    """The data set's pictures, whose copies need no review; none where no data set is at hand."""
    try:
        return ruling.of_the_set(manifest.read(door.settings.manifest, Record))
    except BadData:
        return []


def _looked(
    engine: Engine, kept: Pictures, waiting: list[Candidate], largest: int, patience: float
) -> dict[str, Record]:
    """Records by picture; what nobody has looked at yet is looked at now, for as many seconds.

    What is left then is held until the next look, and whoever asked for the queue is answered in time.
    """
    known = settling.looked(engine)
    until = time.monotonic() + patience
    for one in waiting:
        if time.monotonic() > until:
            break
        if one.picture not in known and kept.has(one.picture):
            try:
                data = kept.get(one.picture)
            except BadStore as error:
                log.warning("%s", error)
                continue
            place = f"{ruling.HOME}/{one.picture}"
            record = scan.look(
                data, place, label="", published="", source=manifest.FEEDBACK, largest_pixels=largest
            )
            settling.look(engine, [record], clock.now())
            known[one.picture] = record
    return known


def _problem(record: Record, knobs: Validate) -> str:
    """What is wrong with a picture by itself; the month's collection has the last word on it."""
    table = ruling.by_itself([record], knobs)
    [row] = table.rows
    return "; ".join(rule.sentence.format(**row) for rule in table.rules if _broken(rule, row[rule.column]))


def _broken(rule: rules.Rule, value: Any) -> bool:
    if value is None:
        return False
    if rule.allowed is not None and value not in rule.allowed:
        return True
    return (rule.least is not None and value < rule.least) or (rule.most is not None and value > rule.most)


def _about(door: Door, row: feedback.Review) -> tuple[list[feedback.Said], str | None]:
    """What was said of a picture that is being judged, and the same reviewer's earlier verdict."""
    with database.opened(door.settings.database) as engine:
        return feedback.about(engine, row.picture), feedback.verdict(engine, row.id)


def _others(said: list[feedback.Said]) -> dict[str, list[str]]:
    """What the model and people had said, told once the reviewer has answered."""
    return {
        "model": sorted({one.predicted for one in said if one.predicted}),
        "people": sorted({one.label for one in said if one.label}),
    }


def _agreement(door: Door) -> dict[str, Any]:
    with database.opened(door.settings.database) as engine:
        verdicts = feedback.verdicts(engine)
    return {
        "verdicts": sum(map(len, verdicts.values())),
        "reviewers": len(verdicts),
        "pairs": [asdict(one) for one in beyond_chance.between(verdicts)],
    }
