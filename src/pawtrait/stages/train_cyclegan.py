"""Stage train_cyclegan: photos and paintings → two generators, their ONNX files, and a run that can go on."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait import params, sealed
from pawtrait import progress as bars
from pawtrait.adapters import registry, tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.paintings import Painting, chosen, evenly
from pawtrait.evaluation import drawing, plots
from pawtrait.files import whole_folder, write_csv
from pawtrait.params import CycleGan
from pawtrait.style_transfer import features, measures, precision
from pawtrait.style_transfer.cyclegan import domains, export, fit, parallel
from pawtrait.style_transfer.cyclegan.fit import Epoch
from pawtrait.style_transfer.cyclegan.probes import Probes, paint

CHECKPOINTS = Path(".cache/checkpoints/cyclegan")  # outside DVC's outputs, so that a killed training goes on
PROBES = 2  # held-out photos of each mood, painted after every epoch
JUDGED = 64  # held-out photos that the figures at the end are taken on
NETWORK = "squeezenet"  # whose features judge; its figures are never those of the papers, which use Inception


def run(*, raw: Path, splits: Path, paintings: Path, table: Path, weights: Path, out: Path) -> None:
    """Train the preset of params.yaml; ``out`` is replaced as a whole or stays as it was.

    Started by torchrun, all processes train together and the lead alone writes and tells MLflow.
    """
    knobs = params.load()
    recipe = knobs.cyclegan.presets[knobs.cyclegan.preset]
    largest = knobs.manifest.largest_pixels
    placed = manifest.read(splits, manifest.Placed)
    train, valid = ([one for one in placed if one.split == split] for split in ("train", "valid"))
    hung = chosen(manifest.read(table, Painting), recipe.paintings)
    photos, works = _pictures(raw, train, largest, "photos"), _pictures(paintings, hung, largest, "paintings")
    data = domains.gather(photos, works, recipe.load_size)
    held_out = _squares(_pictures(raw, valid, largest, "held out"), recipe.crop_size)
    probes = held_out[_probes(valid)]
    if not parallel.is_lead():
        for _ in fit.train(data, recipe, CHECKPOINTS, knobs.seed, probes):
            pass
        return
    judge = features.load(NETWORK, weights, knobs.seed)  # before an hour of training, not after it
    judged = held_out[evenly(len(held_out), JUDGED)]
    wall = _squares(_pictures(paintings, hung, largest, "to judge by"), recipe.crop_size)
    place = CHECKPOINTS / fit.fingerprint(data, recipe, knobs.seed, probes)
    inputs = [raw, splits, paintings, weights]
    training = tracking.training(knobs, "cyclegan", inputs, "painter", place)
    with training as record, whole_folder(out) as folder:
        record.params({"seed": knobs.seed, **recipe.model_dump()})
        record.tags({"cyclegan.preset": knobs.cyclegan.preset})  # two names may stand for the same numbers
        rows = []
        for epoch in _epochs(data, recipe, knobs.seed, probes, record):
            rows.append(_row(epoch))
            last = epoch  # and no other: each holds its pictures
        facts = _save(folder, rows, last, probes, recipe, knobs.cyclegan.preset)
        facts |= _judge(last, judged, wall, judge)
        told = ("precision", "judged_by")  # which no parameter tells
        record.tags({f"cyclegan.{key}": facts[key] for key in told})
        record.metrics({_named(key): value for key, value in facts.items() if isinstance(value, float)})
        sealed.write_facts(folder, facts)
        sealed.seal(folder)
        record.picture(folder / "probes.png")
        registry.log(record, folder, registry.CYCLEGAN)


def _pictures(
    folder: Path, rows: Sequence[manifest.Placed | Painting], largest: int, what: str
) -> Iterator[Pixels]:
    """One after the other, so that only what they are resized to stays in memory."""
    for row in bars.track(rows, len(rows), what):
        yield images.read(folder / row.path, largest_pixels=largest, name=row.path)


def _squares(pictures: Iterator[Pixels], side: int) -> Pixels:
    """Resized once, from the files: what was resized twice is softer, and figures would tell of that too."""
    return np.stack([images.resize(one, side) for one in pictures])


def _probes(valid: Sequence[manifest.Placed]) -> list[int]:
    """The rows of the first held-out photos of each mood."""
    labels = [one.label for one in valid]
    return [int(row) for label in LABELS for row in np.flatnonzero([one == label for one in labels])[:PROBES]]


def _epochs(
    data: domains.Domains, recipe: CycleGan, seed: int, probes: Pixels, record: tracking.Run
) -> Iterator[Epoch]:
    """Train, show a bar, and tell MLflow of every epoch: its figures, and the probes as they are now."""
    told = record.steps("held_out_cycle")
    with bars.bar() as display:
        task = display.add_task("cyclegan", total=None, note="")

        def show(done: int, of: int, losses: Mapping[str, float]) -> None:
            note = " ".join(
                f"{key.removeprefix('loss_')} {losses[key]:.3f}" for key in ("loss_cycle_A", "loss_D_A")
            )
            display.update(task, total=of, completed=done, note=note)

        for epoch in fit.train(data, recipe, CHECKPOINTS, seed, probes, show):
            if epoch.figures.epoch not in told:  # one that was cut off may not have come to it
                pictures = epoch.probes.fake_B if epoch.probes is not None else ()
                for index, picture in enumerate(pictures):
                    record.probe(picture, f"probe_{index}", epoch.figures.epoch)
                if epoch.probes is not None:
                    record.probe(_grid(probes, epoch.probes), "grid", epoch.figures.epoch)
                record.metrics(_row(epoch), epoch.figures.epoch)  # last: what has figures has its pictures
                if display.disable:
                    bars.say(_line(epoch, recipe))
            yield epoch


def _grid(photos: Pixels, painted: Probes) -> Pixels:
    """Photos, uint8 (N, S, S, 3), above what they became and what came back of them: uint8 (3 S, N S, 3)."""
    rows = (photos, painted.fake_B, painted.rec_A)
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def _row(epoch: Epoch) -> dict[str, Any]:
    """A line of history.csv."""
    figures = epoch.figures
    return {
        "epoch": figures.epoch,
        **figures.losses,
        "held_out_cycle": figures.cycle_loss,
        "held_out_psnr": figures.cycle_psnr,
        "learning_rate": figures.learning_rate,
        "seconds": figures.seconds,
    }


def _line(epoch: Epoch, recipe: CycleGan) -> str:
    figures = epoch.figures
    return (
        f"cyclegan: epoch {figures.epoch}/{recipe.n_epochs + recipe.n_epochs_decay}"
        f" cycle {figures.losses['loss_cycle_A']:.3f} held-out cycle {figures.cycle_loss:.3f}"
        f" ({figures.cycle_psnr:.1f} dB) {figures.seconds:.0f} s"
    )


def _save(
    folder: Path, rows: Sequence[dict[str, Any]], last: Epoch, probes: Pixels, recipe: CycleGan, preset: str
) -> dict[str, Any]:
    """Write weights, ONNX, history and the sheet of probes; give what model.json says of them."""
    parity = export.save(last.nets, folder, probes)
    names = [name for name in rows[0] if name != "seconds"]  # no two trainings share them; MLflow has them
    write_csv(folder / "history.csv", [{name: row[name] for name in names} for row in rows], names)
    assert last.probes is not None  # the newest epoch has them
    shown = zip(probes, last.probes.fake_B, last.probes.rec_A, strict=True)
    sheet = [picture for row in shown for picture in row]
    captions = ["photo", "painted", "brought back"] * len(probes)
    drawing.save(plots.samples(sheet, captions, across=6), folder / "probes.png")
    device = next(last.nets.netG_A.parameters()).device
    counted = {name: sum(one.numel() for one in net.parameters()) for name, net in last.nets.named().items()}
    return {
        "name": "cyclegan",
        "kind": "cyclegan",
        "preset": preset,
        "start": "random start",
        "precision": precision.choose(recipe.precision, device),
        "side": recipe.crop_size,
        "parameters": sum(counted.values()),
        "parameters_of": counted,
        "parity": max(parity.values()),
        "epochs": len(rows),
        "recipe": recipe.model_dump(),
    }


def _judge(last: Epoch, photos: Pixels, paintings: Pixels, network: features.Features) -> dict[str, Any]:
    """Figures on held-out photos: how well they come back, how near to the paintings they are painted."""
    painted = paint(last.nets, photos)
    figures = {
        "held_out_psnr": painted.cycle_psnr,
        "held_out_cycle": painted.cycle_loss,
        "perceptual_cycle": _apart(network, painted.rec_A, photos),
        "perceptual_change": _apart(network, painted.fake_B, photos),
        **_kid("kid", network, painted.fake_B, paintings),
        **_kid("kid_photos", network, photos, paintings),
    }
    return {
        **{key: value and float(f"{value:.5g}") for key, value in figures.items()},
        "judged_by": f"{NETWORK} ({network.start})",
        "judged_on": len(photos),
    }


def _named(figure: str) -> str:
    """A figure at the end as MLflow has it, where nothing else says that SqueezeNet's features judged."""
    return f"final_{NETWORK}_{figure}" if figure.startswith(("kid", "perceptual")) else f"final_{figure}"


def _apart(network: features.Features, a: Pixels, b: Pixels) -> float:
    """The mean perceptual distance of pictures in pairs."""
    return float(np.mean([measures.perceptual(network, *pair) for pair in zip(a, b, strict=True)]))


def _kid(name: str, network: features.Features, a: Pixels, b: Pixels) -> dict[str, float | None]:
    """KID with its standard error; none where a set has fewer than three pictures, as with one painting."""
    if min(len(a), len(b)) < 3:
        return {name: None, f"{name}_error": None}
    estimate, error = measures.kid(measures.embed(network, list(a)), measures.embed(network, list(b)))
    return {name: estimate, f"{name}_error": error}
