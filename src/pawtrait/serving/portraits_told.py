"""What the page of the API says of portraits: bodies, answers, examples."""

from typing import Any

from pawtrait.serving import shapes
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import LEAST_SIDE
from pawtrait.style_transfer.studio import METHODS, NEEDS_STYLE

_BINARY = {"type": "string", "format": "binary"}
_JOB = {
    "id": "4f0c2b7e9d6a41e8b8a35c1f7e2d9a60",
    "method": "hybrid",
    "model": {"name": "pet-portrait-cyclegan", "version": "3"},
    "status": "painting",
    "done": 48,
    "of": 120,
    "seconds": 9.412,
    "problem": None,
    "url": "/v1/portraits/4f0c2b7e9d6a41e8b8a35c1f7e2d9a60",
    "picture_url": "/v1/portraits/4f0c2b7e9d6a41e8b8a35c1f7e2d9a60/picture",
}
_QUEUED = _JOB | {
    "status": "waiting",
    "done": 0,
    "seconds": 0.0,
    "picture_url": None,
    "picture": "9a70b0ef725b04f8b3b43b1251e93d48e55e6cd9e2794a3ff14b9d13a9d80b97",
    "kept": False,
}
_NULL = {  # what of a job may be null, and what it is otherwise
    "model": _JOB["model"],
    "problem": Problem(504, "too-slow", "painting took longer than 600 seconds; ask for less").body(),
    "picture_url": _JOB["picture_url"],
}
_EVENTS = """event: progress
id: 49
data: {"status": "painting", "done": 48, "of": 120, "attempt": 1, "losses": {"style": 0.31}, \
"seconds": 9.412, "problem": null, "preview": null}

event: done
id: 121
data: {"status": "done", "done": 120, "of": 120, "attempt": 1, "losses": {"style": 0.12}, \
"seconds": 23.008, "problem": null, "preview": null}

"""
_STYLES = {
    "methods": [
        {
            "name": "nst",
            "told": METHODS["nst"],
            "needs_style": True,
            "available": False,
            "why_not": "torch is not installed here; the full image has it",
            "model": None,
        }
    ],
    "styles": [
        {"name": "ink_03", "title": "Bamboo in the rain", "url": "/v1/styles/ink_03/picture"},
    ],
    "largest": 1024,
}


def _file(description: str, *kinds: str) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": _BINARY} for kind in kinds}}


def _problems(**told: str) -> dict[int | str, dict[str, Any]]:
    """Answers that are no success, by ``_STATUS_kind_of_problem=words``."""
    found: dict[int | str, dict[str, Any]] = {}
    for name, words in told.items():
        _, status, kind = name.split("_", 2)
        example = Problem(int(status), kind.replace("_", "-"), words).body()
        example["instance"] = f"urn:pawtrait:request:{_JOB['id']}"
        content = {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        }
        found[int(status)] = {"description": words, "content": content}
    return found


def _headers(**told: str) -> dict[str, Any]:
    """Headers of an answer, by ``Their_Name=words``."""
    return {
        name.replace("_", "-"): {"description": words, "schema": {"type": "string"}}
        for name, words in told.items()
    }


_ALWAYS = {
    "X_Pawtrait_Request": "the request's id, by which feedback names it",
    "X_Pawtrait_Model": "the painter's version, as `pet-portrait-fast/3`; `nst` has none",
}
_BY = _headers(X_Pawtrait_Model=_ALWAYS["X_Pawtrait_Model"])
NO_SUCH_JOB = (
    "no such job is here: it has expired, a restart cut it off, or another instance of the service has it"
)
_NO_JOB = _problems(_404_no_such_job=NO_SUCH_JOB)

_WISH = {
    "type": "object",
    "required": ["picture", "method"],
    "properties": {
        "picture": {**_BINARY, "description": "the photo"},
        "method": {"type": "string", "enum": list(METHODS)},
        "style": {
            "type": "string",
            "description": f"the name of a painting in GET /v1/styles; {', '.join(NEEDS_STYLE)} need"
            " it or `painting`, cyclegan takes neither",
        },
        "painting": {**_BINARY, "description": "a picture to paint like, in place of a name"},
        "strength": {
            **{"type": "number", "minimum": 0, "maximum": 1, "default": 1},
            "description": "0 is the photo as it is (for fast repainted in its own style)",
        },
        "side": {
            "type": "integer",
            "description": f"px of the longer side at most, {LEAST_SIDE} to `largest` of GET /v1/styles",
        },
        "steps": {
            "type": "integer",
            "description": "of nst and hybrid, at the full size; 1 to `PAWTRAIT_PORTRAIT_STEPS`",
        },
        "consent": {"type": "boolean", "default": False, "description": "may the photo be kept"},
    },
}

PAINT: dict[str, Any] = {
    "openapi_extra": {
        "parameters": [
            shapes.idempotency_key(
                "it is the same job, however it stands. `fast` and `cyclegan`, no jobs, paint again."
            )
        ],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _WISH}},
        },
    },
    "responses": {
        200: {
            **_file("fast and cyclegan: the portrait", "image/png"),
            "headers": _headers(
                **_ALWAYS,
                X_Pawtrait_Seconds="from the wish to the portrait",
                X_Pawtrait_Picture="the photo's SHA-256, by which it can be deleted",
                X_Pawtrait_Kept="`true` or `false`: whether the photo was kept",
            ),
        },
        202: {
            **shapes.answer("nst and hybrid: a job, to be followed at its url", _QUEUED, _NULL),
            "headers": _headers(
                **_ALWAYS | {"X_Pawtrait_Request": "the request's id; feedback names a job by its `id`"},
                Location="where the job is",
            ),
        },
        **_problems(
            _413_too_large="too many bytes or pixels",
            _415_not_a_still="not a still picture",
            _422_invalid_request="something is missing, unknown or out of range",
            _429_busy="too many are being painted; Retry-After says when to come again",
            _503_method_unavailable="the method is not available here",
            _504_too_slow="took too long",
        ),
    },
}
LOOK: dict[str, Any] = {
    "responses": {
        200: {
            **shapes.answer(
                "how the job stands: waiting, painting, done, failed or cancelled; `problem` says why there"
                " is no portrait, `picture_url` is null while there is no picture, `model` for nst and after"
                " a restart",
                _JOB,
                _NULL,
            ),
            "headers": _BY,
        },
        **_NO_JOB,
    }
}
EVENTS: dict[str, Any] = {
    "responses": {
        200: {
            "description": "progress",
            "content": {"text/event-stream": {"example": _EVENTS}},
            "headers": _BY,
        },
        204: {"description": "the job is over, and `Last-Event-ID` names its last event"},
        **_NO_JOB,
    }
}
PICTURE: dict[str, Any] = {
    "responses": {
        200: {**_file("the portrait, or the newest preview", "image/png", "image/jpeg"), "headers": _BY},
        **_NO_JOB,
    }
}
CANCEL: dict[str, Any] = {"responses": {204: {"description": "cancelled or deleted"}, **_NO_JOB}}
STYLES: dict[str, Any] = {
    "responses": {200: shapes.answer("ways and paintings", _STYLES, {"methods.model": _JOB["model"]})}
}
STYLE_PICTURE: dict[str, Any] = {
    "responses": {
        200: _file("the painting", "image/jpeg"),
        **_problems(_404_no_such_style="no painting of that name"),
    }
}
