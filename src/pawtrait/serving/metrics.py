"""``/metrics``: counters and clocks in Prometheus' text format, one registry an application."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Any

import psutil
from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from pawtrait.serving import told
from pawtrait.serving.door import Door
from pawtrait.style_transfer.studio import METHODS

router = APIRouter()

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OUTCOMES = ("ok", "error", "cancelled")  # of a portrait
PAINTING = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """What is counted as it happens; the rest is read from the door when somebody asks.

    Attributes:
        registry: other parts register their own here.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a line more for each, which nobody draws
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Processes())
        self._requests = Counter(
            "pawtrait_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "pawtrait_request_seconds",
            "From the whole request to the whole answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._moods = Counter(
            "pawtrait_moods",
            "Pictures answered, by mood, version, and whether the model was sure.",
            ("label", "version", "unsure"),
            registry=self.registry,
        )
        self._portraits = Counter(
            "pawtrait_portraits",
            f"Portraits by method and outcome: {', '.join(OUTCOMES)}.",
            ("method", "outcome"),
            registry=self.registry,
        )
        self._painting = Histogram(
            "pawtrait_portrait_seconds",
            "From the wish to the portrait, waiting included.",
            ("method",),
            buckets=PAINTING,
            registry=self.registry,
        )
        self._kept: dict[
            tuple[str, ...], Any
        ] = {}  # looking a child up by its labels costs more than counting
        for method in METHODS:  # what begins at 1 has no increase: the first of each would never be drawn
            self._child(self._painting, method)
            for outcome in OUTCOMES:
                self._child(self._portraits, method, outcome)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; one to no route of ours counts as route ""."""
        self._child(self._requests, route, method, str(status)).inc()
        self._child(self._seconds, route).observe(seconds)

    def mood(self, label: str, version: str, unsure: bool) -> None:
        """Count an answered picture."""
        self._child(self._moods, label, version, str(unsure).lower()).inc()

    def portrait(self, method: str, outcome: str, seconds: float) -> None:
        """Count a portrait that is over: ok, error or cancelled."""
        self._child(self._portraits, method, outcome).inc()
        if outcome == "ok":
            self._child(self._painting, method).observe(seconds)

    def watch(self, door: Door) -> None:
        """Read an open door's own figures at each scrape."""
        self.registry.register(_Reader(door))

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric._name, *labels)
        if key not in self._kept:
            self._kept[key] = metric.labels(*labels)
        return self._kept[key]


class _Reader:
    """What the parts count themselves."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def collect(self) -> Iterator[Metric]:
        """Every figure once."""
        door, served = self._door, self._door.models.served
        waiting, painting = door.workshop.jobs.counts()
        ready = served is not None and not door.closing
        yield GaugeMetricFamily("pawtrait_ready", "1 where requests are taken.", float(ready))
        model = GaugeMetricFamily(
            "pawtrait_model", "The version at hand.", labels=("name", "version", "kind")
        )
        if served:
            model.add_metric((served.place.name, served.place.version, served.kind), 1.0)
        yield model
        behind = served is not None and bool(door.models.problem)
        for name, sentence, value in (
            (
                "champion_trouble",
                "1 where the newest cannot be had, so the last goes on.",
                behind,
            ),
            ("queue_pictures", "Pictures taken in and not answered yet.", door.batcher.pending),
            (
                "portraits_pending",
                "Portraits painted at once, and those that wait.",
                door.workshop.turns.outstanding,
            ),
            ("jobs_waiting", "Jobs of nst and hybrid that wait.", waiting),
            ("jobs_painting", "Jobs that are painted.", painting),
            ("feedback_waiting", "Acknowledged rows that are not in the database yet.", door.said.waiting),
            ("requests_waiting", "Rows of requests that are not in the database yet.", door.asked.waiting),
        ):
            yield GaugeMetricFamily(f"pawtrait_{name}", sentence, value)
        for name, sentence, value in (
            ("batches", "Calls of the model.", door.batcher.batches),
            ("batch_pictures", "Pictures in these calls.", door.batcher.pictures),
            ("reader_deaths", "Reading processes that had to be replaced.", door.batcher.deaths),
            (
                "painter_deaths",
                "Painting processes that died while they painted.",
                door.workshop.jobs.deaths,
            ),
            ("model_swaps", "How often the champion changed since the start.", door.models.swaps),
            ("feedback_delivered", "Rows of feedback that the database took.", door.said.delivered),
            ("feedback_refused", "Rows of feedback that the database will never take.", door.said.dropped),
            ("requests_dropped", "Rows of requests given up.", door.asked.dropped),
            ("pictures_unkept", "Pictures that may be kept and could not be.", door.unkept),
        ):
            yield CounterMetricFamily(f"pawtrait_{name}", sentence, value)


class _Processes:
    """What the service takes together with the processes that read and paint for it, and theirs."""

    def __init__(self) -> None:
        self._lock = Lock()  # scrapes may meet, and the later one has to be the higher
        self._seconds = 0.0

    def collect(self) -> Iterator[Metric]:
        """Memory now, core-seconds since the start.

        The time of a child that was waited for stands with its parent's children. psutil tells of parents
        first: a child that ends between two looks is missing once, and nothing is ever counted twice.
        """
        held, spent, service = 0, 0.0, psutil.Process()
        with self._lock:
            for one in (service, *_below(service)):
                with suppress(psutil.Error):  # it ended meanwhile
                    times = one.cpu_times()
                    spent += times.user + times.system + times.children_user + times.children_system
                    held += one.memory_info().rss
            self._seconds = max(self._seconds, spent)  # a counter that fell would count as a restart
            seconds = self._seconds
        yield GaugeMetricFamily("pawtrait_memory_bytes", "Memory of the service's processes together.", held)
        yield CounterMetricFamily("pawtrait_cpu_seconds", "Core-seconds of all its processes.", seconds)


def _below(service: psutil.Process) -> list[psutil.Process]:
    """Its processes and theirs; none where the machine shows nobody others' processes (hidepid=1)."""
    try:
        return list(service.children(recursive=True))
    except psutil.AccessDenied:
        return []


@router.get("/metrics", response_class=Response, **told.METRICS)
async def metrics(request: Request) -> Response:
    """For Prometheus. No key is asked for: no picture, key or person is in it."""
    found: Metrics = request.app.state.metrics
    text = await asyncio.to_thread(generate_latest, found.registry)  # walks through the machine's processes
    return Response(text, media_type=CONTENT_TYPE_LATEST)
