"""The gate, outside DVC: a challenger meets the champion on the same frozen test split; a verdict follows."""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawtrait import champion as noted
from pawtrait import clock, params, quarantine, sealed, unseen
from pawtrait.adapters import registry, succession
from pawtrait.adapters.store import database, ledger
from pawtrait.classification import arrays as packing
from pawtrait.classification import latency
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData, BadModel, BadRegistry
from pawtrait.evaluation import evidence, gate, metrics
from pawtrait.evaluation.gate import Body, Former, Verdict
from pawtrait.evaluation.intervals import Bootstrap
from pawtrait.evaluation.predictions import Scored, rows, scored
from pawtrait.files import write_text

log = logging.getLogger(__name__)

GATE = "\n\n**Gate:** "  # in a version's description, what follows is the newest verdict
SAME = 1e-4  # how closely a figure that was registered has to come out again


@dataclass(frozen=True, slots=True)
class Ground:
    """Pictures that both models answer for, each at the size it takes: the test split, or newer feedback.

    Attributes:
        placed: N rows, as in splits.csv.
        squares: of a side, uint8 (N, side, side, 3), RGB, in their order.
        digest: SHA-256 of ids and labels.
    """

    placed: list[manifest.Placed]
    squares: Callable[[int], NDArray[np.uint8]]
    digest: str


@dataclass(frozen=True, slots=True)
class Contender:
    """A registered version, its files checked."""

    version: str
    tags: Mapping[str, str]
    folder: Path
    classifier: Classifier


def run(
    *,
    models: Path,
    arrays: Path,
    splits: Path,
    out: Path,
    version: str | None = None,
    note: Path = noted.NOTE,
    feedback: Path = Path("data/feedback"),
    raw: Path = Path("data/raw"),
) -> Verdict:
    """Judge the challenger, or the version named; write the verdict to ``out`` and to the version's tags.

    A model that takes another size than ``arrays`` have answers for the same pictures of ``raw`` at its own.
    The manifest beside ``splits`` says which pictures the newest training knew; reviewed feedback that it
    lacks is the second ground. A month's snapshot is in the challenger's training and therefore no ground.

    Raises:
        BadRegistry: there is no champion, no challenger, or no such version.
        BadData: the test split is not here.
    """
    succession.settle(note)
    known = registry.aliases()
    if registry.CHAMPION not in known:
        raise BadRegistry("there is no champion to compare with; run `pawtrait register`")
    number = version or known.get(registry.CHALLENGER)
    if number is None:
        raise BadRegistry(
            "there is no challenger; run `pawtrait register` after a training, or name a version"
        )
    old, ground = known[registry.CHAMPION], _ground(arrays, splits, raw)
    newer = _newer(splits.with_name("manifest.csv"), feedback)
    verdict = _verdict(old, number, (ground, newer), models, newest=version is None)
    about = {"champion": old, "challenger": number, "test_sha256": ground.digest}
    write_text(out, json.dumps(about | asdict(verdict), indent=1, ensure_ascii=False) + "\n")
    registry.annotate(number, _tags(verdict, old), _described(number, verdict, old))
    for one, who in ((old, "champion"), (number, "challenger")):
        if (now := verdict.figures.get(f"{who}_macro_f1")) is not None:
            _remember(one, now, ground.digest)
    return verdict


def _remember(version: str, now: float, digest: str) -> None:
    """Note which test split a version met first.

    One whose registered figure is another split's stays without: it would be the best champion on this one.
    """
    tags = registry.numbered(version).tags
    if "test.sha256" not in tags and not _changed(tags, now):
        registry.annotate(version, {"test.sha256": digest})


def _verdict(
    champion: str, number: str, grounds: tuple[Ground, Ground | None], models: Path, newest: bool
) -> Verdict:
    """What cannot be compared has its verdict at once; everything else goes before the rules."""
    ground, newer = grounds
    if champion == number:
        return Verdict("keep", (f"version {number} is the champion already",), ("Nothing to decide.",), {})
    try:
        challenger = _contender(number)
    except BadModel as error:
        return Verdict("keep", (f"the challenger cannot be run: {error}",), ("The champion stays.",), {})
    try:
        rival = _contender(champion)
    except BadModel as error:
        return Verdict("ask", (f"the champion cannot be run: {error}",), ("A person has to decide.",), {})
    knobs = params.load()
    how = Bootstrap(knobs.evaluate.resamples, knobs.evaluate.level, knobs.seed)
    answers = _scored(rival, ground), _scored(challenger, ground)
    doubts = [*_doubts(rival, answers[0], ground), *_doubts(challenger, answers[1], ground)]
    doubts += _trained_since(challenger, models) if newest else []
    doubts += succession.taken_back(number)
    return gate.judge(
        evidence.weigh(*answers, how, knobs.evaluate.bins),
        evidence.weigh(_scored(rival, newer), _scored(challenger, newer), how, knobs.evaluate.bins)
        if newer
        else None,
        (_body(rival, knobs.gate.latency_repeats), _body(challenger, knobs.gate.latency_repeats)),
        knobs.gate,
        new_data=_new_data(rival, challenger),
        best=_best(champion, ground.digest),
        doubts=doubts,
    )


def _ground(arrays: Path, splits: Path, raw: Path) -> Ground:
    placed = [one for one in manifest.read(splits, manifest.Placed) if one.split == "test"]
    try:
        packed: NDArray[np.uint8] = np.load(arrays / "test.npy", mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError) as error:
        raise BadData(f"{arrays}/test.npy is missing or damaged; run `dvc repro augment`") from error

    @cache
    def squares(side: int) -> NDArray[np.uint8]:
        if side == packed.shape[1]:
            return packed
        if not raw.is_dir():
            raise BadData(f"{raw} is not here, to see the test pictures at {side} px; run `dvc repro ingest`")
        largest = params.load().manifest.largest_pixels
        return packing.pack(raw, placed, side, largest, f"test at {side} px")

    return Ground(placed, squares, _digest(placed))


def _newer(known: Path, feedback: Path) -> Ground | None:
    """Reviewed feedback that neither model was trained on."""
    if not known.is_file():
        log.warning("%s does not exist, so nobody can tell which feedback is new; none counts", known)
        return None
    knobs = params.load()
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    found = unseen.pictures(known, feedback, policy)
    if len(found) < 2:
        return None  # nothing that could be resampled

    @cache
    def squares(side: int) -> NDArray[np.uint8]:
        largest = knobs.manifest.largest_pixels
        return np.stack(  # each at once: so many photos at their full size would take gigabytes
            [
                images.resize(images.decode(one.data, largest_pixels=largest, name=one.id[:16]), side)
                for one in found
            ]
        )

    placed = [manifest.Placed(one.id, one.id, one.label, one.id, "feedback") for one in found]
    return Ground(placed, squares, _digest(placed))


def _digest(placed: list[manifest.Placed]) -> str:
    lines = sorted(f"{one.id} {one.label}\n" for one in placed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _contender(version: str) -> Contender:
    """A version that can answer.

    Raises:
        BadModel: its files are missing, were changed, or know other moods.
    """
    known = registry.numbered(version)
    folder = registry.folder_of(known)
    classifier = Classifier.load(folder)
    if classifier.digest != known.tags.get("model.sha256", classifier.digest):
        raise BadModel(f"version {version} holds another model than was registered")
    if tuple(classifier.facts["labels"]) != LABELS:
        raise BadModel(f"version {version} knows the moods {', '.join(classifier.facts['labels'])}")
    return Contender(version, known.tags, folder, classifier)


def _scored(one: Contender, ground: Ground) -> Scored:
    answers = rows(ground.placed, one.classifier.probabilities(ground.squares(one.classifier.side)))
    return scored(answers, f"version {one.version} at the gate")


def _doubts(one: Contender, answers: Scored, ground: Ground) -> Iterator[str]:
    """What makes a model's figures doubtful: another test split than it met before, or other answers."""
    before = one.tags.get("test.sha256")
    if before not in (None, ground.digest):
        yield (
            f"the test split has changed since version {one.version} was compared on it (SHA-256 of ids and"
            f" labels {before[:12]}, now {ground.digest[:12]}); it may hold pictures of that training"
        )
        return
    now = metrics.headline(answers)["macro_f1"]
    if _changed(one.tags, now):
        registered = float(one.tags["test_macro_f1"])
        yield (
            f"version {one.version} was registered with a test macro-F1 of {registered:.3f} and has {now:.3f}"
            " now: the test split changed, or how its pictures are read"
        )


def _changed(tags: Mapping[str, str], now: float) -> bool:
    """Whether a version's registered figure does not come out again; without one nothing has."""
    return abs(float(tags.get("test_macro_f1", math.nan)) - now) > SAME


def _trained_since(challenger: Contender, models: Path) -> list[str]:
    """A word where the workspace holds a newer training of the challenger's kind."""
    folder = models / challenger.classifier.facts["name"]
    if (
        not folder.is_dir()
        or sealed.check(folder, "model.onnx")["model.onnx"] == challenger.classifier.digest
    ):
        return []
    return [f"{folder} was trained again since version {challenger.version}; run `pawtrait register` first"]


def _body(one: Contender, repeats: int) -> Body:
    network = one.folder / "model.onnx"
    return Body(
        latency_ms=latency.milliseconds(network, one.classifier.side, repeats),
        size_mb=network.stat().st_size / 1e6,
        parity=float(one.classifier.facts["parity"]),
    )


def _new_data(rival: Contender, challenger: Contender) -> bool:
    """Whether the challenger learned from pictures that the champion had not: by DVC's hash, or their number.

    The table of splits has ids, moods and splits; the folder of pictures also says when its source was made,
    and is asked only where a version was registered without the table. An older version knows none, whatever
    its data: else two versions could take turns for ever.
    """
    if int(challenger.version) < int(rival.version):
        return False
    for made in ("data/tables/splits.csv", "data/raw"):
        hashes = [one.tags.get(f"dvc.outs.{made}") for one in (rival, challenger)]
        if None not in hashes:
            return hashes[0] != hashes[1]
    counts = [one.classifier.facts["trained_on"] for one in (rival, challenger)]
    return bool(counts[0] != counts[1])


def _best(champion: str, digest: str) -> Former | None:
    """The best by registered macro-F1 of the champions before this one that met this very test split.

    One that was taken back is no mark to reach: a person saw what these pictures do not show.
    """
    with database.opened() as engine:
        moves = ledger.moves(engine)
    reigned = {one for move in moves for one in (move.champion, move.previous)} - {champion}
    known = [
        Former(str(one.version), float(one.tags["test_macro_f1"]))
        for one in registry.versions()
        if str(one.version) in reigned
        and one.tags.get("test.sha256") == digest
        and "test_macro_f1" in one.tags
    ]
    known = [one for one in known if not succession.taken_back(one.version)]
    return max(known, key=lambda one: one.macro_f1, default=None)


def _described(version: str, verdict: Verdict, champion: str) -> str:
    """A version's description with what the gate said last, before the ledger's decisions."""
    known = registry.numbered(version).description or ""
    own, mark, decisions = known.partition(succession.CHRONICLE)
    said = "\n".join(f"- {one}" for one in (*verdict.objections, *verdict.sentences))
    met = f"{gate.NAMES[verdict.outcome]} against version {champion} on {clock.now():%Y-%m-%d}"
    return f"{own.partition(GATE)[0]}{GATE}{met}\n\n{said}{mark}{decisions}"


def _tags(verdict: Verdict, champion: str) -> dict[str, str]:
    """What a version remembers of its gate."""
    figures = ("difference", "difference_low", "difference_high", "mcnemar_p", "smallest_shown")
    known = {f"gate.{key}": f"{verdict.figures[key]:.6f}" for key in figures if key in verdict.figures}
    return known | {
        "gate.figures": json.dumps({key: float(f"{value:.5g}") for key, value in verdict.figures.items()}),
        "gate.verdict": verdict.outcome,
        "gate.champion": champion,
        "gate.objections": "; ".join(verdict.objections)[:4900],  # MLflow's limit is 5000
        "gate.time": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
    }
