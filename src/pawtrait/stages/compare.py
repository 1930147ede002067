"""Stage compare: the models' figures → the leaderboard, the tests between them, and the champion."""

import json
from pathlib import Path
from typing import Any

from pawtrait import params, sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import manifest
from pawtrait.errors import BadData
from pawtrait.evaluation import drawing, plots, tables
from pawtrait.evaluation import leaderboard as board
from pawtrait.evaluation.intervals import Bootstrap
from pawtrait.evaluation.predictions import Predicted, Scored, scored
from pawtrait.files import write_csv, write_text


def run(*, reports: Path, models: Path, out: Path, leaderboard: Path, forest: Path) -> None:
    """Rank the models of ``selected``; ``reports`` and ``models`` hold a folder for each of them."""
    knobs = params.load()
    how = Bootstrap(knobs.evaluate.resamples, knobs.evaluate.level, knobs.seed)
    facts = {name: _json(models / name / "model.json") for name in knobs.selected}
    figures = {name: _json(reports / name / "metrics.json") for name in knobs.selected}
    rows = board.ranked(facts, figures)
    files = {row["name"]: reports / row["name"] / "predictions.csv" for row in rows}
    valid, test = ({name: _answers(files[name], split) for name in files} for split in ("valid", "test"))
    verdict = {
        "champion": rows[0]["name"],
        "rows": rows,
        "mcnemar": {"split": "test", "pairs": board.pairs(test)},
        "mcnemar_valid": {"split": "valid", "pairs": board.pairs(valid)},  # where the champion was chosen
        "sentences": board.sentences(rows, test, how),
    }
    write_text(out, json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    write_csv(leaderboard, rows, list(dict.fromkeys(key for row in rows for key in row)))
    drawing.save(plots.forest(rows), forest)
    with tracking.pipeline(knobs) as run:
        run.metrics({key: value for key, value in rows[0].items() if key.startswith(("valid_", "test_"))})
        run.tags({"champion": rows[0]["name"], "mlflow.note.content": tables.markdown(rows)})
        for name in knobs.selected:
            run.tags(tracking.maker(run, name, sealed.check(models / name)["model.onnx"]))
        for file in (out, leaderboard, forest):
            run.artifact(file, "comparison")


def _answers(path: Path, split: str) -> Scored:
    return scored((row for row in manifest.read(path, Predicted) if row.split == split), str(path))


def _json(path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadData(f"{path} is not here though params.yaml selects the model; run `dvc repro`") from error
    return loaded
