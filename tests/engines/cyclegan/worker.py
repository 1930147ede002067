"""A training in a process of its own: worker.py TASK FOLDER, pictures and recipe in the folder."""

import dataclasses
import json
import resource
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from pawtrait.errors import PawtraitError
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import fit, networks, parallel, step
from pawtrait.style_transfer.cyclegan.domains import Domains
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.parallel import Team

SEED = 7


def train(folder: Path) -> None:
    """Train and print each epoch's figures as a line of JSON, then those of the next."""
    pictures, recipe = _inputs(folder)
    data = Domains(pictures["photos"], pictures["paintings"])
    for epoch in fit.train(data, recipe, folder / "checkpoints", SEED, pictures["probes"]):
        if parallel.is_lead():
            print(json.dumps(dataclasses.asdict(epoch.figures)), flush=True)


def starve(folder: Path) -> None:
    """Train with 200 MB of memory more than torch itself takes; print what is said of it."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, resource.RLIM_INFINITY))
    try:
        train(folder)
    except PawtraitError as error:
        print(type(error).__name__, error)


def share(folder: Path) -> None:
    """Three steps in float64, the lead writing all weights; then a whole training."""
    recipe = _inputs(folder)[1]
    with parallel.join(recipe.batch) as team:
        weights = steps(recipe, team)
        if parallel.is_lead():
            save_file(weights, folder / "weights.safetensors")
        train(folder)


def steps(recipe: CycleGan, team: Team) -> dict[str, Tensor]:
    """All weights, and the losses, after three steps in float64 on smooth pictures."""
    nets = networks.build(recipe.ngf, recipe.n_blocks, recipe.ndf, SEED)
    for net in nets.named().values():
        net.double()
    training = step.start(nets, recipe, SEED)
    source = torch.Generator().manual_seed(SEED)
    with Lanes(team.device) as lanes:
        for _ in range(3):
            real_a, real_b = (
                torch.rand(recipe.batch, 3, 32, 32, generator=source, dtype=torch.float64) for _ in range(2)
            )
            losses = step.step(training, team.share(real_a), team.share(real_b), recipe, lanes, team)
    weights = {
        f"{name}.{key}": p.detach() for name, net in nets.named().items() for key, p in net.named_parameters()
    }
    return weights | {"losses": losses}


def _inputs(folder: Path) -> tuple[dict[str, np.ndarray], CycleGan]:
    with np.load(folder / "pictures.npz") as pictures:
        return dict(pictures), CycleGan.model_validate_json((folder / "recipe.json").read_text())


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"train": train, "starve": starve, "share": share}[sys.argv[1]](Path(sys.argv[2]))
