"""Registration, outside DVC: the best model by validation macro-F1 → a version of ``pet-expression``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawtrait import clock, params, sealed
from pawtrait.adapters import adoption, dvc, lineage, recovery, registry, succession, tracking
from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision


def run(
    *, compare: Path, models: Path, note: Path, month: str | None = None, vouched: bool = False
) -> dict[str, str]:
    """Register the winner of ``compare`` and write the champion's note; give its version and the champion's.

    The first champion is a line in the ledger, of ``month`` where that is named. A winner that
    MLflow has no run of is registered where somebody ``vouched`` that it is of the present code, parameters
    and data.

    Raises:
        BadData: nothing has been compared yet, or a merge left its marks in the comparison.
        BadRegistry: the tracking store does not know the winner, and nobody vouched for it.
    """
    verdict = dvc.kept(compare)
    row = verdict["rows"][0]
    folder = models / row["name"]
    digest = sealed.check(folder)["model.onnx"]
    if vouched:
        adoption.adopt(folder, registry.EXPRESSION)
    with tracking.pipeline(params.load()) as record:
        for file in filter(Path.is_file, (lineage.LOCK, Path("params.yaml"))):
            record.artifact(file)
        for file in filter(Path.is_file, tracking.ORIGIN):
            record.artifact(file, recovery.KEPT)
        tags = _tags(row, folder) | {"pipeline.run_id": record.id}
        tags |= {"retrain.month": month} if month else {}
    version = registry.register(digest, tags, _description(row, verdict["sentences"]))
    champion = _settled(note, month)
    print(f"{row['name']} is {version.name} version {version.version}; champion is version {champion}")
    return {"version": str(version.version), "champion": champion}


def _settled(note: Path, month: str | None) -> str:
    """Bring ledger and note up to the champion, while no promotion can come between; its version."""
    with ledger.alone():
        crowned = registry.aliases().get(registry.CHAMPION)
        if crowned is None:
            raise AssertionError("register gives the first version the alias champion")
        with database.opened() as engine:
            known = bool(ledger.moves(engine))
        if known:
            succession.write_note(crowned, note)
        else:
            succession.move(_first(crowned, month), note)
    return crowned


def _first(champion: str, month: str | None) -> Decision:
    """What a ledger that knows of no champion yet learns of the first."""
    known = registry.numbered(champion).tags
    return Decision(
        time=clock.now(),
        action="promoted",
        actor="register",
        champion=champion,
        previous=None,
        version=champion,
        month=month,
        reasons=("The first version is champion: there was none to meet.",),
        commit=known.get("git.commit"),
        figures=_first_figures(known),
    )


def _first_figures(tags: Mapping[str, str]) -> dict[str, float]:
    """As the gate writes them of a challenger, so that pages and charts know the champion that met none."""
    ends = [end for end in ("", "_low", "_high") if f"test_macro_f1{end}" in tags]
    return {f"challenger_macro_f1{end}": float(tags[f"test_macro_f1{end}"]) for end in ends}


def _tags(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Figures with intervals, and the hashes that lead back to code and data."""
    figures = {key: value for key, value in row.items() if key.startswith(("valid_", "test_", "folds_"))}
    facts = {key: row[key] for key in ("name", "net", "start", "parameters")}
    known = lineage.outputs()
    outs = (folder.as_posix(), "data/raw", "data/tables/splits.csv")
    made = {f"dvc.outs.{path}": known[path] for path in outs if path in known}
    return {**facts, **figures, **tracking.origin([]), **made}


def _description(row: dict[str, Any], sentences: list[str]) -> str:
    """What a reader of the registry sees: the model, its figures with intervals, what they mean."""
    lines = [
        f"**{row['name']}** ({row['start']}), {row['parameters']:,} parameters, best by validation macro-F1.",
        *(
            f"- {split} {title}: {row[f'{split}_{key}']:.3f}"
            f" ({row[f'{split}_{key}_low']:.3f} to {row[f'{split}_{key}_high']:.3f})"
            for split in ("valid", "test")
            for key, title in (("macro_f1", "macro-F1"), ("accuracy", "accuracy"))
        ),
        "",
        *sentences,
    ]
    return "\n".join(lines)
