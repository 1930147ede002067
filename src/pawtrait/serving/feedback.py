"""``POST /v1/feedback``: what people say is on the disk before they are thanked."""

import json
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pawtrait import clock
from pawtrait.adapters.store.feedback import Said, StyleSaid
from pawtrait.adapters.store.pictures import NAME
from pawtrait.adapters.store.tables import STYLE
from pawtrait.serving import access, intake, privacy, told
from pawtrait.serving.door import Door
from pawtrait.serving.intake import Sent
from pawtrait.serving.problems import Problem

router = APIRouter()

Mood = Literal["happy", "sad", "angry", "other"]
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
Thumbs = Literal[1, -1]
THUMBS: dict[str, Any] = {"1": 1, "+1": 1, "-1": -1, "": None}
WORDS: dict[str, Any] = {"true": True, "false": False, "": None}
ELSE = "if left out, as in the answer that `request` names"
Style = Annotated[  # a painting's name, as requests have it in the store
    str, Field(max_length=255, pattern=intake.TEXT), AfterValidator(lambda name: name[:STYLE])
]


class AboutMood(BaseModel):
    """A mood that somebody sees in a picture, or a thumb for the model's."""

    model_config = ConfigDict(extra="forbid")

    request: Id | None = None
    picture: Annotated[str, Field(pattern=NAME.pattern + "$", max_length=64)] | None = None
    label: Mood | None = None
    thumbs: Thumbs | None = None
    predicted: Mood | None = Field(None, description=ELSE)
    model_version: Annotated[str, Field(max_length=16, pattern=intake.TEXT)] | None = Field(
        None, description=ELSE
    )
    name: Annotated[str, Field(max_length=255, description="the file's; kept with consent alone")] = ""
    consent: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "AboutMood":
        if self.label is None and self.thumbs is None:
            raise ValueError("give a label or thumbs")
        return self


class AboutPortrait(BaseModel):
    """A thumb for a portrait."""

    model_config = ConfigDict(extra="forbid")

    request: Id | None = None
    method: Literal["nst", "fast", "hybrid", "cyclegan"]
    style: Style = ""
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    thumbs: Annotated[
        Thumbs, Field(description="needed of a portrait, and of a mood where there is no label")
    ]
    seconds: Annotated[float, Field(ge=0, le=1e6)] = 0.0


@router.post("/v1/feedback", status_code=201, **told.feedback(AboutMood, AboutPortrait))
async def feedback(request: Request) -> JSONResponse:
    """Say what a picture shows, whether the model was right, or how a portrait came out."""
    door: Door = request.app.state.door
    client = access.allow(request, "feedback")
    values, sent = await _read(request, door)
    name = uuid4().hex
    if "method" in values:
        about = intake.checked(AboutPortrait, values)
        row: Said | StyleSaid = StyleSaid(id=name, time=clock.now(), client=client, **about.model_dump())
    else:
        row = await _said(door, name, client, intake.checked(AboutMood, values), sent)
    if key := request.headers.get("idempotency-key"):
        row = replace(row, id=_same(key, row))
    await _kept(door, row)
    return JSONResponse({"id": row.id}, 201)


def _same(key: str, row: Said | StyleSaid) -> str:
    """The id that the same words get when they come again by the same key: the store keeps one row of an id.

    By the key alone, other words by an old key would be lost; by the words alone, a label corrected back.
    """
    said = asdict(row) | {"id": key, "time": None}
    return sha256(json.dumps(said).encode()).hexdigest()[:32]


async def _read(request: Request, door: Door) -> tuple[dict[str, Any], Sent | None]:
    """The values, and the picture where one came along."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await intake.form(request, door.settings, most=1)
        files = form.all()
        said = {key: _plain(key, value) for key, value in form.fields.items()}
        values = {key: value for key, value in said.items() if value is not None}
        return values, files[0] if files else None
    if kind != "application/json":
        raise Problem(415, "unsupported-body", "expected application/json, or multipart/form-data")
    return intake.json_object(await intake.body(request, intake.SAID)), None


def _plain(name: str, text: str) -> Any:
    """A form's value as JSON would have it: yes and no, thumbs as numbers; nothing is no value."""
    if name == "thumbs":
        return THUMBS.get(text.strip(), text)
    return text if name == "name" else WORDS.get(text.strip(), text)


async def _said(door: Door, name: str, client: str, about: AboutMood, sent: Sent | None) -> Said:
    picture = about.picture or ""
    if sent is not None:
        picture = await _taken(door, sent, about)
    if not picture:
        raise Problem(
            422, "no-picture", "picture: expected the SHA-256 that the answer named, or the picture itself"
        )
    if about.consent and sent is None and not await door.keepers.run(door.pictures.has, picture):
        raise Problem(
            422,
            "picture-not-kept",
            "this picture was not kept; ask for its mood with consent=true, or send it in the field picture",
        )
    return Said(
        id=name,
        time=clock.now(),
        request=about.request,
        picture=picture,
        client=client,
        consent=about.consent,
        label=about.label,
        thumbs=about.thumbs,
        predicted=about.predicted,
        model_version=about.model_version,
        name=intake.plain_name(about.name or (sent.name if sent else "")) if about.consent else "",
    )


async def _taken(door: Door, sent: Sent, about: AboutMood) -> str:
    """Keep a picture that came along, where its sender agrees; else its name alone."""

    def clean() -> bytes:
        with door.batcher.room(sent):
            return privacy.clean(sent.data, intake.decode(sent, door.settings))

    data = await door.decoders.take(clean)
    return await door.keepers.run(door.pictures.put, data) if about.consent else sha256(data).hexdigest()


async def _kept(door: Door, row: Said | StyleSaid) -> None:
    try:
        await door.writers.run(door.keep, row)
    except OSError as error:
        raise Problem(507, "no-space", "this could not be saved; try again later") from error
