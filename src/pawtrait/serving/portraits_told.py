"""What the page of the API says of portraits: bodies, answers, examples."""

from typing import Any

from pawtrait.style_transfer.studio import METHODS

_BINARY = {"type": "string", "format": "binary"}
_PROBLEM = {
    "type": "urn:pawtrait:problem:busy",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "as many portraits as can be are being painted; try again in 12 s",
}
_JOB = {
    "id": "4f0c2b7e9d6a41e8b8a35c1f7e2d9a60",
    "method": "nst",
    "status": "painting",
    "done": 48,
    "of": 120,
    "seconds": 9.412,
    "problem": None,
    "url": "/v1/portraits/4f0c2b7e9d6a41e8b8a35c1f7e2d9a60",
    "picture_url": "/v1/portraits/4f0c2b7e9d6a41e8b8a35c1f7e2d9a60/picture",
}
_EVENTS = """event: progress
id: 49
data: {"status": "painting", "done": 48, "of": 120, "attempt": 1, "losses": {"style": 0.31}, "preview": null}

event: done
id: 121
data: {"status": "done", "done": 120, "of": 120, "attempt": 1, "losses": {"style": 0.12}, "preview": null}

"""
_STYLES = {
    "methods": [
        {
            "name": "nst",
            "told": METHODS["nst"],
            "needs_style": True,
            "available": False,
            "why_not": "torch is not installed here; the full image has it",
        }
    ],
    "styles": [
        {"name": "ink_03", "title": "Bamboo in the rain", "url": "/v1/styles/ink_03/picture"},
    ],
}


def _json(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


def _file(description: str, *kinds: str) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": _BINARY} for kind in kinds}}


def _problems(**told: str) -> dict[int | str, dict[str, Any]]:
    """Answers that are no success, by ``_STATUS=words``."""
    return {
        int(status[1:]): {
            "description": words,
            "content": {"application/problem+json": {"schema": {"type": "object"}, "example": _PROBLEM}},
        }
        for status, words in told.items()
    }


_NO_JOB = _problems(_404="no such job, or its hour is over")

_WISH = {
    "type": "object",
    "required": ["picture", "method"],
    "properties": {
        "picture": {**_BINARY, "description": "the photo"},
        "method": {"type": "string", "enum": list(METHODS)},
        "style": {"type": "string", "description": "the name of a painting in GET /v1/styles"},
        "painting": {**_BINARY, "description": "a picture to paint like, in place of a name"},
        "strength": {"type": "number", "minimum": 0, "maximum": 1, "default": 1},
        "side": {"type": "integer", "description": "px of the longer side at most"},
        "steps": {"type": "integer", "description": "of nst and hybrid, at the full size"},
        "consent": {"type": "boolean", "default": False, "description": "may the photo be kept"},
    },
}

PAINT: dict[str, Any] = {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _WISH}},
        }
    },
    "responses": {
        200: _file("fast and cyclegan: the portrait", "image/png"),
        202: _json(
            "nst and hybrid: a job, to be followed at its url", _JOB | {"status": "waiting", "done": 0}
        ),
        **_problems(
            _413="too many bytes or pixels",
            _415="not a still picture",
            _422="something is missing, unknown or out of range",
            _429="too many are being painted; Retry-After says when to come again",
            _503="the method is not available here",
            _504="took too long",
        ),
    },
}
LOOK: dict[str, Any] = {"responses": {200: _json("how the job stands", _JOB), **_NO_JOB}}
EVENTS: dict[str, Any] = {
    "responses": {
        200: {"description": "progress", "content": {"text/event-stream": {"example": _EVENTS}}},
        **_NO_JOB,
    }
}
PICTURE: dict[str, Any] = {
    "responses": {200: _file("the portrait, or the newest preview", "image/png", "image/jpeg"), **_NO_JOB}
}
CANCEL: dict[str, Any] = {"responses": {204: {"description": "cancelled or deleted"}, **_NO_JOB}}
STYLES: dict[str, Any] = {"responses": {200: _json("ways and paintings", _STYLES)}}
STYLE_PICTURE: dict[str, Any] = {
    "responses": {200: _file("the painting", "image/jpeg"), **_problems(_404="no painting of that name")}
}
