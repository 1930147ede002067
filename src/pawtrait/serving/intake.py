"""What comes in: bodies bounded while they are read, pictures looked at before they are decoded."""

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

import cv2
import numpy as np
from fastapi import Request
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadImage
from pawtrait.serving import anatomy, problems
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings

SIDE = 128  # px; light and sharpness are measured here, as in the manifest
OVERHEAD = 64_000  # bytes that a form may add to its files
MOST_FIELDS = 32
SAID = 16_384  # bytes of what is said without a picture
TEXT = r"^[^\x00]*$"  # what may be said: PostgreSQL takes every character but this
UNSEEN = 2**62  # more pixels than any header can say
ALPHABETS = (b"utf-8", b"utf8", b"us-ascii")  # that a form may say it is written in


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Sent:
    """One file as it came; the name is for people and never a path."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """What a request's body holds."""

    files: dict[str, list[Sent]]
    fields: dict[str, str]

    def all(self) -> list[Sent]:
        """Every file, whatever its field is called."""
        return [one for same in self.files.values() for one in same]


@dataclass(frozen=True, slots=True)
class Seen:
    """What monitoring wants to know of a picture; units as in ``store.tables.requests``."""

    width: int
    height: int
    brightness: float
    sharpness: float


async def form(request: Request, settings: Settings, *, most: int) -> Form:
    """Read a multipart form, or a raw body as one file of the field ``picture``.

    Raises:
        Problem: 413 too many bytes or files, 415 another kind of body, 400 a form that cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _multipart(request, settings, most)
    if kind.startswith("image/") or kind in ("application/octet-stream", ""):
        data = await body(request, settings.largest_bytes)
        return Form({"picture": [Sent("picture", data)]}, {})
    words = "expected a picture as the body with a Content-Type such as image/jpeg, or multipart/form-data"
    raise Problem(415, "unsupported-body", words)


async def body(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        Problem: 413 where it is longer than ``most`` bytes, as soon as that is known.
    """
    return b"".join([chunk async for chunk in _bounded(request, most)])


def decode(sent: Sent, settings: Settings) -> Pixels:
    """Decode a still picture within the limits: uint8 (H, W, 3), RGB, upright.

    Raises:
        Problem: 413 too many bytes or pixels, 415 not a still picture, 422 damaged.
    """
    if len(sent.data) > settings.largest_bytes:
        raise _too_long(settings.largest_bytes)
    if images.sniff(sent.data) == "jpeg":
        anatomy.check(sent.data, sent.name)
    else:
        look(sent, settings)
    try:
        return images.decode(sent.data, largest_pixels=settings.largest_pixels, name=sent.name)
    except BadImage as error:
        look(sent, settings)  # it knows better what is wrong
        raise Problem(422, "unreadable-picture", str(error)) from error


def look(sent: Sent, settings: Settings) -> tuple[int, int]:
    """Width and height by the header alone, before anything is decoded.

    Raises:
        Problem: as ``decode``.
    """
    if not images.sniff(sent.data):
        raise Problem(
            415, "not-a-picture", f"{sent.name}: expected JPEG, PNG, GIF, WebP, BMP or TIFF, by its content"
        )
    anatomy.check(sent.data, sent.name)
    try:
        picture = images.open_header(sent.data, largest_pixels=UNSEEN, name=sent.name)
    except BadImage as error:
        too_large = "make it smaller" in str(error)
        raise Problem(
            *((413, "too-many-pixels") if too_large else (422, "unreadable-picture")), str(error)
        ) from error
    try:
        images.check_size(*picture.size, largest_pixels=settings.largest_pixels, name=sent.name)
    except BadImage as error:
        raise Problem(413, "too-many-pixels", str(error)) from error
    if picture.format != "MPO" and getattr(
        picture, "is_animated", False
    ):  # MPO: a phone's still and its preview
        raise Problem(
            415, "not-a-still", f"{sent.name}: moving pictures are not read; send one still picture"
        )
    return picture.size


def square(pixels: Pixels, side: int) -> Pixels:
    """As ``images.resize``; what has that size already is given as it is."""
    return pixels if pixels.shape[:2] == (side, side) else images.resize(pixels, side)


def measure(pixels: Pixels) -> Seen:
    """What monitoring compares; the same figures as the manifest's."""
    grey = np.asarray(cv2.cvtColor(square(pixels, SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    return Seen(
        width=pixels.shape[1],
        height=pixels.shape[0],
        brightness=round(float(cv2.mean(grey)[0]), 2),
        sharpness=round(float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_64F))[1][0, 0]) ** 2, 2),
    )


def plain_name(name: str | None) -> str:
    """A file's own name for people: no folders, nothing unprintable, 255 characters at most."""
    last = PureWindowsPath(PurePosixPath(name or "").name).name
    return re.sub(r"[^\w .,()+@-]", "_", last)[:255] or "picture"


async def _multipart(request: Request, settings: Settings, most: int) -> Form:
    limit = most * settings.largest_bytes + OVERHEAD
    _check_alphabet(request)
    parser = MultiPartParser(
        request.headers,
        _bounded(request, limit),
        max_files=most,
        max_fields=MOST_FIELDS,
        max_part_size=16_384,
    )
    parser.spool_max_size = limit  # nothing of a picture touches a disk
    try:
        parsed = await parser.parse()
    except (MultiPartException, MultipartParseError) as error:
        said = str(getattr(error, "message", error))
        if said.startswith("Too many files"):
            raise Problem(413, "too-many-pictures", f"{most} pictures at most in one request") from error
        raise Problem(400, "bad-form", f"the form cannot be read: {said}") from error
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise Problem(400, "bad-form", "the form cannot be read; send multipart/form-data") from error
    files: dict[str, list[Sent]] = {}
    fields: dict[str, str] = {}
    try:
        for key, value in parsed.multi_items():
            if isinstance(value, UploadFile):
                if (value.size or 0) > settings.largest_bytes:
                    raise _too_long(settings.largest_bytes)
                files.setdefault(key, []).append(Sent(plain_name(value.filename), await value.read()))
            else:
                fields[key] = value
    finally:
        await parsed.close()
    return Form(files, fields)


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """A body piece by piece, refused as soon as it is known to be too long."""
    said, size = request.headers.get("content-length", ""), 0
    if said.isdigit() and int(said) > most:
        raise _too_long(most)
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_long(most)
        yield chunk


def _check_alphabet(request: Request) -> None:
    """Python keeps every name of an alphabet that it is asked for, and reads some of them for seconds."""
    _, said = parse_options_header(request.headers["content-type"])
    if said.get(b"charset", ALPHABETS[0]).lower() not in ALPHABETS:
        raise Problem(400, "bad-form", "the form cannot be read: expected UTF-8")


def _too_long(most: int) -> Problem:
    return Problem(413, "too-large", f"more than {most} bytes; make it smaller")


def checked(kind: type[Model], values: dict[str, Any]) -> Model:
    """Values as a model of theirs.

    Raises:
        Problem: 422 with what is wrong with each.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise problems.invalid(error.errors()) from error


def json_object(data: bytes) -> dict[str, Any]:
    """A body as a JSON object.

    Raises:
        Problem: 400 where it is none.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad-json", "the body is no JSON") from error
    if not isinstance(found, dict):
        raise Problem(400, "bad-json", "expected a JSON object")
    return found
