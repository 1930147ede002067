"""Who may come in, how often, and what they are called in the store."""

import logging
import math
import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import ip_address, ip_network

from fastapi import Request

from pawtrait.errors import BadParams
from pawtrait.serving import privacy
from pawtrait.serving.keys import Key, Keys
from pawtrait.serving.problems import Problem

EVERY = 1.0  # seconds between two looks at the file of keys
MOST = 10_000  # of clients that are counted; the ones that came longest ago are forgotten first

log = logging.getLogger(__name__)


class Rates:
    """A bucket each: it holds a minute's requests and fills evenly."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def take(self, who: str, rate: int, now: float) -> float:
        """Take one; 0.0, or the seconds until the next one is there. ``rate`` is a minute's, above 0."""
        tokens, then = self._left.pop(who, (float(rate), now))
        tokens = min(float(rate), tokens + (now - then) * rate / 60)
        allowed = tokens >= 1
        self._left[who] = (tokens - allowed, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) * 60 / rate


class Gate:
    """The keys, where there are any, and the rates."""

    def __init__(self, keys: Keys | None, rate: int) -> None:
        self._keys = keys
        self._rate = rate
        self._rates = Rates()
        self._until = 0.0

    def admit(self, secret: str | None, address: str, scope: str) -> str:
        """Who it is: the key's name, with the address where many share it; or the address, without any keys.

        Of IPv6 the network counts: else one person could be three users who agree.

        Raises:
            Problem: 401 no key or an unknown one, 403 not for this, 429 too often.
        """
        key, address = self.known(secret), _network(address)
        if key is None or key.rate is None:  # what is refused counts too: guessing has its rate
            self._count(f"address {address}", self._rate)
        if key is None and self._keys is not None:
            said = "this key is not known" if secret else "a key is needed: Authorization: Bearer KEY"
            raise Problem(401, "unauthorized", said, {"WWW-Authenticate": "Bearer"})
        if key and not (key.shared and key.rate is None):  # else each address has its own rate, as above
            self._count(f"key {key.name}", self._rate if key.rate is None else key.rate)
        if key and scope not in key.scopes and "admin" not in key.scopes:
            raise Problem(403, "forbidden", f"the key {key.name} is not for this; it needs the scope {scope}")
        if key is None:
            return address
        return f"key {key.name} {address}" if key.shared else f"key {key.name}"

    def known(self, secret: str | None) -> Key | None:
        """The key of this secret, if it is one of the file's."""
        if self._keys is None:
            return None
        self._refresh(self._keys)
        return self._keys.find(secret) if secret else None

    def _refresh(self, keys: Keys) -> None:
        """Look at the file now and then; one that is broken changes nothing, and the log says so."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + EVERY
            try:
                keys.refresh()
            except BadParams as error:
                log.error("%s", error)

    def _count(self, who: str, rate: int) -> None:
        if rate and (seconds := self._rates.take(who, rate, time.monotonic())):
            raise Problem(
                429,
                "too-often",
                f"more than {rate} requests a minute; try again in {math.ceil(seconds)} s",
                {"Retry-After": str(math.ceil(seconds))},
            )


def _network(address: str) -> str:
    """An address, of IPv6 the 64 bits that a household or a server has: the rest it makes up as it likes.

    A socket of both kinds names IPv4's by IPv6's, ::ffff:192.0.2.1: all of them are in one such network.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return address
    known = getattr(known, "ipv4_mapped", None) or known
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else str(known)


@lru_cache(MOST)
def _fingerprint(who: str, salt: bytes) -> str:
    return privacy.fingerprint(who, salt)


def allow(request: Request, scope: str) -> str:
    """Let a request in and give its client's fingerprint.

    Raises:
        Problem: as ``Gate.admit``.
    """
    address = request.client.host if request.client else "unknown"
    gate: Gate = request.app.state.gate
    who = gate.admit(_secret(request), address, scope)
    client = _fingerprint(who, request.app.state.door.salt)
    request.state.client = client
    return client


def own_name(request: Request) -> str | None:
    """The name that whoever comes may speak by and no other: that of a key which is one person's.

    None where no keys are asked for, and for keys with ``admin`` or shared by many people.
    """
    gate: Gate = request.app.state.gate
    key = gate.known(_secret(request))
    return None if key is None or key.shared or "admin" in key.scopes else key.name


def _secret(request: Request) -> str | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None
