"""Painters from the registry: followed by their alias, put back, and passed on to processes that paint."""

import logging
import shutil
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

from pawtrait import params, sealed
from pawtrait.serving.arrivals import Arrivals
from pawtrait.serving.places import Place
from tests.conftest import make_cyclegan
from tests.serving.portraits.asking import asked, over, rows, send, shown
from tests.serving.portraits.conftest import photo, until

MODEL = "x-pawtrait-model"


@pytest.fixture
def store(painted, tmp_path, mlflow_store):
    """Registers CycleGANs, each a new champion; crowns one again."""
    from pawtrait.adapters import registry, tracking  # late: MLflow takes seconds

    def add(white):
        folder = make_cyclegan(tmp_path / f"{white}" / "cyclegan", white)
        with tracking.training(params.load(), "cyclegan", [folder], "painter") as run:
            registry.log(run, folder, registry.CYCLEGAN)
        digest = sealed.check(folder)["photo_to_painting.onnx"]
        version = str(registry.register(digest, {}, "a test's", registry.CYCLEGAN).version)
        crown(version)
        return version

    def crown(version):
        registry.crown(version, None, registry.CYCLEGAN)

    def folder(version):
        return registry.folder_of(registry.numbered(version, registry.CYCLEGAN))

    return SimpleNamespace(add=add, crown=crown, folder=folder)


def painted_by(client, version):
    """An answer by that version, once it has been taken."""

    def answered():
        answer = send(client, "cyclegan")
        return answer if answer.headers[MODEL] == f"pet-portrait-cyclegan/{version}" else None

    return until(answered)


def test_the_registrys_painters_are_followed_and_what_it_lacks_is_painted_from_the_folder(store, service):
    with service(painters_alias="champion", poll=0.05) as client:
        home = send(client, "cyclegan")
        first = painted_by(client, store.add(200))
        second = painted_by(client, store.add(160))
        store.crown(first.headers[MODEL].rpartition("/")[2])
        back = painted_by(client, first.headers[MODEL].rpartition("/")[2])
        fast = send(client, "fast", style="red")
        (row,) = rows(client, asked(second))
    for answer, white in ((home, 255), (first, 200), (second, 160), (back, 200)):
        np.testing.assert_array_equal(shown(answer), np.clip(white - photo().astype(int), 0, 255))
    assert f"{row.model_name}/{row.model_version}" == second.headers[MODEL]
    assert len(fast.headers[MODEL].removeprefix("pet-portrait-fast/")) == 12  # the start of its sums' digest


def test_a_process_that_paints_takes_the_painter_that_an_order_names(store, service):
    with service(painters_alias="champion", poll=0.05) as client:
        brightness = []
        for white in (200, 120):
            painter = store.add(white)
            painted_by(client, painter)
            answer = send(client, "hybrid", style="red", side="48", steps="1")
            url = answer.json()["url"]
            known = over(client, url)
            assert known["status"] == "done"
            ways = [client.get(f"{url}{end}") for end in ("/picture", "", "/events")]
            brightness.append(shown(ways[0]).mean())
            assert known["model"] == {"name": "pet-portrait-cyclegan", "version": painter}
            said = f"pet-portrait-cyclegan/{painter}"
            assert {one.headers[MODEL] for one in (answer, *ways)} == {said}
    assert brightness[0] - brightness[1] > 20


def test_a_version_that_comes_damaged_is_left_and_told_once(store, service, caplog):
    with service(painters_alias="champion", poll=0.05) as client:
        good = store.add(200)
        painted_by(client, good)
        bad = store.add(160)
        painted_by(client, bad)
    network = store.folder(bad) / "photo_to_painting.onnx"
    network.write_bytes(network.read_bytes()[:-1])
    store.crown(good)
    with caplog.at_level(logging.WARNING), service(painters_alias="champion", poll=0.05) as client:
        painted_by(client, good)
        store.crown(bad)
        until(lambda: "is not the file that was sealed" in caplog.text)
        looks = [painted_by(client, good) for _ in range(5)]
    assert len(looks) == 5 and caplog.text.count("is not the file that was sealed") == 1


def test_a_painter_that_was_opened_goes_on_though_its_copy_was_tidied_away(
    store, service, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    version = store.add(200)
    with service(painters_alias="champion", poll=3600) as client:  # so it is not fetched again meanwhile
        before = painted_by(client, version), client.get("/v1/styles").json()
        [copy] = tmp_path.glob("pawtrait-*/*")
        shutil.rmtree(copy)
        after = painted_by(client, version), client.get("/v1/styles").json()
    np.testing.assert_array_equal(shown(after[0]), shown(before[0]))
    assert after[1] == before[1]


def test_methods_name_the_version_that_would_paint(shared):
    methods = {one["name"]: one["model"] for one in shared.get("/v1/styles").json()["methods"]}
    assert methods["nst"] is None and methods["hybrid"] == methods["cyclegan"]
    assert methods["fast"]["name"] == "pet-portrait-fast"
    assert send(shared, "nst", style="red", steps="1").headers.get(MODEL) is None


def test_without_an_alias_no_registry_is_asked_and_a_folder_says_when_it_changed(painted):
    arrivals = Arrivals(painted / "data/painters", "", 0.05)
    arrivals.start()
    before = arrivals.find("cyclegan")
    shutil.rmtree(painted / "data/painters/cyclegan")
    assert arrivals.find("cyclegan") is None
    make_cyclegan(painted / "data/painters/cyclegan", 90)
    after = arrivals.find("cyclegan")
    arrivals.stop()
    assert isinstance(before, Place) and isinstance(after, Place) and before.version != after.version
