"""What drift is looked for between: pictures and answers behind the model, and those of some days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

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
from pawtrait.monitoring import descriptors, drift
from pawtrait.monitoring.drift import Policy, Side

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
    training = _one_a_group([one for one in placed if one.split == "train"], policy)
    held_out = _one_a_group([one for one in placed if one.split != "train"], policy)
    seen = [records[one.path] for one in training]
    numbers = _numbers((one.brightness, one.sharpness, one.width, one.height) for one in seen)
    pictures = (
        images.read(raw / one.path, largest_pixels=largest_pixels)
        for one in drift.drawn(training, policy.most, policy.seed)
    )
    labels: list[str] = []
    if model:
        labels, numbers["confidence"] = _answers(model, held_out, raw, policy, largest_pixels)
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
    numbers = _numbers((one.brightness, one.sharpness, one.width, one.height) for one in fine)
    order = np.random.default_rng(list(policy.seed)).permutation(len(fine))
    names = [fine[index].picture or "" for index in order[: TRIES * policy.most]]
    pictures = _described(
        picture for _, picture in had(filter(None, names), kept, policy.most, largest_pixels=largest_pixels)
    )
    own = [
        one for one in fine if model and (one.model_name, one.model_version) == (model.name, model.version)
    ]
    numbers["confidence"] = [one.confidence for one in own if one.confidence is not None]
    notes = [f"{len(fine)} different pictures were asked about; {len(pictures)} were kept and looked at."]
    if model and len(own) < len(fine):
        notes.append(f"{len(fine) - len(own)} answers are not the champion's and are not compared.")
    return Side(numbers, pictures, [one.label for one in own if one.label is not None]), notes


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


def _answers(
    model: Champion, pictures: Sequence[Placed], raw: Path, policy: Policy, largest_pixels: int
) -> tuple[list[str], list[float]]:
    """The model's moods for these pictures, and how sure it is of each."""
    classifier = Classifier.load(Path(model.folder))
    squares = [
        images.resize(images.read(raw / one.path, largest_pixels=largest_pixels), classifier.side)
        for one in drift.drawn(pictures, policy.most, policy.seed)
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
    order = np.random.default_rng(list(policy.seed)).permutation(len(placed))
    chosen = {placed[index].group: placed[index] for index in order}
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
