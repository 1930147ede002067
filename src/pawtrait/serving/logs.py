"""The log: JSON lines on standard error with the request's id; no picture, key or address is in it."""

import json
import logging
import sys
import warnings
from contextvars import ContextVar
from datetime import UTC, datetime

OWN = ("request", "method", "route", "status", "milliseconds", "problem", "client", "caller", "job")
REQUEST: ContextVar[str | None] = ContextVar("request", default=None)  # the id of the one being answered


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, and those of ``OWN`` that were given, or whose request it is."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = {"request": REQUEST.get()} | vars(record)
        line |= {name: value for name in OWN if (value := given.get(name)) is not None}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Write everything of this process this way; libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("pawtrait").setLevel(level.upper())
    warnings.filterwarnings("ignore", module="PIL")  # on damaged pictures, which are answered by a problem
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(level.upper())
