"""The manifests: rendered by kubectl, valid by the published schemas, every reference kept inside."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from pawtrait.serving.settings import Settings
from pipelines import team

FOLDER = Path("docker/kubernetes")
MOODS = 2_000_000_000  # bytes, as docs/serving.md plans


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    return _rendered(FOLDER)


def _rendered(folder: Path) -> list[dict[str, Any]]:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def pods(rendered) -> dict[str, dict[str, Any]]:
    """The pods' specifications by name."""
    return _pods(rendered)


def _pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in rendered
        if "template" in one.get("spec", {})
    }


def test_service_web_app_and_worker_are_there(pods):
    assert set(pods) == {"service", "app", "worker"}


def test_each_is_valid_by_the_published_schema(rendered):
    for one in rendered:
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_all_live_in_one_namespace_that_allows_only_harmless_pods(rendered):
    (namespace,) = [one for one in rendered if one["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    named = {one["metadata"]["namespace"] for one in rendered if one["kind"] != "Namespace"}
    assert named == {namespace["metadata"]["name"]}


def test_no_pod_needs_more_than_that_namespace_allows(pods):
    for pod in pods.values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_start_walks_through_the_files_of_its_volumes(pods):
    for pod in pods.values():
        assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


@pytest.mark.parametrize("name", ["service", "app"])
def test_the_front_cannot_write_into_its_image(pods, name):
    assert pods[name]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_every_pod_is_asked_how_it_is_and_has_a_limit(pods):
    for pod in pods.values():
        (container,) = pod["containers"]
        assert "readinessProbe" in container
        assert "memory" in container["resources"]["limits"]


def test_the_service_may_use_what_moods_and_painters_take(pods):
    (container,) = pods["service"]["containers"]
    said = {one["name"]: one["value"] for one in container["env"] if not one["name"].endswith("_FILE")}
    settings = Settings.of(said)
    painters = settings.painters_at_work * settings.portrait_memory * 1_000_000
    assert {"PAWTRAIT_WORKERS", "PAWTRAIT_PORTRAIT_THREADS"} <= set(said)  # not one a core of the node
    asked = int(container["resources"]["requests"]["cpu"])
    assert settings.workers == settings.portrait_threads == asked
    limit = container["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("Gi")) * 2**30 >= MOODS + painters


def test_a_service_that_never_was_ready_is_replaced_by_the_corrected_one(rendered):
    (service,) = [one for one in rendered if one["kind"] == "StatefulSet"]
    assert service["spec"]["podManagementPolicy"] == "Parallel"


def test_a_prefect_server_that_is_away_ends_no_month_that_is_under_way(pods):
    killed = {name for name, pod in pods.items() if "livenessProbe" in pod["containers"][0]}
    assert killed == {"service", "app"}  # the worker's container ends by itself with its worker


def test_the_worker_finds_the_pictures_where_the_service_keeps_them(pods, rendered):
    (place,) = [one["data"]["PAWTRAIT_PICTURES"] for one in rendered if one["kind"] == "ConfigMap"]
    (claim,) = [one for one in rendered if one["kind"] == "PersistentVolumeClaim" and _is_shared(one)]
    for name in ("service", "worker"):
        (container,) = pods[name]["containers"]
        assert "PAWTRAIT_PICTURES" not in {one["name"] for one in container["env"]}
        assert container["envFrom"][0]["configMapRef"]["name"].startswith("places")
        assert {"name": "pictures", "mountPath": place} in container["volumeMounts"]  # both delete, too
        mounted = {"name": "pictures", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
        assert mounted in pods[name]["volumes"]


def _is_shared(claim: dict[str, Any]) -> bool:
    return claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_every_file_of_a_secret_is_one_that_is_made(pods, tmp_path):
    made = set(team.make_secrets(tmp_path))
    for pod in pods.values():
        for volume in pod["volumes"]:
            items = volume.get("secret", {}).get("items", [])
            assert {item["key"] for item in items} <= made


def test_what_is_called_in_a_pod_by_the_documents_finds_its_secrets_there(pods):
    said = Path("docs/deploy.md").read_text(encoding="utf-8")
    called = re.findall(r"exec deploy/(\w+) -- from_files ([^`]*?)-- ", said)
    assert {"feedback_url", "mlflow_url"} <= set(re.findall(r"=/run/secrets/pawtrait/(\w+)", str(called)))
    (made,) = re.findall(r"create secret generic pawtrait (.*)", said)
    for name, words in called:
        mounted = [one["secret"]["items"] for one in pods[name]["volumes"] if "secret" in one]
        known = {item["path"] for items in mounted for item in items}
        assert set(re.findall(r"=/run/secrets/pawtrait/(\w+)", words)) <= known
        assert known <= set(re.findall(r"docker/secrets/(\w+)", made))


def test_the_first_champion_comes_by_a_month_that_leaves_the_workers_clone_as_it_was(pods):
    """What `--here` makes is committed nowhere, and a later `git pull` there may refuse to go over it."""
    said = Path("docs/deploy.md").read_text(encoding="utf-8").partition("\n## Kubernetes\n")[2]
    command = (
        r"^kubectl -n pawtrait exec deploy/worker -- (from_files .* -- python -m pipelines\.)retrain(.*)$"
    )
    ((same, options),) = re.findall(command, said, re.MULTILINE)
    assert f"{same}join".split() == pods["worker"]["containers"][0]["args"]  # it knows the same database
    assert not options


def test_mlflow_is_told_to_answer_to_the_name_that_the_pods_call_it_by(rendered, compose):
    (places,) = [one["data"] for one in rendered if one["kind"] == "ConfigMap"]
    host = urlsplit(places["MLFLOW_TRACKING_URI"]).hostname
    said = Path("docs/deploy.md").read_text(encoding="utf-8").partition("\n## Kubernetes\n")[2]
    (names,) = re.findall(r"`MLFLOW_SERVER_ALLOWED_HOSTS=(\S+)`", said.partition("\n## ")[0])
    assert f"{host}:*" in names.split(",")
    assert names == compose["services"]["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"]


def test_prefects_server_is_told_to_keep_its_leases_as_under_compose(compose):
    said = Path("docs/deploy.md").read_text(encoding="utf-8").partition("\n## Kubernetes\n")[2]
    name = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    told = compose["services"]["prefect"]["environment"]
    assert f"`{name}={told[name]}`" in said.partition("\n## ")[0]
    assert "`PREFECT_HOME` on a volume" in said.partition("\n## ")[0]


def test_every_mount_has_its_volume(pods, rendered):
    claimed = {
        claim["metadata"]["name"]
        for one in rendered
        for claim in one.get("spec", {}).get("volumeClaimTemplates", [])
    }
    for name, pod in pods.items():
        containers = [*pod["containers"], *pod.get("initContainers", [])]
        mounted = {mount["name"] for one in containers for mount in one["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]} | claimed, name


def test_traffic_reaches_the_pods(rendered, pods):
    for one in rendered:
        if one["kind"] == "Service":
            name = one["spec"]["selector"]["app.kubernetes.io/name"]
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= {
                port["name"] for port in pods[name]["containers"][0]["ports"]
            }


def test_images_are_those_that_compose_builds(pods, compose):
    built = {one["image"] for one in compose["services"].values() if "build" in one}
    assert {pod["containers"][0]["image"].partition(":")[0] for pod in pods.values()} == built


def test_containers_do_what_they_do_under_compose(pods, compose):
    for name, pod in pods.items():
        mine = [
            word.replace("/run/secrets/pawtrait/", "/run/secrets/") for word in pod["containers"][0]["args"]
        ]
        assert mine == compose["services"][name]["command"]


def test_the_web_app_has_the_key_without_which_it_opens_to_nobody(pods):
    container = pods["app"]["containers"][0]
    assert "0.0.0.0" in container["args"]
    assert "PAWTRAIT_APP_KEY_FILE" in [one["name"] for one in container["env"]]


def test_the_workers_first_start_clones_the_project_and_later_ones_leave_it_alone(tmp_path):
    (_, worker) = yaml.safe_load_all((FOLDER / "worker.yaml").read_text())
    (clone,) = worker["spec"]["template"]["spec"]["initContainers"]
    theirs, volume = tmp_path / "theirs", tmp_path / "volume"
    (volume / "lost+found").mkdir(parents=True)

    def start(address: str) -> subprocess.CompletedProcess[str]:
        around = os.environ | {"PAWTRAIT_REPOSITORY": address, "HOME": str(tmp_path)}
        return subprocess.run(clone["args"], cwd=volume, env=around, capture_output=True, text=True)

    unnamed = start("")
    assert unnamed.returncode != 0 and "say in kustomization.yaml where to clone from" in unnamed.stderr
    commit = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one"]
    subprocess.run(["git", "init", "--quiet", str(theirs)], check=True)
    (theirs / "dvc.yaml").write_text("stages: {}\n")
    subprocess.run(["git", "add", "dvc.yaml"], cwd=theirs, check=True)
    subprocess.run(commit, cwd=theirs, check=True)
    cut_off = start(str(tmp_path / "away"))
    assert cut_off.returncode != 0
    (volume / "dvc.yaml").write_text("stag")
    (volume / ".git/index.lock").touch()
    first = start(str(theirs))
    assert first.returncode == 0, first.stderr
    assert (volume / "dvc.yaml").read_text() == "stages: {}\n"
    origin = ["git", "remote", "get-url", "origin"]  # for whoever updates it
    assert subprocess.check_output(origin, cwd=volume, text=True).strip() == str(theirs)
    (volume / "dvc.yaml").write_text("stages: {mine: {}}\n")
    assert start("nowhere").returncode == 0
    assert (volume / "dvc.yaml").read_text() == "stages: {mine: {}}\n"


def test_a_private_repositorys_address_may_come_from_the_secret(pods):
    (clone,) = pods["worker"]["initContainers"]
    (address,) = [one["valueFrom"] for one in clone["env"] if one["name"] == "PAWTRAIT_REPOSITORY"]
    assert address == {"secretKeyRef": {"name": "pawtrait", "key": "repository", "optional": True}}
    assert clone["envFrom"][0]["configMapRef"]["name"].startswith("places")  # its address stands else


def test_the_worker_knows_where_news_go_by_the_secret_as_the_page_says(pods):
    (container,) = pods["worker"]["containers"]
    (address,) = [one["valueFrom"] for one in container["env"] if one["name"] == "PAWTRAIT_WEBHOOK"]
    page = Path("docs/deploy.md").read_text(encoding="utf-8").partition("\n## Kubernetes\n")[2]
    (said,) = re.findall(r"`--from-literal (\w+)=ADDRESS`: without it", page)
    assert address == {"secretKeyRef": {"name": "pawtrait", "key": said, "optional": True}}


def test_with_the_component_the_service_has_the_projects_data_as_under_compose(compose, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    with (tmp_path / "kubernetes/kustomization.yaml").open("a") as wishes:
        wishes.write("components: [project]\n")
    made = _rendered(tmp_path / "kubernetes")
    for one in made:
        kubernetes_validate.validate(one, "1.31", strict=True)
    pod = _pods(made)["service"]
    (container,) = pod["containers"]
    project = {one["name"]: one["value"] for one in container["env"] if "/project/" in one.get("value", "")}
    theirs = compose["services"]["service"]["environment"]
    assert project == {name: value for name, value in theirs.items() if "/project/" in str(value)}
    assert {"name": "project", "mountPath": "/project", "readOnly": True} in container["volumeMounts"]
    assert {"state", "tmp", "secrets"} < {one["name"] for one in container["volumeMounts"]}
    assert "DATABASE_URL_FILE" in {one["name"] for one in container["env"]}
