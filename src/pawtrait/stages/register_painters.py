"""Registration, outside DVC: CycleGAN and fast style transfer → versions of ``pet-portrait-…``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pawtrait import params, sealed
from pawtrait.adapters import adoption, lineage, registry, tracking
from pawtrait.adapters.registry import Kind

PAINTERS = {"cyclegan": registry.CYCLEGAN, "fast": registry.FAST}
FIGURES = (
    "held_out_psnr",
    "held_out_cycle",
    "perceptual_cycle",
    "perceptual_change",
    "kid",
    "kid_error",
    "parity",
)


def run(*, painters: Path, stale: Sequence[str] = (), vouched: bool = False) -> None:
    """Register every painter that is there; one that says why it is not stays out, and that is told.

    No gate judges a portrait: there is no right answer to count. What lies in the folder is what paints, so
    it is champion, and the one before it previous. Only what is new there is crowned: else whoever gives the
    alias to an older version would lose it to the next month.

    Args:
        painters: the folder with a folder for each of them.
        stale: those of other code, parameters or data than the present ones, which stay out too.
        vouched: the others are of the present ones for certain, also where MLflow knows no run of them.

    Raises:
        BadModel: a painter's folder is damaged.
        BadRegistry: the tracking store cannot be reached, or knows no painter that nobody vouched for.
    """
    for name, kind in PAINTERS.items():
        folder = painters / name
        if not folder.is_dir():
            continue
        if name in stale:
            print(
                f"{kind.name} stays unregistered: {folder} is not of the present code, parameters and data;"
                " run `dvc repro` first"
            )
            continue
        sums, facts = sealed.check(folder), sealed.facts(folder)
        if facts.get("missing"):
            print(f"{kind.name} stays unregistered: {facts['missing']}")
            continue
        if vouched:
            adoption.adopt(folder, kind)
        digest = sums[kind.served[0]]
        if (known := _settled(digest, kind)) is None:
            known = _crowned(digest, facts, folder, kind)
        print(f"{name} is {known}")


def _settled(digest: str, kind: Kind) -> str | None:
    """A sentence where this very painter came from the folder before, and some version has the alias."""
    found = registry.find(digest, kind)
    champion = registry.aliases(kind).get(registry.CHAMPION)
    if found is None or champion is None or registry.from_folder(kind) != str(found.version):
        return None
    named = f"{kind.name} version {found.version}"
    if champion == str(found.version):
        return named
    return f"{named}, nothing new; champion stays version {champion}, which somebody gave the alias by hand"


def _crowned(digest: str, facts: Mapping[str, Any], folder: Path, kind: Kind) -> str:
    """Register a painter that is new in the folder, make it champion, and name it."""
    with tracking.pipeline(params.load()) as record:
        tags = _tags(facts, folder) | {"pipeline.run_id": record.id}
    before = registry.aliases(kind).get(registry.CHAMPION)
    version = registry.register(digest, tags, _description(facts), kind)
    now = str(version.version)
    registry.crown(now, before if before != now else None, kind)
    registry.remember(now, kind)
    return f"{version.name} version {now}"


def _tags(facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Figures, and the hashes that lead back to code and data."""
    known = lineage.outputs()
    inputs = (folder.as_posix(), "data/raw", "data/paintings", "data/style_weights")
    made = {f"dvc.outs.{path}": known[path] for path in inputs if path in known}
    wanted = ("name", "start", "parameters", "judged_by", *FIGURES)
    shown = {key: facts[key] for key in wanted if facts.get(key) is not None}
    return {**shown, **tracking.origin([]), **made}


def _description(facts: Mapping[str, Any]) -> str:
    lines = [
        f"**{facts['name']}** ({facts['start']}), {facts['parameters']:,} parameters, at {facts['side']} px."
    ]
    if "preset" in facts:
        lines.append(f"Preset {facts['preset']}, {facts['epochs']} epochs; judged by {facts['judged_by']}.")
    lines += [f"- {key}: {facts[key]:.4g}" for key in FIGURES if facts.get(key) is not None]
    return "\n".join(lines)
