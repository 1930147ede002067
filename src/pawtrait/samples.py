"""What drift is looked for between: pictures and answers behind the model, and those of some days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.requests import Request
from pawtrait.champion import Champion
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed, Record
from pawtrait.errors import BadImage, BadStore
from pawtrait.monitoring import descriptors
from pawtrait.monitoring.drift import Policy, Side

T = TypeVar("T")
TRIES = 4  # for each picture that is wanted, so many are asked for; the service need not keep them all


def behind(
    placed: Sequence[Placed],
    records: Mapping[str, Record],
    raw: Path,
    model: Champion | None,
    *,
    policy: Policy,
    largest_pixels: int,
) -> Side:
    """The training split's pictures, and the champion's answers to held-out ones; one a group of copies.

    Not its answers to training pictures: of what it learned from, it is surer than of anything it will meet.
    ``records`` are by path. Without a champion there are no answers.

    Raises:
        BadModel: the champion's folder is missing or damaged.
    """
    training = drawn(_one_a_group([one for one in placed if one.split == "train"], policy), policy)
    held_out = drawn(_one_a_group([one for one in placed if one.split != "train"], policy), policy)
    seen = [records[one.path] for one in training]
    numbers = _numbers((one.brightness, one.sharpness, one.width, one.height) for one in seen)
    pictures = (images.read(raw / one.path, largest_pixels=largest_pixels) for one in training)
    labels: list[str] = []
    if model and held_out:
        labels, numbers["confidence"] = _answers(model, held_out, raw, largest_pixels)
    return Side(numbers, _described(pictures), labels)


def asked(
    requests: Sequence[Request],
    kept: Pictures,
    model: Champion | None,
    *,
    policy: Policy,
    largest_pixels: int,
) -> tuple[Side, list[str]]:
    """What people asked about, one request a picture, and what a reader should know of it.

    Answers are those of the champion alone: another version would itself look like drift.
    """
    fine = _one_a_picture([one for one in requests if one.kind == "predict" and one.outcome == "ok"])
    mine = [
        one for one in fine if model and (one.model_name, one.model_version) == (model.name, model.version)
    ]
    chosen, own = drawn(fine, policy), drawn([one for one in mine if _answered(one)], policy)
    numbers = _numbers((one.brightness, one.sharpness, one.width, one.height) for one in chosen)
    numbers["confidence"] = [one.confidence or 0.0 for one in own]
    names = (one.picture for one in (*chosen, *_spare(fine, policy)) if one.picture)
    shown = had(names, kept, policy.most, largest_pixels=largest_pixels)
    pictures = _described(picture for _, picture in shown)
    notes = [
        f"{len(fine)} different pictures were asked about; {len(pictures)} of those kept were looked at."
    ]
    if model and len(mine) < len(fine):
        notes.append(f"{len(fine) - len(mine)} answers are not the champion's and are not compared.")
    return Side(numbers, pictures, [one.label or "" for one in own]), notes


def had(
    names: Iterable[str], kept: Pictures, most: int, *, largest_pixels: int
) -> Iterator[tuple[str, images.Pixels]]:
    """Decode the first ``most`` of the pictures that can be had; what was forgotten is passed over."""
    found = 0
    for name in names:
        if found == most:
            return
        try:
            picture = images.decode(kept.get(name), largest_pixels=largest_pixels, name=name[:16])
        except (BadStore, BadImage):
            continue
        found += 1
        yield name, picture


def drawn(rows: Sequence[T], policy: Policy) -> list[T]:
    """At most ``policy.most`` of the rows, each as likely as any other, in their order."""
    return [rows[index] for index in sorted(_shuffled(len(rows), policy)[: policy.most])]


def _spare(rows: Sequence[T], policy: Policy) -> list[T]:
    """Rows to go on with where pictures of the drawn ones were not kept; early and late ones alike."""
    return [rows[index] for index in _shuffled(len(rows), policy)[policy.most : TRIES * policy.most]]


def _shuffled(count: int, policy: Policy) -> list[int]:
    order: list[int] = np.random.default_rng(list(policy.seed)).permutation(count).tolist()
    return order


def _answered(one: Request) -> bool:
    return one.label in LABELS and one.confidence is not None


def _answers(
    model: Champion, pictures: Sequence[Placed], raw: Path, largest_pixels: int
) -> tuple[list[str], list[float]]:
    """The model's moods for these pictures, and how sure it is of each."""
    classifier = Classifier.load(Path(model.folder))
    squares = [
        images.resize(images.read(raw / one.path, largest_pixels=largest_pixels), classifier.side)
        for one in pictures
    ]
    said = classifier.probabilities(np.array(squares, np.uint8))
    return [LABELS[index] for index in said.argmax(axis=1)], said.max(axis=1).astype(float).tolist()


def _numbers(
    rows: Iterable[tuple[float | None, float | None, int | None, int | None]],
) -> dict[str, list[float]]:
    """Brightness, sharpness and size of what was measured; size is a square's side of equal area, in px."""
    whole = [(b, s, (w * h) ** 0.5) for b, s, w, h in rows if b is not None and s is not None and w and h]
    return {
        name: [row[place] for row in whole] for place, name in enumerate(("brightness", "sharpness", "size"))
    }


def _one_a_group(placed: Sequence[Placed], policy: Policy) -> list[Placed]:
    """A picture of each group, each as likely as its copies."""
    chosen = {placed[index].group: placed[index] for index in _shuffled(len(placed), policy)}
    return sorted(chosen.values(), key=lambda one: one.path)


def _one_a_picture(requests: Sequence[Request]) -> list[Request]:
    """The first request about each picture; one without a picture's name counts by itself."""
    first: dict[str, Request] = {}
    for one in requests:
        first.setdefault(one.picture or one.id, one)
    return list(first.values())


def _described(pictures: Iterable[images.Pixels]) -> NDArray[np.float32]:
    """float32 (N, descriptors.LENGTH); one picture at a time is in memory."""
    rows = [descriptors.describe(picture) for picture in pictures]
    return np.array(rows, np.float32).reshape(len(rows), descriptors.LENGTH)
