"""Training from the first epoch or the last checkpoint to the end; the caller prints, saves and shows."""

import dataclasses
import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pawtrait import checkpoints
from pawtrait.errors import BadTraining
from pawtrait.files import sha256
from pawtrait.params import CycleGan
from pawtrait.style_transfer import precision
from pawtrait.style_transfer.cyclegan import domains, networks, parallel, schedule, state
from pawtrait.style_transfer.cyclegan.domains import Domains
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.networks import Networks
from pawtrait.style_transfer.cyclegan.parallel import Team
from pawtrait.style_transfer.cyclegan.probes import Probes, paint
from pawtrait.style_transfer.cyclegan.step import LOSSES, Training, start, step

Pixels = NDArray[np.uint8]
Progress = Callable[[int, int, Mapping[str, float]], None]  # steps done, steps in all, mean losses since last
GLANCE = 25  # steps between two looks at the losses; each look waits for a GPU

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is kept of an epoch: a row of history.csv."""

    epoch: int  # counted from 1
    losses: dict[str, float]  # mean of each of step.LOSSES over the epoch
    cycle_loss: float  # mean |rec_A - real_A| of the probes, pixels in -1..1
    cycle_psnr: float  # dB, mean over the probes
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that has ended. ``probes`` is None where a later one's checkpoint is all that is left of it.

    ``nets`` are the networks in training, valid until the next epoch is asked for.
    """

    figures: Figures
    probes: Probes | None
    nets: Networks


def train(
    data: Domains,
    recipe: CycleGan,
    checkpoint_dir: Path,
    seed: int,
    probes: Pixels,
    progress: Progress | None = None,
) -> Iterator[Epoch]:
    """Train on, from where the last run with the same pictures, recipe and seed came to; yield every epoch.

    Epochs of earlier runs come first, as they were recorded. A run that ended between two checkpoints repeats
    the epoch it was in, on CPUs to the same bits. Started by torchrun, every process yields the same epochs;
    only the lead (parallel.is_lead) writes checkpoints, and all must see them.

    Args:
        data: the two domains at load_size.
        recipe: a preset of CycleGAN.
        checkpoint_dir: where checkpoints go, each training in a folder of its own.
        seed: of weights, crops, pairs and pools.
        probes: held-out photos, uint8 (N, S, S, 3), S a multiple of 4; N at least 1.
        progress: called every few steps.

    Raises:
        BadTraining: a loss that is no number (the last good checkpoint stays), or too little memory.
        BadParams: a batch that torchrun's processes cannot share.
    """
    folder = checkpoint_dir / fingerprint(data, recipe, seed, probes)
    with _explained(recipe), parallel.join(recipe.batch) as team, Lanes(team.device) as lanes:
        training = begin(recipe, seed, team.device)
        history = _resume(training, folder)
        yield from (Epoch(figures, None, training.nets) for figures in history[:-1])
        if history:  # its pictures may not have come to anybody before it was cut off
            yield Epoch(history[-1], paint(training.nets, probes), training.nets)
        for epoch in range(len(history) + 1, recipe.n_epochs + recipe.n_epochs_decay + 1):
            began = time.perf_counter()
            rate = _set_rate(training, recipe, epoch)
            losses = _run(training, _Setting(data, recipe, seed, epoch, lanes, team, progress))
            seconds = time.perf_counter() - began
            painted = paint(training.nets, probes)
            history.append(Figures(epoch, losses, painted.cycle_loss, painted.cycle_psnr, rate, seconds))
            _keep(training, folder, history, team)
            yield Epoch(history[-1], painted, training.nets)


def begin(recipe: CycleGan, seed: int, device: torch.device) -> Training:
    """Fresh networks and all that goes with them."""
    nets = networks.build(recipe.ngf, recipe.n_blocks, recipe.ndf, seed)
    for net in nets.named().values():
        net.to(device)
    return start(nets, recipe, seed)


def fingerprint(data: Domains, recipe: CycleGan, seed: int, probes: Pixels) -> str:
    """A name for this training: another picture, number, seed or line of code gives another."""
    digest = hashlib.sha256(f"{recipe.model_dump_json()} {seed} {torch.__version__}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(sha256(file).encode())
    for pictures in (data.photos, data.paintings, probes):
        digest.update(str(pictures.shape).encode())
        digest.update(np.ascontiguousarray(pictures).data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an epoch needs and does not change."""

    data: Domains
    recipe: CycleGan
    seed: int
    epoch: int
    lanes: Lanes
    team: Team
    progress: Progress | None


def _run(training: Training, now: _Setting) -> dict[str, float]:
    """All steps of an epoch; the mean of each loss."""
    steps = now.data.epoch_length(now.recipe.pictures, now.recipe.batch)
    epochs = now.recipe.n_epochs + now.recipe.n_epochs_decay
    losses: list[Tensor] = []
    looked = 0
    for index in range(steps):
        rows = now.team.rows(index, now.recipe.batch)
        pair = domains.batch(now.data, now.recipe.crop_size, now.seed, now.epoch, rows)
        real_a, real_b = (networks.to_network(pixels, now.team.device) for pixels in pair)
        losses.append(step(training, real_a, real_b, now.recipe, now.lanes, now.team))
        if (index + 1) % GLANCE == 0 or index + 1 == steps:
            recent = _means(losses[looked:], f"epoch {now.epoch}, step {index + 1}")
            looked = len(losses)
            if now.progress:
                now.progress((now.epoch - 1) * steps + index + 1, epochs * steps, recent)
    return _means(losses, f"epoch {now.epoch}")


def _means(losses: list[Tensor], place: str) -> dict[str, float]:
    """The mean of each loss over some steps.

    Raises:
        BadTraining: one of them is no number.
    """
    means = torch.stack(losses).double().mean(dim=0).tolist()
    named = dict(zip(LOSSES, means, strict=True))
    lost = [name for name, value in named.items() if not math.isfinite(value)]
    if lost:
        raise BadTraining(
            f"CycleGAN, {place}: {lost[0]} is {named[lost[0]]}; the checkpoint of the epoch before stays."
            " Lower cyclegan's learning_rate, or use precision fp32, and start again, from the first epoch"
        )
    return named


def _set_rate(training: Training, recipe: CycleGan, epoch: int) -> float:
    """Give both optimizers the learning rate of the epoch."""
    rate = recipe.learning_rate * schedule.factor(epoch, recipe.n_epochs, recipe.n_epochs_decay)
    for optimizer in (training.optimizer_G, training.optimizer_D):
        for group in optimizer.param_groups:
            group["lr"] = rate
    return rate


def _resume(training: Training, folder: Path) -> list[Figures]:
    """Put the last checkpoint into the training and give the epochs behind it; none where there is none."""
    kept = checkpoints.load(folder)
    if kept is None:
        return []
    state.restore(training, kept.arrays, kept.state["seen"])
    log.info("CycleGAN goes on after epoch %d, from %s", len(kept.state["history"]), folder)
    return [Figures(**row) for row in kept.state["history"]]


def _keep(training: Training, folder: Path, history: list[Figures], team: Team) -> None:
    """Write a checkpoint.

    Raises:
        BadTraining: a weight is no number, which the last step's losses cannot show yet.
    """
    if not state.finite(training):
        raise BadTraining(
            f"CycleGAN, epoch {len(history)}: a weight is no longer a number; the checkpoint of the epoch"
            " before stays. Lower cyclegan's learning_rate, or use precision fp32, and start again, from the"
            " first epoch"
        )
    if team.rank == 0:
        rows = [dataclasses.asdict(figures) for figures in history]
        checkpoints.save(folder, state.arrays(training), {"seen": state.counters(training), "history": rows})


@contextmanager
def _explained(recipe: CycleGan) -> Iterator[None]:
    """Turn what torch and numpy say of missing memory into what to do about it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not precision.lacks_memory(error):
            raise
        raise BadTraining(
            f"CycleGAN: out of memory at crop_size {recipe.crop_size}, ngf {recipe.ngf}, ndf {recipe.ndf},"
            f" batch {recipe.batch}; lower one of them (memory grows with the square of crop_size)"
        ) from error
