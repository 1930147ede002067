"""How well photos that no training saw are painted and brought back."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pawtrait.style_transfer.cyclegan.networks import Networks, from_network, to_network

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Probes:
    """Photos painted and brought back, uint8 (N, S, S, 3), and how near they came."""

    fake_B: Pixels  # noqa: N815
    rec_A: Pixels  # noqa: N815
    cycle_loss: float  # mean |rec_A - real_A|, pixels in -1..1
    cycle_psnr: float  # dB, the mean over the photos


def paint(nets: Networks, photos: Pixels) -> Probes:
    """Paint photos, uint8 (N, S, S, 3), and bring them back; one at a time and in float32."""
    device = next(nets.netG_A.parameters()).device
    pictures: list[tuple[Pixels, Pixels]] = []
    distances: list[tuple[float, float]] = []
    with torch.no_grad():
        for photo in photos:
            real_a = to_network(photo[None], device)
            fake_b = nets.netG_A(real_a)
            rec_a = nets.netG_B(fake_b)
            off = (rec_a - real_a).double()
            psnr = 10 * torch.log10(4 / off.square().mean())  # the range is 2 wide
            distances.append((float(off.abs().mean()), float(psnr)))
            pictures.append((from_network(fake_b), from_network(rec_a)))
    fakes, recs = (np.concatenate(side) for side in zip(*pictures, strict=True))
    loss, psnr_mean = np.mean(distances, axis=0)
    return Probes(fakes, recs, float(loss), float(psnr_mean))
