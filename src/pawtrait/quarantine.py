"""Pictures that people sent, on their way to training data: looked at, judged, never touched.

Gathers what ``dataset.feedback`` decides on: the store's rows, the pictures' records, the manifest.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pawtrait import clock, progress
from pawtrait.adapters.expectations import Checker
from pawtrait.adapters.store import settling
from pawtrait.adapters.store.database import Engine
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import feedback, manifest, scan
from pawtrait.dataset.feedback import Candidate, Ruling
from pawtrait.dataset.manifest import Record
from pawtrait.errors import BadStore
from pawtrait.params import Feedback, Manifest, Validate

log = logging.getLogger(__name__)

FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """The sections of params.yaml that judge a picture."""

    feedback: Feedback
    sound: Validate
    alike: Manifest


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What is in quarantine and what becomes of it as things stand; rulings are oldest first."""

    candidates: Mapping[str, Candidate]
    rulings: Sequence[Ruling]

    def count(self, outcome: str) -> int:
        """How many pictures have an outcome."""
        return sum(ruling.outcome == outcome for ruling in self.rulings)


def look(engine: Engine, pictures: Pictures, policy: Policy) -> int:
    """Look at every picture that nobody has looked at yet, and give how many these were.

    Of each client at the first ``client_pictures`` of a month: those after them are rejected unseen.
    """
    known, most = settling.looked(engine), policy.feedback.client_pictures
    within = feedback.to_look_at(settling.candidates(engine, FAR), settling.earlier(engine), most)
    new = [one.picture for one in within if one.picture not in known]
    there = [name for name in new if pictures.has(name)]
    seen = 0
    for name in progress.track(there, total=len(there), what="looking at pictures"):
        try:
            data = pictures.get(name)
        except BadStore as error:
            log.warning("%s", error)  # it waits until somebody has mended it
            continue
        place = f"{feedback.HOME}/{name}"
        largest = policy.alike.largest_pixels
        record = scan.look(
            data, place, label="", published="", source=manifest.FEEDBACK, largest_pixels=largest
        )
        settling.look(engine, [record], clock.now())
        seen += 1
    return seen


def judge(
    engine: Engine,
    pictures: Pictures,
    known: Path,
    policy: Policy,
    until: datetime = FAR,
    month: str | None = None,
) -> Quarantine:
    """Rule on everything that was sent before ``until``; ``known`` is the data set's manifest.

    ``month`` (YYYY-MM) is the one that is to be settled; what parts of it accepted counts towards shares.

    Raises:
        BadData: there is no manifest, so that nobody can tell whether a picture is a copy of a test picture.
    """
    dataset = feedback.of_the_set(manifest.read(known, Record))
    looked = settling.looked(engine)
    waiting = settling.candidates(engine, until)
    looks = {one.picture: looked[one.picture] for one in waiting if one.picture in looked}
    looks = {name: record for name, record in looks.items() if pictures.has(name)}
    ids = {record.id for record in dataset}
    accepted = [looked[one.picture] for one in settling.accepted(engine) if one.picture in looked]
    rulings = feedback.judge(
        waiting,
        _problems(list(looks.values()), policy.sound),
        looks,
        [*dataset, *(record for record in accepted if record.id not in ids)],
        settling.earlier(engine),
        knobs=policy.feedback,
        month=month,
        distances=(policy.alike.dhash_distance, policy.alike.phash_distance),
    )
    return Quarantine({one.picture: one for one in waiting}, rulings)


def _problems(records: Sequence[Record], knobs: Validate) -> dict[str, str]:
    """The same rules as for any picture, judged by the same engine; what is wrong with each."""
    if not records:
        return {}
    sentences: dict[str, list[str]] = {}
    for found in Checker().check(feedback.by_itself(records, knobs)):
        sentences.setdefault(found.key.removeprefix(f"{feedback.HOME}/"), []).append(found.sentence)
    return {name: "; ".join(said) for name, said in sentences.items()}
