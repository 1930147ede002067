"""Several processes, one training: torchrun starts them, gradients are averaged, all take the same step.

Data parallel as DistributedDataParallel does it, but without its wrapper, which knows one forward and one
backward pass a step: here a generator runs twice a step and two half-cycles run side by side. Every process
holds all networks and both image pools; of a batch it works on its own rows. Instance norm looks at one
picture alone, so the result is that of a single process up to the order of additions.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from pawtrait.errors import BadParams
from pawtrait.style_transfer import precision


@dataclass(frozen=True, slots=True)
class Team:
    """This process among its peers; alone it is rank 0 of 1."""

    rank: int
    size: int
    device: torch.device

    def rows(self, step: int, batch: int) -> range:
        """This process's rows of an epoch's list, in step ``step`` counted from 0."""
        share = batch // self.size
        first = step * batch + self.rank * share
        return range(first, first + share)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one dtype by their mean over all processes, in one message."""
        if self.size == 1:
            return
        message = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(message)
        parts = torch.split(message / self.size, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, share: Tensor) -> Tensor:
        """All processes' rows of a batch, in the order of the batch: (B/size, …) → (B, …)."""
        if self.size == 1:
            return share
        parts = [torch.empty_like(share) for _ in range(self.size)]
        distributed.all_gather(parts, share.contiguous())
        return torch.cat(parts)

    def share(self, whole: Tensor) -> Tensor:
        """This process's rows of a gathered batch: (B, …) → (B/size, …)."""
        return whole.chunk(self.size)[self.rank]


def is_lead() -> bool:
    """Whether this process is the one that writes: the only one, or torchrun's rank 0."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def join(batch: int) -> Iterator[Team]:
    """Join the processes that torchrun started (NCCL between GPUs, Gloo between CPUs), or be alone.

    Within another ``join`` it gives the same team.

    Raises:
        BadParams: a batch that the processes cannot share evenly.
    """
    size, rank = (
        int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", "1"), ("RANK", "0"))
    )
    if batch % size:
        raise BadParams(f"cyclegan: a batch of {batch} for {size} processes; make it a multiple of {size}")
    team = Team(rank, size, _device())
    if size == 1 or distributed.is_initialized():
        yield team
        return
    distributed.init_process_group("nccl" if team.device.type == "cuda" else "gloo")
    try:
        yield team
    finally:
        distributed.destroy_process_group()


def _device() -> torch.device:
    """The GPU of this process where there is one."""
    device = precision.device(int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
