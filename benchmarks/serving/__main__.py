"""``python -m benchmarks.serving``: the service under load, full counts, written into docs/results."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.serving import material, overload, rates, sheet
from pawtrait import environment, progress
from pawtrait.adapters import lineage
from pawtrait.files import write_text
from pipelines import readme

OUT = readme.RESULTS / "serving.json"
DOCUMENT = Path("docs/serving.md")
PARTS = ("load", "overload")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, and make the documents' tables anew; quick counts are printed only."""
    options = _parser().parse_args(arguments)
    environment.settle()
    model = material.model()
    results = {} if options.quick or not OUT.exists() else json.loads(OUT.read_text(encoding="utf-8"))
    if "load" in options.only:
        counts = rates.QUICK if options.quick else rates.FULL
        results["load"] = _measured(lambda: rates.measure(counts, model))
        _keep(results, options.quick)
    if "overload" in options.only:
        seconds, outage = (20.0, 5.0) if options.quick else (options.minutes * 60, options.outage)
        rate = options.rate or _sustainable(results.get("load"))
        results["overload"] = _measured(lambda: overload.measure(model, rate, seconds, outage))
        _keep(results, options.quick)
    return 0


def _keep(results: dict[str, Any], quick: bool) -> None:
    results["sentences"] = sheet.lines(results)
    print("\n".join(results["sentences"]))
    if quick:
        return
    write_text(OUT, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    text = DOCUMENT.read_text(encoding="utf-8")
    write_text(DOCUMENT, readme.replaced(text, "serving", "\n".join(results["sentences"])))


def _sustainable(load: dict[str, Any] | None) -> float | None:
    """The rate that this machine was found to bear; another's would be no twice and no half of it."""
    return load["largest"]["rate"] if load and load["machine"] == _machine() else None


def _measured(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part's results, on which code and machine, and how busy others kept that meanwhile."""
    commit, before = lineage.commit(also=("benchmarks",)), _spent()
    if commit.dirty:
        progress.say("benchmarks: this is not what is committed; commit and measure again")
    found = part()
    wall, everyone, own = (after - earlier for after, earlier in zip(_spent(), before, strict=True))
    share = max(0.0, everyone - own) / wall / (os.cpu_count() or 1)
    made = {"machine": _machine(), "commit": commit.sha, "dirty": commit.dirty}
    return found | made | {"busy": round(share, 3)}


def _spent() -> tuple[float, float, float]:
    """Seconds: of the clock; of all cores by anybody; of them by this process and what it awaited."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    user, nice, system, _, _, interrupts, soft = map(int, words[1:8])
    everyone = (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")
    return time.monotonic(), everyone, sum(os.times()[:4])


def _machine() -> str:
    tools = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "fastapi", "uvicorn", "mlflow"))
    return f"{machine.processor()}, Python {platform.python_version()}, {tools}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, printed and not written")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument("--minutes", type=float, default=10, help="of overload (%(default)s)")
    parser.add_argument("--outage", type=float, default=60, help="seconds without database (%(default)s)")
    parser.add_argument("--rate", type=float, help="that is sustainable, instead of the one that was found")
    return parser


if __name__ == "__main__":
    sys.exit(main())
