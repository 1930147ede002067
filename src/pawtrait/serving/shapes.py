"""What an answer in JSON holds, by an example of it: generated clients know members by their schema alone."""

from collections.abc import Collection, Mapping
from typing import Any

KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


def answer(
    description: str, example: Any, null: Mapping[str, Any] | None = None, named: Collection[str] = ()
) -> dict[str, Any]:
    """An answer of the OpenAPI document: its schema and the example, whose members are always there.

    Args:
        null: what stands there otherwise, by the path of a member that may be null, as ``answers.label``.
        named: paths of objects whose members have any names.
    """
    schema = _Shapes(null or {}, named).of(example, "")
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def idempotency_key(told: str) -> dict[str, Any]:
    """The header to send a request again that got no answer; ``told``: what becomes of the second."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Any text, such as a UUID, new for each request. Where no answer came, send the same"
        f" again with the same key: {told}",
        "schema": {"type": "string"},
    }


class _Shapes:
    def __init__(self, null: Mapping[str, Any], named: Collection[str]) -> None:
        self._null, self._named = null, named

    def of(self, value: Any, path: str) -> dict[str, Any]:
        if isinstance(value, list):
            return {"type": "array", "items": self.of(value[0], path)}
        if not isinstance(value, dict):
            return {"type": KINDS[type(value)]}
        members = {name: self._member(one, f"{path}.{name}".lstrip(".")) for name, one in value.items()}
        if path in self._named:
            return {"type": "object", "additionalProperties": next(iter(members.values()))}
        return {"type": "object", "properties": members, "required": list(members)}

    def _member(self, value: Any, path: str) -> dict[str, Any]:
        if path not in self._null:
            return self.of(value, path)
        return {"anyOf": [self.of(self._null[path], path), {"type": "null"}]}
