"""What an operator may set: each field is the variable PAWTRAIT_NAME, docs/serving.md has the table."""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pawtrait.adapters.store import database, pictures
from pawtrait.champion import NOTE
from pawtrait.environment import cores
from pawtrait.errors import BadParams

PREFIX = "PAWTRAIT_"
ELSEWHERE = {"database": "DATABASE_URL"}  # names that other tools share
LEAST_SIDE = 32  # px of a portrait
OPEN = 600  # requests a minute, where keys show that others may ask and nothing else is said

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(ge=LEAST_SIDE)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """All of them, frozen; a relative path is relative to the folder that the service starts in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = ""  # a sealed folder, or models:/NAME@ALIAS; the champion's note where left out
    note: Path = NOTE  # of the champion
    poll: Seconds = 5.0  # seconds between two looks for a new champion
    painters: Path = Path("data/painters")
    painters_alias: str = ""  # of the registry's versions, which are followed; the folder's where left out
    manifest: Path = Path("data/tables/manifest.csv")
    snapshots: Path = Path("data/feedback")
    monitor: Path = Path("data/monitor")
    params: Path = Path("params.yaml")

    database: str = Field(default_factory=database.url)
    pictures: str = Field(default_factory=pictures.place)
    outbox: Path = Path("data/outbox")  # what was acknowledged and is not in the database yet
    salt: str = ""  # of clients' fingerprints; made up once and kept beside the outbox where left out

    largest_bytes: Positive = 10_000_000  # of one picture
    largest_pixels: Positive = 40_000_000
    most_pictures: Positive = 16  # in one request
    unsure: Share = 0.5  # a lower confidence counts as unsure
    memory: Positive = 512_000_000  # bytes of bodies on their way in together; more are answered by 429
    batch: Positive = 8  # pictures that one call of the model takes at most
    workers: Positive = Field(default_factory=cores)  # that decode and predict side by side
    processes: bool = True  # whether each of them is a process; else a thread of the service
    queue: Positive = 64  # pictures that may wait; more are answered by 429
    wait: Seconds = 0.5  # seconds that a picture may have to wait, as of late; longer is 429
    timeout: Seconds = 10.0  # seconds until 504
    slowest: Seconds = 60.0  # seconds that a body may take to come in; longer is 408
    grace: Seconds = 30.0  # seconds that a shutdown leaves to what is in hand
    rows: Positive = 100_000  # of requests that wait for the database at most; feedback is never dropped

    paintings: Path = Path("data/paintings")  # that can be named as a style
    paintings_table: Path = Path("data/tables/paintings.csv")  # their titles; all pictures there where absent
    style_weights: Path = Path("data/style_weights")  # of neural style transfer
    portraits: Path = Path(".cache/portraits")  # where finished ones of jobs lie for a while
    portrait_side: Side = 512  # px of the longer side, where nothing is wished and the next is not less
    portrait_largest: Side = 1024  # px that can be wished at most
    portrait_steps: Positive = 300  # that can be wished at most
    portrait_threads: Count = 0  # of a network that paints; 0 is one a core
    portrait_timeout: Seconds = 30.0  # seconds until 504, of those that are painted at once
    portraits_at_once: Positive = 1  # of those
    portraits_waiting: Count = 8  # of those, and of jobs
    painters_at_work: Count = 1  # processes that paint jobs; 0 switches nst and hybrid off
    portrait_memory: Annotated[int, Field(ge=500)] = 3000  # MB that such a process may use
    portrait_polite: Annotated[int, Field(ge=0, le=19)] = 10  # steps that it stands back: moods come first
    portrait_seconds: Seconds = 600.0  # that a job may paint
    portrait_grace: Seconds = 5.0  # seconds that a process has to leave its step when told to stop
    portraits_kept: Seconds = 3600.0  # seconds that a finished job is known
    portraits_most: Positive = 200  # finished portraits, and as many jobs that ended without one

    keys: Path | None = None  # hashed API keys; open to this machine alone where left out
    rate: Count | None = None  # requests a minute for each key and each address; 0 is no limit
    hosts: str = ""  # names the service goes by, separated by spaces; any where left out
    origins: str = ""  # that browsers may call from, separated by spaces; none where left out
    log: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"  # level
    proxies: str = ""  # addresses whose X-Forwarded-For is believed, separated by commas

    @field_validator("proxies")
    @classmethod
    def _networks(cls, said: str) -> str:
        """As the web app takes them; what uvicorn does not know it passes over without a word."""
        if said.strip() == "*":
            return "*"
        return ",".join(str(ip_network(one.strip(), strict=False)) for one in said.split(",") if one.strip())

    @field_validator("hosts", "origins")
    @classmethod
    def _names(cls, said: str) -> str:
        """Names know no capitals, and browsers send none."""
        return said.lower()

    @property
    def pace(self) -> int:
        """Requests a minute for each key and each address, 0 for no limit; who has keys lets others in."""
        if self.rate is not None:
            return self.rate
        return OPEN if self.keys else 0

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None, **known: Any) -> "Settings":
        """From environment variables, the process's own where left out; ``known`` wins.

        PAWTRAIT_NAME_FILE names a file that holds the value, as container secrets come, and goes before
        PAWTRAIT_NAME: an image's own defaults are variables too, which no one who mounts a secret unsets.

        Raises:
            BadParams: a value cannot be used, or such a file cannot be read.
        """
        found = dict(_named(os.environ if environment is None else environment))
        try:
            return cls.model_validate({**found, **known})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            said = first["msg"].removeprefix("Value error, ")
            raise BadParams(f"{_variable(name)} is {first['input']!r}: {said.lower()}") from error


def _named(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the environment says of our fields."""
    found = []
    for name in Settings.model_fields:
        variable = _variable(name)
        value = _from_file(environment, f"{variable}_FILE") or environment.get(variable, "")
        if value:
            found.append((name, value))
    return found


def _variable(name: str) -> str:
    return ELSEWHERE.get(name, f"{PREFIX}{name.upper()}")


def _from_file(environment: Mapping[str, str], variable: str) -> str:
    path = environment.get(variable, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except OSError as error:
        raise BadParams(f"{variable} names {path}, which cannot be read: {error.strerror}") from error
