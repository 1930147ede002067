"""A training as named numpy arrays and a few numbers, and back: what a checkpoint holds."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pawtrait.style_transfer.cyclegan.step import Training

POOLS = ("fake_A_pool", "fake_B_pool")
OPTIMIZERS = ("optimizer_G", "optimizer_D")


def arrays(training: Training) -> dict[str, NDArray[Any]]:
    """Weights (``netG_A/1.weight``), Adam's moments (``optimizer_G/0/exp_avg``) and the pools' pictures."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in _tensors(training)}


def counters(training: Training) -> dict[str, int]:
    """How many fakes each pool has seen, which is all of its chance."""
    return {name: getattr(training, name).seen for name in POOLS}


def restore(training: Training, kept: Mapping[str, NDArray[Any]], seen: Mapping[str, int]) -> None:
    """Put back what ``arrays`` and ``counters`` gave into a training of the same recipe."""
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in kept.items()}
    for name, net in training.nets.named().items():
        net.load_state_dict(_under(name, tensors))
    for name in OPTIMIZERS:
        optimizer = getattr(training, name)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _under(name, tensors).items():
            index, _, kind = key.partition("/")
            moments.setdefault(int(index), {})[kind] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    device = next(training.nets.netG_A.parameters()).device
    for name in POOLS:
        getattr(training, name).restore(tensors[name].to(device), seen[name])


def finite(training: Training) -> bool:
    """Whether every number that a checkpoint would hold is one."""
    return all(bool(tensor.isfinite().all()) for _, tensor in _tensors(training))


def _tensors(training: Training) -> Iterator[tuple[str, Tensor]]:
    for name, net in training.nets.named().items():
        yield from ((f"{name}/{key}", tensor) for key, tensor in net.state_dict().items())
    for name in OPTIMIZERS:
        for index, moments in getattr(training, name).state_dict()["state"].items():
            yield from ((f"{name}/{index}/{kind}", tensor) for kind, tensor in moments.items())
    for name in POOLS:
        yield name, getattr(training, name).pictures()


def _under(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with ``name/``, without it."""
    return {key.removeprefix(f"{name}/"): one for key, one in tensors.items() if key.startswith(f"{name}/")}
