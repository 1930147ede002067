"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where to; nothing is loaded otherwise."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Scope

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Traces:
    """A span a request, child of the caller's where it sends a traceparent."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pawtrait")

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Any]:
        """The span around a request; ``end`` it with ``named``."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        carrier = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        parent = extract({"traceparent": carrier.get("traceparent", "")})
        with self._tracer.start_as_current_span(
            scope["method"], context=parent, kind=SpanKind.SERVER
        ) as span:
            yield span

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def named(span: Any, method: str, route: str, status: int, request: str) -> None:
    """What a finished request's span says, by OpenTelemetry's conventions for HTTP."""
    span.update_name(f"{method} {route}".strip())
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "pawtrait.request": request,
        }
    )


def configured() -> Traces | None:
    """As the environment says; None where it says nothing."""
    if not any(os.environ.get(name) for name in VARIABLES):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "pawtrait"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)
