"""``make up``: the whole set-up of a team in containers, by Docker Compose; the standard library suffices.

The secrets are made once, in ``docker/secrets``, and stay; whoever has them has the databases. What the
environment tells Compose is noted in ``docker/.env``, where Compose finds it again whoever calls it.
"""

import argparse
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COMPOSE = Path("docker/compose.yaml")
SECRETS = Path("docker/secrets")
BAKED = Path("docker/baked")
WISHES = Path("docker/.env")  # Compose reads the file of this name beside its own by itself
FOUND = "looked up by each `make up`"  # ends a line there that nobody wished for
TOLD = (  # what compose.yaml asks the environment for
    *("PAWTRAIT_UID", "PAWTRAIT_GID", "PAWTRAIT_MODEL", "PAWTRAIT_PAINTERS_ALIAS", "PAWTRAIT_TARGET"),
    *("PAWTRAIT_MOUNTED", "PAWTRAIT_MOUNTED_APP"),
    *("PAWTRAIT_WEBHOOK", "OTEL_EXPORTER_OTLP_ENDPOINT", "GPU"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
)
# Beside compose.yaml, and mounted where users of the images' own read them.
SHOWN = ("postgres/databases.sql", "prometheus.yml", "alarms.yml", "grafana")
# Mounted one by one; not PostgreSQL's script nor passwords, which are of the first start alone. By the
# variable that compose.yaml has their sum from: the web app's is its own, since a start ends its visits.
MOUNTED = {
    "PAWTRAIT_MOUNTED": ("prometheus.yml", "alarms.yml", "../params.yaml", "secrets/keys"),
    "PAWTRAIT_MOUNTED_APP": ("secrets/app_key",),
}
VISITORS = ("read", "feedback")  # scopes of the web app's own key, which anybody who opens it uses
STAFF = ("review", "admin")  # of the key that reviewers and operators type in on their pages
DATABASES = {  # by secret: the address as its reader wants it spelt
    "mlflow_url": "postgresql+psycopg://pawtrait:{}@postgres/mlflow",
    "prefect_url": "postgresql+asyncpg://pawtrait:{}@postgres/prefect",
    "feedback_url": "postgresql://pawtrait:{}@postgres/feedback",
}
ADDRESSES = {
    "web app": "http://127.0.0.1:8501",
    "service": "http://127.0.0.1:8000/docs, with the key in docker/secrets/app_key",
    "staff": "Reviewers and Operators of the web app ask for a key: docker/secrets/staff_key",
    "MLflow": "http://127.0.0.1:5000",
    "Prefect": "http://127.0.0.1:4200",
    "Prometheus": "http://127.0.0.1:9090",
    "Grafana": "http://127.0.0.1:3000, as admin with the password in docker/secrets/grafana_password",
}
FIRST = """\
The service answers once the registry has a champion. To make the first one:
  docker compose -f docker/compose.yaml exec worker from_files \\
    DATABASE_URL=/run/secrets/feedback_url -- python -m pipelines.retrain --here"""


class Missing(Exception):
    """Something that containers need is not here; the message says what, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the secrets, start everything, say where it is; 2 after a line why not, 130 by Ctrl-C."""
    parser = argparse.ArgumentParser("python -m pipelines.team", description=__doc__)
    parser.add_argument("--secrets", action="store_true", help="only make the secrets that are not there yet")
    only_secrets = parser.parse_args(arguments).secrets
    try:
        if not only_secrets:
            hand_over(BAKED)  # which `pawtrait bake` made just before; a start that stops here keeps it
            check()
        made = make_secrets(SECRETS)
        if made:
            print(f"up: made {', '.join(made)} in {SECRETS}; keep them safe, later starts use them too")
        if only_secrets:
            return 0
        show(COMPOSE.parent)
        note_wishes(WISHES, os.environ, _identity() | mounted(COMPOSE.parent))
        hand_over(SECRETS, WISHES)
        code = subprocess.run([*_compose(), "up", "--detach", "--build", "--remove-orphans"])
        if code.returncode:
            return 2  # Compose has said why
    except KeyboardInterrupt:
        print("up: interrupted; `make up` goes on with what is there already", file=sys.stderr)
        return 130  # as shells have it
    except (Missing, OSError) as error:
        print(f"up: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"{name:<11} {where}" for name, where in ADDRESSES.items()))
    print(FIRST)
    return 0


def check() -> None:
    """Look for what containers need.

    Raises:
        Missing: Docker, its engine, Compose, a user whom the containers can be, or the secrets of a database.
    """
    if not COMPOSE.is_file():
        raise Missing(f"{COMPOSE} does not exist here; run this in the project's root")
    if not shutil.which("docker"):
        raise Missing(
            "docker is not installed; install Docker Engine with the Compose plugin, or run the parts without"
            " containers: make postgres, make ui, make prefect, make app"
        )
    if _fails("docker", "info"):
        raise Missing(
            "docker is installed, but its engine does not answer; start it, or get the right to use it"
            " (on Linux: join the group docker)"
        )
    if _fails(*_compose(), "version"):
        raise Missing("docker has no `compose` command; install the package docker-compose-plugin")
    _identity()  # before anything is made
    volume = f"{os.environ.get('COMPOSE_PROJECT_NAME') or 'pawtrait'}_postgres"
    if not (SECRETS / "postgres_password").exists() and not _fails("docker", "volume", "inspect", volume):
        raise Missing(  # PostgreSQL keeps its first password: with a new one nothing would come in
            f"PostgreSQL's volume {volume} is of an earlier set-up, and {SECRETS} lacks its password: bring"
            f" it back, set a new one (docs/deploy.md), or delete all data with"
            f" `docker compose -f {COMPOSE} down --volumes`"
        )


def make_secrets(folder: Path) -> list[str]:
    """Write every secret that is not there yet; give their names.

    Others of this machine cannot enter the folder. The files themselves may be read by all: a container's
    user is another than ours, and sees only those it is given.

    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    password = _known(folder / "postgres_password") or secrets.token_urlsafe(24)
    app_key = _known(folder / "app_key") or f"paw_{secrets.token_urlsafe(32)}"
    staff_key = _known(folder / "staff_key") or f"paw_{secrets.token_urlsafe(32)}"
    keys = [_key("app", app_key, VISITORS, shared=True), _key("staff", staff_key, STAFF, shared=False)]
    wanted = {
        "postgres_password": password,
        **{name: address.format(password) for name, address in DATABASES.items()},
        "app_key": app_key,
        "staff_key": staff_key,
        "grafana_password": secrets.token_urlsafe(16),
        "keys": "".join(f"{json.dumps(key)}\n" for key in keys),
    }
    made = [name for name in wanted if not (folder / name).exists()]
    for name in made:
        (folder / name).write_text(wanted[name], encoding="utf-8")
        (folder / name).chmod(0o644)
    for key in keys:
        if f"{key['name']}_key" in made and "keys" not in made:  # which people may have added to
            _renew(folder / "keys", key)
    return made


def show(folder: Path) -> None:
    """Let containers whose users are neither root nor ours read what they mount from the folder.

    Where the umask is 077, git writes files for their owner alone. A PostgreSQL that cannot read its script
    at its first start stays without databases for good.

    Raises:
        Missing: a file is closed, and somebody else's.
    """
    for path in (one for name in SHOWN for one in [folder / name, *(folder / name).rglob("*")]):
        wanted = 0o555 if path.is_dir() else 0o444
        if not path.exists() or path.stat().st_mode & wanted == wanted:
            continue
        try:
            path.chmod(path.stat().st_mode | wanted)
        except PermissionError as error:
            raise Missing(
                f"containers cannot read {path}, which is not yours; have its owner `chmod a+rX {path}`"
            ) from error


def hand_over(*tops: Path) -> None:
    """Give what a start by sudo made to the checkout's owner, who reads and changes it without."""
    if os.geteuid():
        return
    owner = Path().stat()
    for path in (one for top in tops if top.exists() for one in [top, *top.rglob("*")]):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def mounted(folder: Path) -> dict[str, str]:
    """The sums of the files that are mounted one by one; a container starts anew with its label's sum."""
    return {variable: _sum([folder / name for name in names]) for variable, names in MOUNTED.items()}


def _sum(files: Sequence[Path]) -> str:
    there = [file for file in files if file.exists()]
    sums = [f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in there]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()[:16]


def _renew(file: Path, key: Mapping[str, object]) -> None:
    """Put a key in the place of the one of its name; those that people added stay."""
    lines = filter(str.strip, file.read_text(encoding="utf-8").splitlines())
    others = [line for line in lines if json.loads(line)["name"] != key["name"]]
    file.write_text("".join(f"{line}\n" for line in [*others, json.dumps(key)]), encoding="utf-8")


def note_wishes(file: Path, environment: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Note what is set there of all that Compose asks for, or was found; other lines of the file stay.

    So whoever starts one container anew gets the user and the model that `make up` began with.
    """
    wishes = {name: environment[name] for name in TOLD if name in environment}
    noted = {name: f"{_line(name, value)} # {FOUND}" for name, value in found.items()}
    noted |= {name: _line(name, value) for name, value in wishes.items()}
    kept = [line for line in _lines(file) if _name(line) not in noted]
    file.touch(mode=0o600)  # the webhook's address and a package index may hold a password
    file.write_text("".join(f"{line}\n" for line in [*kept, *noted.values()]), encoding="utf-8")


def _wished(file: Path) -> set[str]:
    """The names that somebody said, at an earlier start or by hand; what was found is looked up anew."""
    return {_name(line) for line in _lines(file) if not line.endswith(FOUND)}


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _name(line: str) -> str:
    return line.partition("=")[0].strip()


def _line(name: str, value: str) -> str:
    """As Compose reads it back to the letter: between single quotes nothing has a meaning but these."""
    quoted = value.replace("'", r"\'")
    return f"{name}='{quoted}'"


def _key(name: str, secret: str, scopes: Sequence[str], shared: bool) -> dict[str, object]:
    """A line of the service's file of keys."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return {"name": name, "sha256": digest, "scopes": scopes, "shared": shared}


def _known(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _compose() -> list[str]:
    return ["docker", "compose", "--file", str(COMPOSE)]


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode != 0


def _identity() -> dict[str, str]:
    """Containers write into the checkout as its owner, whoever starts them: by sudo that is root.

    Where somebody said who they are to be, now or at an earlier start, that stands and is not given.

    Raises:
        Missing: it is root's, and nobody said who they are to be instead.
    """
    owner = Path().stat()
    said = _wished(WISHES) | {name for name, value in os.environ.items() if value}
    if not owner.st_uid and "PAWTRAIT_UID" not in said:
        raise Missing(
            "this checkout belongs to root, and containers run as an ordinary user, who cannot write here;"
            " give it to one (`chown -R 1000:1000 .`) and start again"
        )
    found = {"PAWTRAIT_UID": str(owner.st_uid), "PAWTRAIT_GID": str(owner.st_gid or 1000)}
    return {name: value for name, value in found.items() if name not in said}


if __name__ == "__main__":
    sys.exit(main())
