"""Dashboard and alarms ask for figures that the service really exports, with labels that they really have."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml
from prometheus_client import Gauge
from prometheus_client.parser import text_string_to_metric_families

from pawtrait.serving import outbox
from pawtrait.serving.metrics import Metrics
from pawtrait.style_transfer.studio import METHODS
from tests.conftest import make_cyclegan
from tests.serving.callers import png
from tests.serving.conftest import project, serving, settings  # noqa: F401  fixtures

DASHBOARD = json.loads(Path("docker/grafana/dashboards/pawtrait.json").read_text(encoding="utf-8"))
ALARMS = yaml.safe_load(Path("docker/alarms.yml").read_text(encoding="utf-8"))
SOURCE = yaml.safe_load(
    Path("docker/grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8")
)["datasources"][0]
SCRAPING = yaml.safe_load(Path("docker/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
SCRAPED = {"job", "instance"}  # labels that Prometheus adds itself
WORDS = {"sum", "by", "rate", "min", "or", "vector", "increase", "histogram_quantile", "up"}
EXPRESSIONS = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *(one["expr"] for one in DASHBOARD["annotations"]["list"]),
    *(rule["expr"] for group in ALARMS["groups"] for rule in group["rules"]),
]


def _labels(expression: str) -> set[str]:
    """Label names in matchers and groupings."""
    matched = re.findall(r"(\w+)\s*(?:=~?|![=~])\s*\"", expression)
    grouped = [
        name for names in re.findall(r"by \(([^)]*)\)", expression) for name in re.split(r",\s*", names)
    ]
    return {*matched, *grouped}


def _figures(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)", "", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - WORDS


def _panel(title: str) -> dict[str, Any]:
    return next(one for one in DASHBOARD["panels"] if one["title"] == title)


@pytest.fixture
def exported(serving) -> dict[str, set[str]]:  # noqa: F811
    """The samples of a service that has answered something, each with the names of its labels."""
    make_cyclegan(Path("data/painters/cyclegan"))
    service = serving()
    service.post("/v1/moods", files={"pictures": ("a.png", png(), "image/png")}).raise_for_status()
    photo = {"picture": ("a.png", png(side=96), "image/png")}
    service.post("/v1/portraits", data={"method": "cyclegan"}, files=photo).raise_for_status()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(service.get("/metrics").text):
        found.setdefault(family.name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_figure_is_exported_with_its_labels(exported):
    for expression in EXPRESSIONS:
        names = _figures(expression)
        assert names - set(exported) == set(), expression
        known = {label for name in names for label in exported[name]} | SCRAPED
        assert _labels(expression) <= known, expression


def test_every_legend_shows_labels_that_are_left(exported):
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = re.search(r"by \(([^)]*)\)", target["expr"])
            left = (
                set(re.split(r",\s*", grouped[1]))
                if grouped
                else SCRAPED | exported.get(target["expr"], set())
            )
            assert shown <= left, panel["title"]


@pytest.mark.parametrize("title", ["Ready for requests", "Champion"])
def test_a_state_is_that_of_now_not_the_last_one_that_was_known(title):
    """Of a range Grafana shows the last value that is one: a service that died stayed ready for hours."""
    assert [(one["instant"], one["range"]) for one in _panel(title)["targets"]] == [(True, False)]


def test_a_service_that_does_not_answer_takes_no_requests():
    """It has no pawtrait_ready then, and Prometheus' own ``up``, with the same labels, says 0."""
    assert _panel("Ready for requests")["targets"][0]["expr"] == 'min(pawtrait_ready or up{job="service"})'


@pytest.mark.parametrize("title", ["Requests per second", "Server errors (5xx)"])
def test_where_no_requests_are_counted_there_are_none(title):
    """A fresh start has no such series, and after a death Grafana would show the last rate it had."""
    assert [one["expr"].endswith(" or vector(0)") for one in _panel(title)["targets"]] == [True]


def test_a_service_that_waits_for_its_first_champion_makes_no_errors(serving, project):  # noqa: F811
    """Docker and Kubernetes ask /readyz every few seconds, and that is 503 all the time."""
    (project / "data/champion.json").unlink()
    service = serving()
    assert service.get("/readyz").status_code == 503
    (found,) = [
        one
        for one in text_string_to_metric_families(service.get("/metrics").text)
        if one.name == "pawtrait_requests"
    ]
    failed = {one.labels["route"] for one in found.samples if one.labels["status"].startswith("5")}
    assert failed == {"/readyz"}
    shares = [one for one in EXPRESSIONS if "status=" in one]
    assert len(shares) == 3
    for share in shares:
        above, _, below = share.partition(" / ")
        for side in (above, below):
            assert {route for route in failed if _leaves_in(side, route)} == set(), share


def test_a_champion_that_cannot_be_had_raises_an_alarm(serving, project):  # noqa: F811
    """The one at hand answers on, so nobody would see that a rollback never came."""
    service = serving(poll=60)
    for note, unknown in (((project / "data/champion.json").read_text(), 0.0), ("{}", 1.0)):
        (project / "data/champion.json").write_text(note)
        service.app.state.door.models.refresh()
        assert f"pawtrait_champion_trouble {unknown}" in service.get("/metrics").text.splitlines()
    assert "pawtrait_champion_trouble == 1" in EXPRESSIONS


def test_what_a_full_disk_costs_raises_an_alarm(serving, project, monkeypatch):  # noqa: F811
    """Answers go on, so no share of errors tells of it."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (project / "file").write_text("in the way")
    service = serving(pictures=str(project / "file"))
    monkeypatch.setattr(outbox, "_write", full)
    make_cyclegan(Path("data/painters/cyclegan"))
    for path, field, said in (("moods", "pictures", {}), ("portraits", "picture", {"method": "cyclegan"})):
        photo = {field: ("a.png", png(side=96), "image/png")}
        service.post(f"/v1/{path}", data={"consent": "true", **said}, files=photo).raise_for_status()
    lines = service.get("/metrics").text.splitlines()
    for name in ("pawtrait_pictures_unkept_total", "pawtrait_requests_dropped_total"):
        assert f"{name} 2.0" in lines
        assert f"increase({name}[1h]) > 0" in EXPRESSIONS


def _leaves_in(expression: str, route: str) -> bool:
    """Whether a request of that route counts; Prometheus' patterns are about the whole value."""
    left_out = re.search(r'route!~"([^"]*)"', expression)
    return left_out is None or re.fullmatch(left_out[1], route) is None


def test_a_portrait_that_failed_is_not_drawn_as_one():
    (target,) = _panel("Portraits by method and outcome")["targets"]
    assert "by (method, outcome)" in target["expr"] and "{{outcome}}" in target["legendFormat"]


def test_the_first_portrait_of_each_method_and_outcome_is_drawn():
    """Prometheus sees an increase only of what was there before, at 0."""
    metrics, outcomes = Metrics(), ("ok", "error", "cancelled")

    def counted(method: str, outcome: str) -> float | None:
        labels = {"method": method, "outcome": outcome}
        return metrics.registry.get_sample_value("pawtrait_portraits_total", labels)

    assert {counted(method, outcome) for method in METHODS for outcome in outcomes} == {0.0}
    timed = {"le": "+Inf", "method": "nst"}
    assert metrics.registry.get_sample_value("pawtrait_portrait_seconds_bucket", timed) == 0.0
    metrics.portrait("nst", "cancelled", 1.0)
    assert counted("nst", "cancelled") == 1.0


def test_a_restart_is_no_change_of_the_champion():
    """It sets the counter to 0, which is a change of its value and no increase."""
    (drawn,) = DASHBOARD["annotations"]["list"]
    assert drawn["expr"].startswith("increase(pawtrait_model_swaps_total[")


@pytest.fixture
def taken(monkeypatch) -> Callable[..., tuple[float, float]]:
    """Has the service be these processes, its own first; gives the bytes and core-seconds exported."""
    metrics = Metrics()

    def look(own: "_Process", *children: "_Process") -> tuple[float, float]:
        own.below = children
        monkeypatch.setattr(psutil, "Process", lambda *_: own)
        names = ("pawtrait_memory_bytes", "pawtrait_cpu_seconds_total")
        memory, seconds = map(metrics.registry.get_sample_value, names)
        assert memory is not None and seconds is not None
        return memory, seconds

    return look


class _Process:
    """As psutil tells of it: its own core-seconds, and those of children that it waited for."""

    def __init__(self, memory: int, seconds: float, waited: float = 0.0, ended: bool = False) -> None:
        self.memory, self.seconds, self.waited, self.ended = memory, seconds, waited, ended
        self.below: tuple[_Process, ...] = ()

    def children(self, recursive: bool) -> list["_Process"]:
        return list(self.below) if recursive else []

    def cpu_times(self) -> Any:
        if self.ended:
            raise psutil.NoSuchProcess(1)
        user, waited = self.seconds - 1, self.waited / 2
        return SimpleNamespace(user=user, system=1, children_user=waited, children_system=waited, iowait=99)

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=self.memory)


def test_memory_and_cores_are_of_the_processes_that_read_and_paint_too(taken):
    reader, painter = _Process(memory=30, seconds=3), _Process(memory=5, seconds=20, waited=4)
    assert taken(_Process(memory=100, seconds=10), reader, painter) == (135, 37)
    drawn = [_panel(title)["targets"][0]["expr"] for title in ("Memory", "Cores in use")]
    assert "pawtrait_memory_bytes" in drawn[0] and "pawtrait_cpu_seconds_total" in drawn[1]


def test_a_process_that_ended_is_counted_once(taken):
    """Its time stands with its parent's children as soon as that has waited for it, and stays there."""
    assert taken(_Process(memory=100, seconds=10), _Process(memory=30, seconds=3)) == (130, 13)
    assert taken(_Process(memory=100, seconds=10, waited=3)) == (100, 13)
    assert taken(_Process(memory=100, seconds=10, waited=3), _Process(memory=30, seconds=2)) == (130, 15)


def test_core_seconds_never_fall_when_a_process_ends_between_two_looks(taken):
    """Prometheus would take that for a restart, and count all of them a second time."""
    assert taken(_Process(memory=100, seconds=10), _Process(memory=30, seconds=3)) == (130, 13)
    assert taken(_Process(memory=100, seconds=11), _Process(memory=30, seconds=3, ended=True)) == (100, 13)
    assert taken(_Process(memory=100, seconds=11, waited=3)) == (100, 14)


def test_where_nobody_may_see_others_processes_the_service_s_own_figures_are_told(taken, monkeypatch):
    def refused(own: "_Process", recursive: bool) -> list["_Process"]:
        raise psutil.AccessDenied(1)

    monkeypatch.setattr(_Process, "children", refused)
    assert taken(_Process(memory=100, seconds=10)) == (100, 10)


def test_a_scrape_holds_up_no_request(serving):  # noqa: F811
    """It walks through all processes of the machine, which may be many."""

    def at_work_in_the_loop() -> float:
        try:
            return float(asyncio.get_running_loop().is_running())
        except RuntimeError:
            return 0.0

    service = serving()
    look = Gauge(
        "in_the_loop", "1 where requests wait meanwhile.", registry=service.app.state.metrics.registry
    )
    look.set_function(at_work_in_the_loop)
    assert "in_the_loop 0.0" in service.get("/metrics").text.splitlines()


def test_panels_do_not_overlap():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_panel_has_a_number_of_its_own_and_asks_the_provisioned_source():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    asked = {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert asked == {SOURCE["uid"]}


def test_grafana_asks_prometheus_and_prometheus_the_service_by_their_names_and_ports(compose):
    assert (
        SOURCE["url"] == f"http://prometheus:{compose['services']['prometheus']['ports'][0].split(':')[-1]}"
    )
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in SCRAPING}
    assert targets["service"] == [f"service:{compose['services']['service']['ports'][0].split(':')[-1]}"]
    jobs = {name for one in EXPRESSIONS for name in re.findall(r'job="(\w+)"', one)}
    assert jobs <= set(targets)


def test_the_dashboard_lies_where_grafana_is_told_to_look(compose):
    provider = yaml.safe_load(Path("docker/grafana/provisioning/dashboards/pawtrait.yaml").read_text())
    mounts = dict(one.split(":")[:2] for one in compose["services"]["grafana"]["volumes"])
    assert mounts["./grafana/dashboards"] == provider["providers"][0]["options"]["path"]
