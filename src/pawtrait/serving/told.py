"""What the page of the API says of all but portraits: bodies, answers, examples."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from pawtrait import champion
from pawtrait.serving import shapes

_SHA = "9a70b0ef725b04f8b3b43b1251e93d48e55e6cd9e2794a3ff14b9d13a9d80b97"
_REQUEST = "367d002b36224e548576224f3ab4092f"
_BINARY = {"type": "string", "format": "binary"}
_PROBLEM = {
    "type": "urn:pawtrait:problem:not-a-picture",
    "title": "Unsupported Media Type",
    "status": 415,
    "detail": "cat.txt: expected JPEG, PNG, GIF, WebP, BMP or TIFF, by its content",
    "instance": f"urn:pawtrait:request:{_REQUEST}",
}
_MODEL = {"name": champion.MODEL, "version": "3", "kind": "mobilenet_v2"}
_ANSWER = {
    "request": _REQUEST,
    "picture": _SHA,
    "name": "cat.jpg",
    "label": "happy",
    "unsure": False,
    "confidence": 0.79,
    "probabilities": {"happy": 0.79, "sad": 0.04, "angry": 0.01, "other": 0.16},
    "kept": False,
    "explanation": None,
    "problem": None,
}
_EXPLANATION = {"method": "grad-cam", "image": "data:image/png;base64,iVBORw0KGgo="}
_SAID = {name: value for name, value in _PROBLEM.items() if name != "instance"}  # within an answer
_DECISION = {
    "time": "2026-11-01T03:12:44+00:00",
    "action": "promoted",
    "actor": "retrain",
    "champion": "3",
    "previous": "2",
    "version": "3",
    "month": "2026-11",
    "model": champion.MODEL,
    "reasons": ["Let through: better by +0.055 macro-F1, and more than chance."],
    "figures": {"challenger_macro_f1": 0.71, "champion_macro_f1": 0.655},
    "commit": "4232dbe08f5f1c0a4a4c1d0b8b6f3f3f9d1d7c55",
    "sha256": _SHA,
}


_CHAMPION = {**_MODEL, "sha256": _SHA}
_VERSION = {
    "version": "3",
    "action": "promoted",
    "time": _DECISION["time"],
    "macro_f1": 0.71,
    "champion": True,
}


def _flag(name: str, told: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": told,
        "schema": {"type": "boolean", "default": False},
    }


_FORM = {
    "schema": {
        "type": "object",
        "properties": {
            "pictures": {
                "type": "array",
                "items": _BINARY,
                "minItems": 1,
                "description": "as many as `PAWTRAIT_MOST_PICTURES` allows",
            },
            "consent": {"type": "boolean"},
            "explain": {"type": "boolean"},
        },
        "required": ["pictures"],
    }
}

MOODS: dict[str, Any] = {
    "summary": "Moods of one picture or of several",
    "tags": ["moods"],
    "responses": {
        200: shapes.answer(
            "An answer for each picture, in their order. Of several, one that cannot be read has a `problem`"
            " and `null` for its mood; one that came alone is answered by its problem.",
            {"answers": [_ANSWER], "model": _MODEL, "milliseconds": 12.3},
            null={
                f"answers.{name}": _ANSWER[name]
                for name in ("picture", "label", "confidence", "probabilities")
            }
            | {"answers.explanation": _EXPLANATION, "answers.problem": _SAID},
        )
    },
    "openapi_extra": {
        "parameters": [
            _flag(
                "explain",
                "Add `explanation`: the picture under a heat map of what spoke for the mood, `image`, a PNG"
                " as data URL, and its `method`, grad-cam or occlusion.",
            ),
            _flag("consent", "The picture may be kept and learned from. Else only its hash and figures are."),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _FORM,
                "image/jpeg": {"schema": _BINARY},
                "image/png": {"schema": _BINARY},
                "image/webp": {"schema": _BINARY},
            },
        },
    },
}


def feedback(*about: type[BaseModel]) -> dict[str, Any]:
    """What a body may say is the fields of one of these alone; any other is refused."""
    fields = {name: told for one in about for name, told in one.model_json_schema()["properties"].items()}
    said = {
        "type": "object",
        "description": "About a portrait where it has a method, with its fields alone; else about a mood.",
        "properties": fields,
        "additionalProperties": False,
    }
    return {
        "summary": "Say whether an answer or a portrait was right",
        "tags": ["feedback"],
        "responses": {201: shapes.answer("It is on the disk.", {"id": "a50c150054694f3f96955bdaf625a607"})},
        "openapi_extra": {
            "parameters": [shapes.idempotency_key("it is kept once, by the same `id`.")],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": said,
                        "examples": {
                            "a mood": {
                                "value": {
                                    "request": _REQUEST,
                                    "picture": _SHA,
                                    "label": "sad",
                                    "consent": True,
                                }
                            },
                            "a portrait": {
                                "value": {
                                    "method": "fast",
                                    "style": "ink_03",
                                    "strength": 0.8,
                                    "thumbs": 1,
                                    "seconds": 1.2,
                                }
                            },
                        },
                    },
                    "multipart/form-data": {
                        "schema": {**said, "properties": {**fields, "picture": _BINARY}},
                    },
                },
            },
        },
    }


NEXT: dict[str, Any] = {
    "summary": "The picture to review now",
    "tags": ["reviews"],
    "responses": {
        200: shapes.answer(
            "Nothing of what was said of it.", {"picture": _SHA, "url": f"/v1/pictures/{_SHA}", "waiting": 12}
        ),
        204: {"description": "None waits."},
    },
}


def review(verdict: type[BaseModel]) -> dict[str, Any]:
    """What a body may say is the fields of ``verdict``."""
    body = {
        "schema": verdict.model_json_schema(),
        "example": {"picture": _SHA, "reviewer": "rosa", "verdict": "happy"},
    }
    return {
        "summary": "Say what a picture shows",
        "tags": ["reviews"],
        "responses": {
            201: shapes.answer(
                "What the model and people had said.",
                {"id": "0f" * 16, "model": ["happy"], "people": ["sad"]},
            )
        },
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": body}}},
    }


REVIEWS: dict[str, Any] = {
    "summary": "How many wait, and how far reviewers agree",
    "tags": ["reviews"],
    "responses": {
        200: shapes.answer(
            "Kappa is the agreement beyond chance.",
            {
                "waiting": 12,
                "verdicts": 40,
                "reviewers": 2,
                "pairs": [{"first": "rosa", "second": "tom", "pictures": 20, "same": 17, "kappa": 0.79}],
            },
            null={"pairs.kappa": 0.79},
        )
    },
}
MONITORING: dict[str, Any] = {
    "summary": "The newest monitoring page",
    "tags": ["operation"],
    "responses": {
        200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}
    },
}
SHOW: dict[str, Any] = {
    "summary": "A picture that was kept",
    "tags": ["pictures"],
    "responses": {
        200: {"description": "The picture.", "content": {"image/*": {"schema": _BINARY}}},
    },
}
DELETE: dict[str, Any] = {
    "summary": "Delete a picture and all that was said of it",
    "tags": ["pictures"],
    "responses": {
        200: shapes.answer(
            "What was deleted, and which snapshots of earlier months hold it.",
            {"picture": _SHA, "pictures": 1, "rows": 3, "snapshots": ["2026-10"]},
        )
    },
}
MODELS: dict[str, Any] = {
    "summary": "Champion, versions, months",
    "tags": ["operation"],
    "responses": {
        200: shapes.answer(
            "The ledger's decisions, oldest first; null where it cannot be reached at the moment.",
            {
                "champion": _CHAMPION,
                "versions": [_VERSION],
                "months": [_DECISION],
            },
            null={"champion": _CHAMPION, "months": [_DECISION]}
            | {f"versions.{name}": _VERSION[name] for name in ("action", "time", "macro_f1")}
            | {
                f"months.{name}": _DECISION[name]
                for name in ("champion", "previous", "version", "month", "commit", "sha256")
            },
            named=["months.figures"],
        )
    },
}
LIVE: dict[str, Any] = {
    "summary": "It lives",
    "tags": ["operation"],
    "responses": {200: shapes.answer("Always, while it does.", {"status": "alive"})},
}
READY: dict[str, Any] = {
    "summary": "It takes requests",
    "tags": ["operation"],
    "responses": {
        200: shapes.answer("By which model.", {"status": "ready", "model": _MODEL, "feedback_waiting": 0})
    },
}
METRICS: dict[str, Any] = {
    "summary": "Figures for Prometheus",
    "tags": ["operation"],
    "responses": {200: {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
}

ABOUT = """Reads the mood in a pet's face and paints its portrait.

Where keys are asked for, send `Authorization: Bearer KEY`. Every error is `application/problem+json` (RFC
9457); its `instance` is the request's id, by which the operator finds it in the log. Every answer has that id
in `X-Pawtrait-Request`, and your own `X-Request-ID` comes back. `429` says in `Retry-After` when to come
again. A picture is kept only where `consent` is true; without it, its hash and figures are."""


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Give the application its OpenAPI document: every operation's errors are problems."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            _restore_examples(routes, found)
            app.openapi_schema = _with_problems(found)
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]


def _restore_examples(routes: Sequence[BaseRoute], found: dict[str, Any]) -> None:
    """FastAPI drops every null from the document, those in examples too."""
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for verb in route.methods or ():
                answers = found["paths"][route.path_format][verb.lower()]["responses"]
                for status, answer in route.responses.items():
                    for kind, content in answer.get("content", {}).items():
                        answers[str(status)]["content"][kind] |= content


def _with_problems(found: dict[str, Any]) -> dict[str, Any]:
    parts = found.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
        },
        "example": _PROBLEM,
    }
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    problem = {
        "description": "A problem (RFC 9457).",
        "headers": {"Retry-After": {"description": "of 429: seconds", "schema": {"type": "integer"}}},
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in found["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]  # FastAPI's own shape, which nobody gets
            operation["responses"]["default"] = problem
            operation["security"] = [{}, {"key": []}]
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    return found
