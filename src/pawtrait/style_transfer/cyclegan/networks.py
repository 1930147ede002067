"""The two kinds of network: a ResNet that repaints pictures, a PatchGAN that judges patches of 70×70 px."""
# ruff: noqa: N815 (the names of the implementation)

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

KERNEL = 4  # of the discriminator's convolutions
DEEPEST = 8  # the discriminator's filters grow up to this many times ndf


@dataclass(frozen=True, slots=True)
class Networks:
    """The four networks, A being photos and B paintings; named as in Zhu et al.'s implementation.

    ``netG_A`` paints A → B, ``netG_B`` goes back B → A; ``netD_A`` tells real B from ``netG_A``'s, ``netD_B``
    real A from ``netG_B``'s.
    """

    netG_A: nn.Module
    netG_B: nn.Module
    netD_A: nn.Module
    netD_B: nn.Module

    def named(self) -> dict[str, nn.Module]:
        """The four by name."""
        return {name: getattr(self, name) for name in ("netG_A", "netG_B", "netD_A", "netD_B")}

    def generators(self) -> list[nn.Parameter]:
        """The parameters that one Adam moves: both generators'."""
        return [*self.netG_A.parameters(), *self.netG_B.parameters()]

    def discriminators(self) -> list[nn.Parameter]:
        """The parameters that the other Adam moves: both discriminators'."""
        return [*self.netD_A.parameters(), *self.netD_B.parameters()]


def build(ngf: int, n_blocks: int, ndf: int, seed: int) -> Networks:
    """Fresh networks in float32; the seed alone decides their weights."""
    nets = Networks(
        generator(ngf, n_blocks), generator(ngf, n_blocks), discriminator(ndf), discriminator(ndf)
    )
    source = torch.Generator().manual_seed(seed)
    for net in nets.named().values():
        _initialise(net, source)
    return nets


def generator(ngf: int, n_blocks: int) -> nn.Module:
    """Johnson et al.'s ResNet as Zhu et al. use it, c7s1-64,d128,d256,R256×n,u128,u64,c7s1-3 for ngf 64.

    In and out: (B, 3, H, W) RGB in -1..1; H and W multiples of 4, at least 8. A picture's result does not
    depend on the others of its batch.
    """
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7), *_norm_relu(ngf)]
    for width in (ngf, 2 * ngf):  # down: H, W → H/4, W/4
        layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), *_norm_relu(2 * width)]
    layers += [ResnetBlock(4 * ngf) for _ in range(n_blocks)]
    for width in (4 * ngf, 2 * ngf):  # and up again
        up = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1)
        layers += [up, *_norm_relu(width // 2)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())


def discriminator(ndf: int) -> nn.Module:
    """PatchGAN of three strided layers: each output has seen 70×70 px (Isola et al. 2017).

    In: (B, 3, H, W) RGB in -1..1, H and W at least 32. Out: (B, 1, H/8 - 2, W/8 - 2), 1 where it looks real.
    """
    layers = [nn.Conv2d(3, ndf, KERNEL, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]  # no norm here
    width = ndf
    for stride in (2, 2, 1):
        wider = min(2 * width, DEEPEST * ndf)
        layers += [nn.Conv2d(width, wider, KERNEL, stride=stride, padding=1), nn.InstanceNorm2d(wider)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        width = wider
    return nn.Sequential(*layers, nn.Conv2d(width, 1, KERNEL, padding=1))


def to_network(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (B, H, W, 3) in 0..255 to float32 (B, 3, H, W) in -1..1, RGB."""
    on_device = torch.from_numpy(pictures).to(device, non_blocking=True)
    return on_device.permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1.0


def from_network(painted: Tensor) -> NDArray[np.uint8]:
    """Any float (B, 3, H, W) in -1..1 to uint8 (B, H, W, 3) in 0..255, rounded."""
    pixels = ((painted.detach().float() + 1.0) * 127.5).round().clamp(0, 255)
    return np.asarray(pixels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy(), np.uint8)


class ResnetBlock(nn.Module):
    """x + conv(conv(x)): (B, C, H, W) to the same, padded by reflection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), *_norm_relu(width)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.residual = nn.Sequential(*first, *second)

    def forward(self, pixels: Tensor) -> Tensor:
        added: Tensor = pixels + self.residual(pixels)
        return added


def _norm_relu(width: int) -> list[nn.Module]:
    """Instance norm without weights, as in the paper; GroupNorm(C, C) is 12 to 15 times slower in bf16."""
    return [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]


def _initialise(net: nn.Module, source: torch.Generator) -> None:
    """Weights from N(0, 0.02), biases zero (Zhu et al. 2017, appendix 7.1)."""
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, 0.0, 0.02, generator=source)
        else:
            nn.init.zeros_(parameter)
