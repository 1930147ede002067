"""``/docs``: the API on one page, made here from the OpenAPI document; nothing is loaded from anywhere."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .4rem 0 } summary:focus-visible { outline: 2px solid }
code, pre { font: .875rem/1.45 ui-monospace, monospace } pre { overflow-x: auto; padding: .75rem;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .4rem }
.verb { display: inline-block; min-width: 4.5rem; font-weight: 700 } section { margin-top: 2rem }
details { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
dt { font-weight: 600 } dd { margin: 0 0 .5rem 1.5rem }
"""
_SUM = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_SUM}'; frame-ancestors 'none'; base-uri 'none'"


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """The page; its document is /openapi.json."""
    return HTMLResponse(_whole(request.app), headers={"Content-Security-Policy": POLICY})


@lru_cache(1)
def _whole(app: FastAPI) -> str:
    """Made once: no route is added while the service runs."""
    return "".join(_page(app.openapi()))


def _page(found: dict[str, Any]) -> Iterator[str]:
    title = escape(f"{found['info']['title']} {found['info']['version']}")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    yield f'<meta name=viewport content="width=device-width"><style>{STYLE}</style>'
    yield f"<main><h1>{title}</h1>"
    yield from (f"<p>{_marked(part)}</p>" for part in found["info"]["description"].split("\n\n"))
    yield '<p>The same for machines: <a href="/openapi.json">/openapi.json</a></p>'
    groups: dict[str, list[str]] = {}
    for path, operations in found["paths"].items():
        for verb, operation in operations.items():
            told = "".join(_operation(path, verb, operation, found))
            groups.setdefault(operation.get("tags", ["more"])[0], []).append(told)
    for name, members in groups.items():
        yield f"<section><h2>{escape(name)}</h2>{''.join(members)}</section>"
    yield "</main></html>"


def _operation(path: str, verb: str, told: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    summary = escape(told.get("summary", ""))
    yield f"<details><summary><span class=verb>{verb.upper()}</span> <code>{escape(path)}</code>"
    yield f" {summary}</summary>"
    yield f"<p>{_marked(told.get('description', ''))}</p>"
    if parameters := told.get("parameters"):
        yield "<h3>Parameters</h3>"
        yield _listed((one["name"], one.get("description", ""), one.get("required")) for one in parameters)
    if body := told.get("requestBody"):
        yield "<h3>Body</h3>"
        for kind, content in body["content"].items():
            yield f"<p><code>{escape(kind)}</code></p>{_fields(content['schema'])}"
            yield _examples(content, found)
    yield "<h3>Answers</h3>"
    for status, answer in told["responses"].items():
        yield f"<p><code>{escape(str(status))}</code> {_marked(answer['description'])}</p>"
        yield _listed((name, one["description"], None) for name, one in answer.get("headers", {}).items())
        yield from (_examples(content, found) for content in answer.get("content", {}).values())
    yield "</details>"


def _fields(schema: dict[str, Any]) -> str:
    """What there is to say of a body's fields besides their shape."""
    needed = schema.get("required", ())
    told = {name: _limited(one) for name, one in schema.get("properties", {}).items()}
    return _listed((name, words, name in needed) for name, words in told.items() if words)


def _limited(one: dict[str, Any]) -> str:
    limits = f"from {one['minimum']:g} to {one['maximum']:g}" if {"minimum", "maximum"} <= set(one) else ""
    return "; ".join(filter(None, (one.get("description", ""), limits)))


def _listed(entries: Iterable[tuple[str, str, Any]]) -> str:
    """Names, what is said of each, and whether it is needed; nothing where there are none."""
    listed = "".join(
        f"<dt><code>{escape(name)}</code>{' (needed)' if needed else ''}</dt><dd>{_marked(words)}</dd>"
        for name, words, needed in entries
    )
    return f"<dl>{listed}</dl>" if listed else ""


def _examples(content: dict[str, Any], found: dict[str, Any]) -> str:
    """The examples, or the shape where there are none."""
    shown = [content["example"]] if "example" in content else []
    shown += [one["value"] for one in content.get("examples", {}).values()]
    schema = content.get("schema", {})
    if reference := schema.get("$ref", ""):
        schema = found["components"]["schemas"][reference.rpartition("/")[2]]
        shown = shown or [schema["example"]]
    if not shown and "properties" in schema:
        shown = [{name: _shape(one) for name, one in schema["properties"].items()}]
    return "".join(f"<pre>{escape(_text(one))}</pre>" for one in shown)


def _shape(schema: dict[str, Any]) -> Any:
    """A value's words or type; of what may be null too (pydantic's ``anyOf``) those of the value."""
    if "anyOf" in schema:
        return _shape(schema["anyOf"][0])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("format") == "binary":
        return "a file"
    return [_shape(schema["items"])] if "items" in schema else schema.get("type", "…")


def _text(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=1, ensure_ascii=False)


def _marked(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
