"""What goes to a reading process and comes back: which pictures, which moods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait.serving import wire
from pawtrait.serving.intake import Seen, Sent
from pawtrait.serving.places import Place
from pawtrait.serving.problems import Problem
from pawtrait.serving.reading import Read, Ready, Wanted

_ELSEWHERE = Seen(0, 0, 0.0, 0.0)  # what is known of a square in the process that did not decode it


def load(place: Place) -> dict[str, Any]:
    """A version that the process shall have."""
    said = {"model": _key(place), "name": place.name, "version": place.version, "digest": place.digest}
    return {"event": "load", **said, "folder": str(place.folder.absolute())}


def place(head: dict[str, Any]) -> Place:
    """The other side of ``load``."""
    return Place(head["name"], head["version"], head["digest"], Path(head["folder"]))


def asked(wanted: Sequence[Wanted], place: Place) -> wire.Message:
    """Files as they came, or squares that were decoded before."""
    said: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for one in wanted:
        if one.ready is not None and one.ready.square is not None:
            said.append({"size": list(one.ready.square.shape[:2]), "request": one.request})
            parts.append(one.ready.square.tobytes())
        else:
            said.append({"name": one.sent.name, "shown": one.shown, "request": one.request})
            parts.append(one.sent.data)
    return {"event": "read", "model": _key(place), "wanted": said}, parts


def wanted(head: dict[str, Any], parts: Sequence[bytes]) -> list[Wanted]:
    """The other side of ``asked``."""
    return [_one(said, part) for said, part in zip(head["wanted"], parts, strict=True)]


def answered(wanted: Sequence[Wanted], answers: Sequence[Read | Problem]) -> wire.Message:
    """Moods and what the service has to know of the pictures; pixels only for explanations."""
    parts: list[bytes] = []
    said = [_said(one, answer, parts) for one, answer in zip(wanted, answers, strict=True)]
    return {"event": "answers", "answers": said}, parts


def answers(wanted: Sequence[Wanted], head: dict[str, Any], parts: list[bytes]) -> list[Read | Problem]:
    """The other side of ``answered``."""
    return [_answer(one, said, parts) for one, said in zip(wanted, head["answers"], strict=True)]


def _key(place: Place) -> str:
    return f"{place.name} {place.version} {place.digest}"


def _one(said: dict[str, Any], part: bytes) -> Wanted:
    if "size" not in said:
        return Wanted(Sent(said["name"], part), said["shown"], request=said["request"])
    ready = Ready(_square(said["size"], part), _ELSEWHERE, b"", "", None)
    return Wanted(Sent("", b""), ready=ready, request=said["request"])


def _square(size: list[int], part: bytes) -> Any:
    return wire.unpacked([size], [part])[0]


def _said(wanted: Wanted, answer: Read | Problem, parts: list[bytes]) -> dict[str, Any]:
    if isinstance(answer, Problem):
        return {"problem": [answer.status, answer.kind, answer.detail, answer.headers]}
    said: dict[str, Any] = {"probabilities": answer.probabilities.tolist()}
    if wanted.ready is not None:
        return said
    ready = answer.ready
    said |= {"seen": list(_values(ready.seen)), "id": ready.id}
    if ready.data is not wanted.sent.data:
        said["data"] = len(parts)
        parts.append(ready.data)
    if ready.shown is not None and ready.square is not None:
        said["sizes"], pixels = wire.packed([ready.square, ready.shown])
        said["pixels"] = len(parts)
        parts += pixels
    return said


def _answer(wanted: Wanted, said: dict[str, Any], parts: list[bytes]) -> Read | Problem:
    if "problem" in said:
        return Problem(*said["problem"])
    probabilities = np.array(said["probabilities"], np.float32)
    if wanted.ready is not None:
        return Read(wanted.ready, probabilities)
    square, shown = None, None
    if "pixels" in said:
        square, shown = wire.unpacked(said["sizes"], parts[said["pixels"] : said["pixels"] + 2])
    data = parts[said["data"]] if "data" in said else wanted.sent.data
    return Read(Ready(square, Seen(*said["seen"]), data, said["id"], shown), probabilities)


def _values(seen: Seen) -> tuple[int, int, float, float]:
    return seen.width, seen.height, seen.brightness, seen.sharpness
