"""The documents' tables between markers, from the files under docs/results: no number there is typed.

``python -m pipelines.readme`` takes over what the demo left here; ``make real`` does it for its own.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pawtrait import environment, sealed
from pawtrait.adapters import lineage
from pawtrait.dataset import manifest
from pawtrait.evaluation import tables
from pawtrait.evaluation.portraits import TYPICAL, kid_sentence, markdown
from pawtrait.files import write_text

DOCUMENTS = tuple(map(Path, ("README.md", "docs/months.md", "docs/serving.md", "docs/speed.md")))
RESULTS = Path("docs/results")
FACTS = (  # of CycleGAN's model.json
    *("preset", "side", "epochs", "parameters", "judged_by", "judged_on", "held_out_psnr"),
    *("kid", "kid_error", "kid_photos"),
)
LEGEND = (  # of the portraits' table
    "in brackets the lowest and the highest portrait. Content: 0 is the photo itself, 1 keeps nothing of it."
    " Style: 0 is the painting's manner, 1 as far from it as the untouched photo, above 1 farther. Identity:"
    " 1 is the same. Mood kept: the share whose mood is read as in the photo. nst and hybrid minimise these"
    " very losses; cyclegan learned all paintings together and is compared with each."
)
VERSIONS = ("keras", "numpy", "onnxruntime", "opencv-python-headless", "scikit-learn", "tensorflow", "torch")


def renew(name: str, workspace: Path, commit: str) -> None:
    """Keep a workspace's small results under a name, and make the documents' tables anew."""
    found = gather(workspace, commit)
    write_text(RESULTS / f"{name}.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    refresh(RESULTS)


def refresh(results: Path, documents: Iterable[Path] = DOCUMENTS) -> None:
    """Put every table between its markers: ``<!-- results:NAME -->`` … ``<!-- end:NAME -->``."""
    for document in documents:
        write_text(document, _refreshed(document.read_text(encoding="utf-8"), results))


def _refreshed(text: str, results: Path) -> str:
    for file in sorted(results.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        text = replaced(
            text, file.stem, block(found) if "rows" in found else "\n".join(found.get("sentences", ()))
        )
        if "portraits" in found:
            text = replaced(text, f"{file.stem}-portraits", portraits_block(found["portraits"]))
    return text


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
    commit = results["commit"][:10] + results["commit"][40:]  # "-dirty" behind it is told too
    made = f"{_machine(results['made_on'])}; {ran}; commit `{commit}`."
    lines = [f"Splits: {splits}. {made}", ""]
    lines += [tables.markdown(results["rows"])]
    remarks = tables.remarks(results["rows"])  # stand below the table already
    sentences = [sentence for sentence in results["sentences"] if sentence not in remarks]
    lines += [f"- {sentence}" for sentence in [*_seeds(results["rows"]), *sentences]]
    return "\n".join(lines)


def _machine(made_on: dict[str, Any]) -> str:
    """Cores and GPUs; results of before, which had none, say nothing of these."""
    gpus = made_on.get("gpus", 0)
    return f"{made_on['cores']} cores, {gpus or 'no'} GPU{'s' if gpus > 1 else ''}"


def portraits_block(results: dict[str, Any]) -> str:
    """What judged the portraits, the table of methods, CycleGAN's figures, and what they mean."""
    by, gan = results["features"], results["cyclegan"]
    missing = [f"No portraits by {method}: {why}." for method, why in results["missing"].items()]
    sentences = [*results["sentences"], *missing]
    if results["augmented"]:
        sentences.append(results["augmented"])
    figures = (
        f"CycleGAN ({gan['preset']}, {gan['epochs']} epochs at {gan['side']} px, {gan['parameters']:,}"
        f" parameters): {gan['judged_on']} held-out photos are reconstructed"
        f" at {gan['held_out_psnr']:.1f} dB PSNR"
    )
    judges = f"Judged by {by['network']} features ({by['start']}) and the moods of {results['classifier']}."
    lines = [
        f"{judges} Means{' (medians for seconds and memory)' if results.get('medians') else ''}; {LEGEND}",
        "",
    ]
    lines += [
        markdown(results["rows"]),
        *(f"- {sentence}" for sentence in [*sentences, f"{figures}. {kid_sentence(gan)}".strip()]),
    ]
    return "\n".join(lines)


def gather(workspace: Path, commit: str) -> dict[str, Any]:
    """The small results: the comparison, what the data was, what it ran on. No path of this machine.

    Args:
        workspace: where they lie.
        commit: what they were made of, asked before they were: hours later it may be another.
    """
    verdict: dict[str, Any] = json.loads(
        (workspace / "data/reports/compare.json").read_text(encoding="utf-8")
    )
    placed = manifest.read(workspace / "data/tables/splits.csv", manifest.Placed)
    splits = {
        split: {
            "pictures": sum(one.split == split for one in placed),
            "groups": len({one.group for one in placed if one.split == split}),
        }
        for split in ("train", "valid", "test")
    }
    reports = workspace / "data/reports/models"
    figures = {
        row["name"]: json.loads((reports / row["name"] / "metrics.json").read_text())
        for row in verdict["rows"]
    }
    return {
        "splits": splits,
        "commit": commit,
        "made_on": {
            "cores": environment.cores(),
            "gpus": len(environment.gpus()),
            "versions": {name: version(name) for name in VERSIONS},
        },
        "champion": verdict["champion"],
        "sentences": verdict["sentences"],
        "rows": [row | figures[row["name"]] for row in verdict["rows"]],
        **_portraits(workspace),
    }


def made_of() -> str:
    """The commit of the code here, with ``-dirty`` where something is not committed; "" without git."""
    commit = lineage.commit()
    return commit.sha + ("-dirty" if commit.dirty else "")


def _portraits(workspace: Path) -> dict[str, Any]:
    """What the portraits came to, where some were painted."""
    reports, painter = workspace / "data/reports", workspace / "data/painters/cyclegan"
    if not (reports / "styles.json").is_file():
        return {}
    verdict = json.loads((reports / "styles.json").read_text(encoding="utf-8"))
    augmented = json.loads((reports / "augmented.json").read_text(encoding="utf-8"))
    facts = sealed.facts(painter)
    gan = {key: facts[key] for key in FACTS}
    kept = {key: verdict[key] for key in ("features", "classifier", "rows", "sentences", "missing")}
    more = {"medians": list(TYPICAL), "cyclegan": gan, "augmented": augmented["sentence"]}
    return {"portraits": {**kept, **more}}


def _seeds(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each model that was trained with several seeds."""
    return [
        f"{row['name']} over {row['seeds']} seeds: validation accuracy {row['seeds_valid_accuracy_mean']:.2f}"
        f" ± {row['seeds_valid_accuracy_spread']:.2f} (standard deviation)."
        for row in rows
        if row.get("seeds")
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Take over the demo's results from the current folder."""
    argparse.ArgumentParser(
        prog="python -m pipelines.readme",
        description="Make docs/results/demo.json and the tables anew from the demo's results here.",
    ).parse_args(arguments)
    renew("demo", Path(), made_of())
    return 0


if __name__ == "__main__":
    sys.exit(main())
