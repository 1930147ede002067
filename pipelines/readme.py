"""The README's tables of results, made from the files under docs/results, so that no number is typed."""

import json
import re
from pathlib import Path
from typing import Any

from pawtrait.evaluation import tables
from pawtrait.files import write_text


def refresh(readme: Path, results: Path) -> None:
    """Put every table between its markers: ``<!-- results:NAME -->`` … ``<!-- end:NAME -->``."""
    text = readme.read_text(encoding="utf-8")
    for file in sorted(results.glob("*.json")):
        text = replaced(text, file.stem, block(json.loads(file.read_text(encoding="utf-8"))))
    write_text(readme, text)


def replaced(text: str, name: str, body: str) -> str:
    """The text with one marked block renewed; unchanged where the markers are not."""
    start, end = f"<!-- results:{name} -->", f"<!-- end:{name} -->"
    return re.sub(
        f"{re.escape(start)}.*?{re.escape(end)}", lambda _: f"{start}\n{body}\n{end}", text, flags=re.DOTALL
    )


def block(results: dict[str, Any]) -> str:
    """What was measured and on what, then the table, the seeds, and what the numbers mean."""
    splits = ", ".join(
        f"{name} {one['pictures']} pictures of {one['groups']} groups"
        for name, one in results["splits"].items()
    )
    ran = ", ".join(f"{name} {number}" for name, number in results["made_on"]["versions"].items())
    lines = [f"Splits: {splits}. {results['made_on']['cores']} cores, no GPU; {ran}.", ""]
    lines += [tables.markdown(results["rows"])]
    lines += [f"- {sentence}" for sentence in [*_seeds(results["rows"]), *results["sentences"]]]
    return "\n".join(lines)


def _seeds(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each model that was trained with several seeds."""
    return [
        f"{row['name']} over {row['seeds']} seeds: validation accuracy {row['seeds_valid_accuracy_mean']:.2f}"
        f" ± {row['seeds_valid_accuracy_spread']:.2f} (standard deviation)."
        for row in rows
        if row.get("seeds")
    ]
