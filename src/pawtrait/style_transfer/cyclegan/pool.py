"""Earlier fakes for a discriminator to see, so that the two networks do not chase each other in circles."""

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """A history of ``size`` fakes (Shrivastava et al. 2017; Zhu et al. 2017, section 4: 50 of them).

    While it fills, every fake goes in and comes out. Then each fake either comes out itself, or, with
    probability 1/2, takes the place of an old one, which comes out instead. What happens to the k-th fake
    hangs on the seed and k alone, so a pool whose pictures and count were kept goes on as if never stopped.
    """

    def __init__(self, size: int, *seed: int) -> None:
        self.size = size
        self.seed = seed
        self.seen = 0
        self.held = torch.empty(0)

    def query(self, fakes: Tensor) -> Tensor:
        """Give the pool a batch (B, C, H, W), get one of the same shape; without gradient."""
        fakes = fakes.detach()
        if self.size == 0:
            return fakes
        if not len(self.held):
            self.held = fakes.new_zeros((self.size, *fakes.shape[1:]))
        given = torch.empty_like(fakes)
        for index, fake in enumerate(fakes):
            slot, take_old = self._fate()
            given[index] = self.held[slot] if take_old else fake
            if slot is not None:
                self.held[slot] = fake
        return given

    def pictures(self) -> Tensor:
        """Those held now: (N, C, H, W), N up to the size."""
        return self.held[: min(self.seen, self.size)]

    def restore(self, pictures: Tensor, seen: int) -> None:
        """Take up where a pool was that held these pictures and had seen so many fakes."""
        self.seen = seen
        self.held = pictures.new_zeros((self.size, *pictures.shape[1:])) if seen else torch.empty(0)
        self.held[: len(pictures)] = pictures

    def _fate(self) -> tuple[int | None, bool]:
        """Where the next fake goes (None: nowhere), and whether what was there comes out in its stead."""
        count, self.seen = self.seen, self.seen + 1
        if count < self.size:
            return count, False
        rng = np.random.default_rng((*self.seed, count))
        return (int(rng.integers(self.size)), True) if rng.random() < 0.5 else (None, False)
