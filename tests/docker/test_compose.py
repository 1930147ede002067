"""The compose file: valid by its published schema, closed to the network, nothing named that is not there."""

import importlib
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path

import check_jsonschema
import jsonschema
import pytest
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect.settings.models.server.ui import ServerUISettings

from pawtrait.app import client
from pipelines import team

FOLDER = Path("docker")
WANTED = {"service", "app", "mlflow", "prefect", "worker", "postgres", "prometheus", "grafana"}
PORTS = {
    "service": 8000,
    "app": 8501,
    "mlflow": 5000,
    "prefect": 4200,
    "postgres": 5432,
    "prometheus": 9090,
    "grafana": 3000,
}
POSTGRESQL = {"bookworm": 15, "trixie": 17}  # by Debian's release
BEFORE = {"pyproject.toml", "constraints.txt", "./"}  # what the packages of an image are installed by
OURS = {"service", "app", "mlflow", "prefect", "worker"}


def test_it_is_valid_by_the_published_schema(compose):
    text = (files(check_jsonschema) / "builtin_schemas/vendor/compose-spec.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(one.path)}: {one.message}" for one in validator.iter_errors(compose)] == []


def test_the_whole_team_is_there(compose):
    assert set(compose["services"]) == WANTED


def test_every_port_is_published_on_this_machine_alone(compose):
    published = {name: one.get("ports", []) for name, one in compose["services"].items()}
    assert published == {
        name: [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"] if name in PORTS else [] for name in WANTED
    }


def test_every_container_is_asked_how_it_is(compose):
    assert [name for name, one in compose["services"].items() if "healthcheck" not in one] == []


def test_every_secret_comes_from_a_file_and_is_used(compose):
    given = {name for one in compose["services"].values() for name in one.get("secrets", [])}
    assert given == set(compose["secrets"])
    assert all(set(one) == {"file"} for one in compose["secrets"].values())


def test_no_container_reads_a_secret_that_it_is_not_given(compose):
    for name, one in compose["services"].items():
        read = set(re.findall(r"/run/secrets/(\w+)", json.dumps(one)))
        assert read <= set(one.get("secrets", [])), name


def test_no_password_stands_in_the_file(compose):
    for one in compose["services"].values():
        for name, value in one.get("environment", {}).items():
            if re.search("PASSWORD|KEY|SECRET|TOKEN", name):
                assert str(value).startswith("/run/secrets/"), name


def test_what_is_mounted_from_here_exists(compose):
    mounts = [one for service in compose["services"].values() for one in service.get("volumes", [])]
    sources = {mount.split(":")[0] for mount in mounts}
    assert [one for one in sources if one.startswith(".") and not (FOLDER / one).exists()] == []
    assert {one for one in sources if not one.startswith(".")} == set(compose["volumes"])


def test_a_file_that_is_mounted_by_itself_starts_its_container_anew_when_it_changes(compose):
    """Whoever edits it puts another file in its place, and the container keeps the one that it knows."""
    mounts = [
        (name, place)
        for name, one in compose["services"].items()
        for place in (mount.split(":")[0] for mount in one.get("volumes", []))
        if name != "postgres" and (FOLDER / place).is_file()  # its script runs at the first start alone
    ] + [
        (name, compose["secrets"][secret]["file"])
        for name, one in compose["services"].items()
        for secret in one.get("secrets", [])
        if secret in ("keys", "app_key")  # the others are passwords, of the first start alone
    ]
    labels = {name: one["labels"] for name, one in compose["services"].items() if "labels" in one}
    assert labels.keys() == {name for name, _ in mounts}
    sums: dict[str, set[str]] = {}
    for name, place in mounts:
        sums.setdefault(labels[name]["pawtrait.mounted"], set()).add(place.removeprefix("./"))
    assert sums == {f"${{{variable}:-}}": set(names) for variable, names in team.MOUNTED.items()}


def test_the_web_app_starts_anew_for_nothing_but_its_key(compose):
    """Every open visit goes with a start."""
    own = compose["services"]["app"]["labels"]["pawtrait.mounted"]
    others = [one.get("labels") for name, one in compose["services"].items() if name != "app"]
    assert own == "${PAWTRAIT_MOUNTED_APP:-}" and {"pawtrait.mounted": own} not in others
    assert team.MOUNTED["PAWTRAIT_MOUNTED_APP"] == ("secrets/app_key",)


def test_every_image_is_built_here_or_pinned_to_a_version(compose):
    built = {one["image"] for one in compose["services"].values() if "build" in one}
    for name, one in compose["services"].items():
        assert one["image"] in built or re.fullmatch(r"[\w/.-]+:v?\d[\d.]*", one["image"]), name
    for one in compose["services"].values():
        assert "build" not in one or Path(one["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_run_as_nobody_special(compose, name):
    one = compose["services"][name]
    assert one["user"].startswith("${PAWTRAIT_UID:-1000}")
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["service", "app"])
def test_the_front_cannot_write_into_its_image(compose, name):
    assert compose["services"][name]["read_only"] is True


def test_mlflow_answers_to_the_name_that_the_others_use(compose):
    named = {
        one.split(":")[0]
        for one in compose["services"]["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    }
    used = {
        re.search(r"//([\w.]+):5000", json.dumps(compose["services"][name]["environment"]))[1]
        for name in ("service", "worker")
    }
    assert used | {"127.0.0.1", "localhost"} == named


def test_a_months_page_leads_browsers_to_where_mlflow_is_published(compose):
    (published,) = compose["services"]["mlflow"]["ports"]
    worker = compose["services"]["worker"]["environment"]
    assert worker["PAWTRAIT_MLFLOW_UI"] == f"http://{published.rpartition(':')[0]}"


def test_prefect_takes_orders_from_its_own_pages_alone(compose):
    """The worker runs what it is told: by default from the page of any site that a browser here has open."""
    told = compose["services"]["prefect"]["environment"]
    allowed = told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"].split(",")  # as Prefect does
    assert allowed == ["http://127.0.0.1:4200", "http://localhost:4200"]
    assert told["PREFECT_SERVER_UI_API_URL"].startswith(f"{allowed[0]}/")


def test_prefect_lays_its_pages_where_it_may_write(compose, monkeypatch):
    """Left alone it copies them into its package, which is root's; then 4200 has an API and no pages."""
    prefect = compose["services"]["prefect"]
    place = Path(prefect["environment"]["PREFECT_SERVER_UI_STATIC_DIRECTORY"])
    assert {str(one) for one in place.parents} & set(prefect["tmpfs"])
    monkeypatch.setenv("PREFECT_SERVER_UI_STATIC_DIRECTORY", str(place))
    assert ServerUISettings().static_directory == str(place)  # Prefect knows it by this name


def test_a_month_under_way_outlives_a_restart_of_prefect(compose):
    """Its leases are files under Prefect's home; a renewal of one that is not there ends the run."""
    prefect = compose["services"]["prefect"]
    told = prefect["environment"]
    storage = importlib.import_module(told["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"])
    with temporary_settings({PREFECT_HOME: Path(told["PREFECT_HOME"])}):
        leases = storage.ConcurrencyLeaseStorage().storage_path
    kept = {place for _, _, place in (one.partition(":") for one in prefect["volumes"])}
    assert kept & {str(place) for place in leases.parents}
    assert not set(prefect["tmpfs"]) & {str(place) for place in leases.parents}


@pytest.mark.parametrize("name", sorted(OURS))
def test_any_user_may_write_into_a_volume_that_is_new(compose, name):
    """A new volume begins as the image's folder, and Compose runs as whoever owns the checkout."""
    one = compose["services"][name]
    folders = {mount.split(":")[1] for mount in one.get("volumes", []) if mount[0] not in "./"}
    file = FOLDER / f"{one['image'].removeprefix('pawtrait-')}.Dockerfile"
    opened = re.findall(r"chmod 1777((?: /[\w/]+)+)", file.read_text(encoding="utf-8"))
    assert folders <= set(" ".join(opened).split())


def test_no_visitor_of_the_house_s_network_makes_up_who_they_are(compose):
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    gateway = str(next(ip_network(network["subnet"]).hosts()))  # where a proxy on this machine comes from
    for name in ("service", "app"):
        proxies = compose["services"][name]["environment"]["PAWTRAIT_PROXIES"]
        for visitor in ("192.168.1.50", "10.0.0.7", "172.16.3.4"):
            assert client.visitor(gateway, f"203.0.113.7, {visitor}", proxies) == visitor


def test_the_web_app_has_the_key_without_which_it_opens_to_nobody(compose):
    app = compose["services"]["app"]
    assert "0.0.0.0" in app["command"]
    assert app["environment"]["PAWTRAIT_APP_KEY_FILE"] == f"/run/secrets/{app['secrets'][0]}"


def test_one_password_opens_all_databases_of_the_file_that_makes_them(compose):
    made = re.findall(r"CREATE DATABASE (\w+);", (FOLDER / "postgres/databases.sql").read_text())
    assert {f"{name}_url" for name in made} == {name for name in compose["secrets"] if name.endswith("_url")}


def test_dvc_works_for_a_user_that_the_image_does_not_know(tmp_path):
    """As `make up` starts the worker: any number, of which the image's list of users has 1000 alone."""
    if os.getuid():
        pytest.skip("only root may become another user")
    *_, said = re.findall(r"^ENV (.*)$", (FOLDER / "pipeline.Dockerfile").read_text(), re.MULTILINE)
    image = dict(word.split("=", 1) for word in said.split())
    become = "import os; os.setresuid(54321, 0, 0)"  # by name only, so that all files can be read
    code = f"{become}; from dvc.repo import Repo; Repo.init('.', no_scm=True)"
    env = {"HOME": "/tmp", "DVC_SITE_CACHE_DIR": str(tmp_path / "site"), **image, "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_worker_can_back_up_the_database_of_the_compose_file(compose):
    """pg_dump refuses a newer server than itself, and Debian has one version of it a release."""
    image = (FOLDER / "pipeline.Dockerfile").read_text(encoding="utf-8")
    release = re.search(r"^ARG BASE=\S+-(\w+)$", image, re.MULTILINE)[1]
    assert re.search(r"apt-get install .*\bpostgresql-client\b", image)
    assert compose["services"]["postgres"]["image"] == f"postgres:{POSTGRESQL[release]}"


def test_who_keeps_the_demo_in_a_volume_is_told_that_the_image_s_code_is_kept_in_it_too():
    """Docker fills a volume once: a later image's stages would be those of the first."""
    image = (FOLDER / "pipeline.Dockerfile").read_text(encoding="utf-8")
    (kept,) = re.findall(r"^#.* -v [\w-]+:(\S+) ", image, re.MULTILINE)
    assert f"\nWORKDIR {kept}\n" in image.partition("COPY --chown=pawtrait src src")[0]
    for text in (image, Path("docs/deploy.md").read_text(encoding="utf-8")):
        assert "a new image needs a new volume" in text


def test_what_is_called_in_a_container_by_the_documents_finds_its_secrets_there(compose):
    said = "\n".join([Path("docs/deploy.md").read_text(encoding="utf-8"), team.FIRST])
    called = re.findall(r"(?:exec|run --rm) (\w+) from_files ([^`#]*?)-- ", said)
    assert {"feedback_url", "mlflow_url"} <= set(re.findall(r"=/run/secrets/(\w+)", str(called)))
    for name, words in called:
        read = set(re.findall(r"=/run/secrets/(\w+)", words))
        assert read <= set(compose["services"][name]["secrets"])


def test_keys_are_added_where_make_up_made_no_environment(compose):
    said = Path("docs/deploy.md").read_text(encoding="utf-8")
    called = re.findall(r"^(.*)pawtrait keys (add|remove) .*--file (\S+)$", said, re.MULTILINE)
    before = f"docker compose -f {team.COMPOSE} exec worker "
    assert called == [(before, verb, f"{team.SECRETS}/keys") for verb in ("add", "remove")]
    worker = compose["services"]["worker"]
    assert f"..:{worker['working_dir']}" in worker["volumes"]  # where that file lies, and may be written


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.Dockerfile")), ids=lambda file: file.stem)
def test_an_image_of_a_checkout_that_is_closed_to_others_starts_for_any_user(file):
    """COPY keeps the modes of files, and where the umask is 077 these are nobody's but their owner's."""
    text = file.read_text(encoding="utf-8")
    _, after = text.split("COPY docker/from_files /usr/local/bin/\n")
    assert "RUN chmod 755 /usr/local/bin/from_files\n" in after.partition("\nUSER ")[0]
    assert text.count("COPY docker/baked/ /baked/") == text.count("&& chmod -R a+rX /baked")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.Dockerfile")), ids=lambda file: file.stem)
def test_an_edit_of_the_code_leaves_the_layer_of_the_packages_as_it_is(file):
    """Gigabytes, of which each build would keep a copy."""
    stages = _stages(file)
    given = [
        re.findall(r"^COPY --from=(\S+) (\S+) /opt/pawtrait$", lines, re.M) for _, lines in stages.values()
    ]
    assert any(given)
    for (stage, _), ours in filter(None, given):
        assert ours == ("build", "/own")
        while stage in stages:
            stage, lines = stages[stage]
            assert set(" ".join(re.findall("^COPY (.*)", lines, re.M)).split()) <= BEFORE


@pytest.mark.parametrize(("gpu", "extras"), [("", "pipeline"), ("0", "pipeline"), ("1", "pipeline,gpu")])
def test_zero_gpus_are_none_as_for_make(gpu, extras):
    """It is how somebody goes back from GPU=1, which `make up` has noted."""
    (words,) = re.findall(r'"\.\[pipeline.*\]"', (FOLDER / "pipeline.Dockerfile").read_text(encoding="utf-8"))
    env = {**os.environ, "GPU": gpu}
    said = subprocess.run(
        ["sh", "-euc", f"echo {words}"], env=env, capture_output=True, text=True, check=True
    )
    assert said.stdout == f".[{extras}]\n"


def test_another_model_leaves_all_other_layers_of_the_service_as_they_are():
    stages = _stages(FOLDER / "serve.Dockerfile")
    given = {name: re.findall("^(?:COPY|RUN|ADD) .*", lines, re.M) for name, (_, lines) in stages.items()}
    baked = {name for name, lines in given.items() if any("--from=baked" in line for line in lines)}
    assert baked == {"serve", "full"}
    assert all(given[name][-1] == "COPY --from=baked /baked/service/ ./" for name in baked)


def test_the_service_has_its_own_rules_of_feedback_whatever_was_baked():
    """A cluster's first image is built before there is a champion, and the reviewers' queue needs them."""
    _, lines = _stages(FOLDER / "serve.Dockerfile")["baked"]
    assert re.findall("^COPY (.*)", lines, re.M) == ["docker/baked/ /baked/", "params.yaml /baked/service/"]
    assert "!params.yaml" in Path(".dockerignore").read_text(encoding="utf-8").splitlines()


def _stages(file: Path) -> dict[str, tuple[str, str]]:
    """Of a Dockerfile, by name: what each stage is made from, and its lines."""
    _, *found = re.split(r"^FROM (\S+)(?: AS (\S+))?$", file.read_text(encoding="utf-8"), flags=re.M)
    return {
        name or "": (base, lines) for base, name, lines in zip(*(found[n::3] for n in range(3)), strict=True)
    }


def test_no_two_examples_put_different_things_into_one_volume():
    texts = [
        path.read_text(encoding="utf-8") for path in (*FOLDER.glob("*.Dockerfile"), Path("docs/deploy.md"))
    ]
    mounts = set(re.findall(r"-v (pawtrait[\w-]*):(/[\w/]+)", "\n".join(texts)))
    assert len(mounts) == len({volume for volume, _ in mounts}) == 2
