"""The champion in memory: followed, checked, swapped whole."""

import shutil
import signal
import tempfile
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from pawtrait import champion, params, sealed
from pawtrait.adapters.store import database, ledger
from pawtrait.errors import BadModel
from pawtrait.serving import health, models, places, watch
from pawtrait.serving.models import Models
from pawtrait.serving.places import Place
from pawtrait.serving.settings import Settings
from tests.serving.callers import crown, png, wait_for

SWAPS = 5


@pytest.fixture
def held(project):
    found = Models(places.source(Settings.of({})), 0.05)
    found.refresh()
    return found


def test_the_notes_champion_is_held(held):
    assert held.now().told() == {"name": "pet-expression", "version": "1", "kind": "cnn"}
    assert not held.refresh()


def test_a_new_champion_is_taken_and_a_rollback_too(held, colour_model, project):
    first = held.now()
    crown(colour_model("deep_cnn", sharpness=2.0), "2")
    assert held.refresh() and held.now().told()["version"] == "2"
    crown(project / "models/cnn", "1")
    assert held.refresh() and held.now().classifier.digest == first.classifier.digest and held.swaps == 2


def test_who_prepares_has_a_new_champion_before_any_request_does(held, colour_model):
    seen = []
    held.preparers.append(lambda loaded: seen.append((loaded.place.version, held.now().place.version)))
    crown(colour_model("deep_cnn", sharpness=2.0), "2")
    assert held.refresh() and seen == [("2", "1")]


def test_a_damaged_champion_is_left_and_the_old_one_stays(held, colour_model):
    folder = colour_model("deep_cnn")
    crown(folder, "2")
    (folder / "model.onnx").write_bytes(b"damage")
    assert not held.refresh() and held.now().place.version == "1" and "deep_cnn" in held.problem


def test_another_model_than_the_note_names_is_left(held, colour_model):
    champion.write(champion.Champion("pet-expression", "2", "cnn", "ab" * 32, str(colour_model("other"))))
    assert not held.refresh() and held.now().place.version == "1"


def test_a_champion_that_gives_no_numbers_is_left(held, colour_model):
    crown(colour_model("odd", sharpness=float("nan")), "2")
    assert not held.refresh() and held.now().place.version == "1" and "nan" in held.problem


def test_a_champion_that_cannot_be_run_at_all_stops_no_start(project, colour_model):
    folder = colour_model("odd")
    sealed.write_facts(folder, sealed.facts(folder) | {"side": "wide"})
    sealed.seal(folder)
    crown(folder, "2")
    found = Models(places.source(Settings.of({})))
    assert not found.refresh() and found.served is None and found.problem


def test_a_note_that_goes_away_changes_nothing(held, project):
    (project / "data/champion.json").unlink()
    assert not held.refresh() and held.now().place.version == "1"


def test_a_trouble_that_is_over_is_told_no_more(held, project):
    note = project / "data/champion.json"
    away = note.rename(project / "away.json")
    assert not held.refresh() and held.problem
    away.rename(note)
    assert not held.refresh() and held.problem == ""


def test_without_any_champion_nothing_is_held(project):
    (project / "data/champion.json").unlink()
    empty = Models(places.source(Settings.of({})))
    assert not empty.refresh() and empty.served is None
    with pytest.raises(BadModel, match="no champion yet"):
        empty.now()


def test_a_look_that_hangs_holds_up_neither_start_nor_end(project, monkeypatch):
    monkeypatch.setattr(models, "FIRST", 0.05)
    monkeypatch.setattr(watch, "LEAVING", 0.05)
    free, look = threading.Event(), places.source(Settings.of({}))

    def slow():
        assert free.wait(60)
        return look()

    patient, hasty = Models(slow, 0.05), Models(slow, 0.05)
    patient.start()
    hasty.start()
    assert patient.served is None
    hasty.stop()
    free.set()
    wait_for(lambda: patient.served)
    patient.stop()


def test_a_ledger_that_cannot_be_reached_is_no_empty_one(serving):
    known = ({}, {"database": "sqlite:////no/where.db"})
    told = [serving(**one).get("/v1/models").json() for one in known]
    assert [one["months"] for one in told] == [[], None]
    assert [[row["version"] for row in one["versions"]] for one in told] == [["1"], ["1"]]


def test_a_ledger_that_hangs_is_told_as_one_that_cannot_be_reached(serving, monkeypatch):
    service, free = serving(timeout=0.3), threading.Event()
    monkeypatch.setattr(health, "_decisions", lambda door: free.wait(60))
    try:
        done = service.get("/v1/models")
        assert (done.status_code, done.json()["months"]) == (200, None)
        assert [row["version"] for row in done.json()["versions"]] == ["1"]
    finally:
        free.set()


def test_every_version_has_its_figure_the_first_champion_and_what_was_rolled_back_too(settings, serving):
    """The first was registered without a rival, and a rollback measures nothing."""
    met = {"champion_macro_f1": 0.5, "challenger_macro_f1": 0.6}
    moves = [
        {"action": "promoted", "champion": "1", "previous": None, "version": "1"},
        {"action": "promoted", "champion": "2", "previous": "1", "version": "2", "figures": met},
        {"action": "rolled-back", "champion": "1", "previous": "2", "version": "1"},
        {"action": "rolled-back", "champion": "2", "previous": "1", "version": "2"},
    ]
    with database.opened(settings().database) as engine:
        for day, move in enumerate(moves, start=1):
            ledger.add(engine, ledger.Decision(time=datetime(2026, 11, day, tzinfo=UTC), actor="ann", **move))
    rows = serving().get("/v1/models").json()["versions"]
    told = [(row["version"], row["macro_f1"], row["action"]) for row in rows]
    assert told == [("2", 0.6, "rolled-back"), ("1", 0.5, "rolled-back")]


def test_a_folder_serves_by_itself_and_is_followed(project, colour_model):
    found = Models(places.source(Settings.of({"PAWTRAIT_MODEL": str(project / "models/cnn")})))
    assert found.refresh() and not found.refresh()
    assert found.now().place.version == found.now().classifier.digest[:12]


def test_a_version_in_the_registry_is_found_by_its_alias(project, mlflow_store):
    from pawtrait.adapters import registry, tracking  # late: MLflow takes seconds

    with tracking.training(params.load(), "cnn", []) as run:
        registry.log(run, project / "models/cnn")
    digest = models.load(Place("x", "1", "", project / "models/cnn")).classifier.digest
    known = registry.register(digest, {}, "a test's")
    registry.crown(str(known.version), None)
    found = Models(places.source(Settings.of({}, model="models:/pet-expression@champion")))
    assert found.refresh() and found.now().place.version == str(known.version)
    assert found.now().classifier.digest == digest and not found.refresh()


@pytest.fixture
def registered(project, colour_model, mlflow_store):
    """Registers colour models, each a new champion; gives the version, and its folder in the store."""
    from pawtrait.adapters import registry, tracking  # late: MLflow takes seconds

    def make(number):
        folder = colour_model(f"net{number}", sharpness=0.1 * number)
        with tracking.training(params.load(), "cnn", []) as run:
            registry.log(run, folder)
        known = registry.register(sealed.check(folder)["model.onnx"], {}, "a test's")
        registry.crown(str(known.version), None)
        return str(known.version), registry.folder_of(known)

    return make


def test_a_copy_that_came_damaged_is_fetched_again_and_leaves_nothing(registered, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    version, theirs = registered(31)
    network = (theirs / "model.onnx").read_bytes()
    (theirs / "model.onnx").write_bytes(network[:-1])  # as if it were cut off on its way
    found = Models(places.source(Settings.of({}, model="models:/pet-expression@champion")))
    [ours] = tmp_path.glob("pawtrait-*")
    assert not found.refresh() and "is not the file that was sealed" in found.problem
    assert list(ours.iterdir()) == []
    (theirs / "model.onnx").write_bytes(network)
    assert found.refresh() and found.now().place.version == version
    assert [one.name for one in ours.iterdir()] == [version]


def test_copies_of_the_last_champions_stay_for_a_rollback_and_older_ones_go(
    registered, tmp_path, monkeypatch
):
    from pawtrait.adapters import registry  # late: MLflow takes seconds

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    look = places.source(Settings.of({}, model="models:/pet-expression@champion"))
    versions = []
    for number in range(places.KEPT + 1):
        versions.append(registered(41 + number)[0])
        assert look().version == versions[-1]
    [ours] = tmp_path.glob("pawtrait-*")
    assert {one.name for one in ours.iterdir()} == set(versions[1:])
    registry.crown(versions[-2], None)
    assert (look().version, look().folder.is_dir()) == (versions[-2], True)
    del look
    assert not ours.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_service_that_a_signal_ends_leaves_no_copy(registered, running, tmp_path, number):
    registered(61)
    (tmp_path / "temporary").mkdir()
    service = running("--model", "models:/pet-expression@champion", TMPDIR=str(tmp_path / "temporary"))
    assert len(list((tmp_path / "temporary").glob("pawtrait-*/*/*/model.onnx"))) == 1
    service.process.send_signal(number)
    service.process.wait(30)
    assert list((tmp_path / "temporary").glob("pawtrait-*")) == []


@pytest.mark.parametrize("lost", ["the copy", "all copies"])
def test_a_copy_that_was_tidied_away_is_fetched_again(registered, lost):
    registered(51)
    look = places.source(Settings.of({}, model="models:/pet-expression@champion"))
    place = look()
    shutil.rmtree(place.folder if lost == "the copy" else place.folder.parents[1])
    assert look() == place and models.load(place)


@pytest.mark.parametrize("requests", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_request_fails_while_the_champion_changes(service, colour_model, requests):
    """Each answer is that of a version which was champion while its request was under way."""
    folders = {str(n): colour_model(f"net{n}", sharpness=0.2 * n) for n in range(2, 2 + SWAPS)}
    expected = {"1": 1.0} | {str(n): 0.2 * n for n in range(2, 2 + SWAPS)}
    seen, failed, done = [], [], threading.Event()

    def ask():
        while not done.is_set():
            answer = service.post("/v1/moods", files={"pictures": png("sad")})
            if answer.status_code == 200:
                body = answer.json()
                seen.append((body["model"]["version"], body["answers"][0]["confidence"]))
            else:
                failed.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version, folder in folders.items():
        before = len(seen)
        wait_for(lambda before=before: len(seen) >= before + requests // (SWAPS + 1), 60 + requests / 10)
        crown(folder, version)
        wait_for(lambda version=version: service.app.state.door.models.now().place.version == version)
    before = len(seen)
    wait_for(lambda: len(seen) >= before + requests // (SWAPS + 1), 60 + requests / 10)
    done.set()
    for thread in threads:
        thread.join()
    by_version = {version: {round(c, 5) for v, c in seen if v == version} for version, _ in seen}
    assert failed == [] and set(by_version) == set(expected)
    assert all(len(answers) == 1 for answers in by_version.values())  # a version's answers are its own
    confidences = [by_version[version] for version in sorted(expected, key=expected.__getitem__)]
    assert confidences == sorted(confidences, key=min)


def test_a_version_is_warm_before_it_is_champion(held):
    square = np.zeros((1, 32, 32, 3), np.uint8)
    assert held.now().classifier.probabilities(square).shape == (1, 4)
