"""``GET /v1/monitoring``: the page that ``pawtrait monitor`` wrote last, for those who may see pictures."""

import asyncio
import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pawtrait.serving import access, told
from pawtrait.serving.door import Door
from pawtrait.serving.problems import Problem

router = APIRouter()

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.html")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)


@router.get("/v1/monitoring", response_class=HTMLResponse, **told.MONITORING)
async def monitoring(request: Request) -> HTMLResponse:
    """The newest page; one file with everything in it, which loads nothing."""
    access.allow(request, "review")
    door: Door = request.app.state.door
    page = await asyncio.to_thread(_newest, door.settings.monitor)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return HTMLResponse(page, headers=headers)


def _newest(folder: Path) -> str:
    pages = sorted(path for path in folder.glob("*.html") if DAY.fullmatch(path.name))
    if not pages:
        raise Problem(404, "no-report", "there is no page yet; `pawtrait monitor` writes one")
    return pages[-1].read_text(encoding="utf-8")
