"""``/healthz``, ``/readyz`` and ``/v1/models``: whether it lives, whether it can answer, and by what."""

import logging
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from pawtrait.adapters.store import database, ledger
from pawtrait.errors import BadStore
from pawtrait.serving import access, told
from pawtrait.serving.door import Door
from pawtrait.serving.problems import Problem

router = APIRouter()
log = logging.getLogger(__name__)


@router.get("/healthz", **told.LIVE)
async def healthz() -> dict[str, str]:
    """The process lives and answers."""
    return {"status": "alive"}


@router.get("/readyz", **told.READY)
async def readyz(request: Request) -> JSONResponse:
    """It has a model and takes requests; what waits for the database is told and no reason to turn away."""
    door: Door = request.app.state.door
    served = door.models.served
    if served is None or door.closing:
        raise Problem(503, "not-ready", "shutting down" if door.closing else "there is no model yet")
    return JSONResponse({"status": "ready", "model": served.told(), "feedback_waiting": door.said.waiting})


@router.get("/v1/models", **told.MODELS)
async def models(request: Request) -> JSONResponse:
    """Who is champion, who was, and what each month decided."""
    access.allow(request, "read")
    door: Door = request.app.state.door
    try:
        decisions = await door.readers.run(_decisions, door)
    except Problem as problem:  # it hangs: who predicts is known all the same
        log.warning("%s", problem)
        decisions = None
    served = door.models.served
    champion = served.told() | {"sha256": served.classifier.digest} if served else None
    return JSONResponse(
        {"champion": champion, "versions": _versions(decisions or [], champion), "months": decisions}
    )


def _decisions(door: Door) -> list[dict[str, Any]] | None:
    """The ledger, oldest first; None where it cannot be reached, which is no empty one."""
    try:
        with database.opened(door.settings.database) as engine:
            found = ledger.all(engine)
    except BadStore as error:
        log.warning("%s", error)
        return None
    return [asdict(one) | {"time": one.time.isoformat(), "reasons": list(one.reasons)} for one in found]


def _versions(decisions: list[dict[str, Any]], champion: dict[str, str] | None) -> list[dict[str, Any]]:
    """Every version that ledger or service knows, newest first, each with what was last done to it.

    A decision's figures are of two models, and those of a rollback of none: what is known of one stays.
    """
    known: dict[str, dict[str, Any]] = {}
    for one in decisions:
        for version in filter(None, (one["previous"], one["champion"], one["version"])):
            known.setdefault(version, _unknown(version))
        for who, version in (("champion", one["previous"]), ("challenger", one["version"])):
            f1 = one["figures"].get(f"{who}_macro_f1")
            if version and f1 is not None:
                known[version]["macro_f1"] = f1
        if one["version"]:
            known[one["version"]] |= {"action": one["action"], "time": one["time"]}
    if champion:
        known.setdefault(champion["version"], _unknown(champion["version"]))
    now = champion["version"] if champion else None
    rows = [row | {"champion": version == now} for version, row in known.items()]
    return sorted(rows, key=lambda row: (row["version"].isdigit(), row["version"].zfill(20)), reverse=True)


def _unknown(version: str) -> dict[str, Any]:
    return {"version": version, "action": None, "time": None, "macro_f1": None}
