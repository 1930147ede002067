"""The networks against their published sizes and against numpy, layer by layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import nn

from pawtrait.style_transfer.cyclegan import networks

Array = NDArray[np.float64]


def test_a_generator_of_nine_blocks_has_the_published_11_378_million_parameters():
    assert _count(networks.generator(64, 9)) == 11_378_179


def test_a_generator_of_six_blocks_has_three_blocks_fewer():
    block = 2 * (256 * 256 * 9 + 256)
    assert _count(networks.generator(64, 6)) == 11_378_179 - 3 * block


def test_the_discriminator_has_the_published_2_765_million_parameters():
    assert _count(networks.discriminator(64)) == 2_764_737


def test_the_generator_gives_what_numpy_gives(fresh):
    net, pixels = fresh(networks.generator(2, 1)), _noise(1, 3, 16, 20)
    with torch.no_grad():
        got = net(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(got[0], _generator(net, pixels[0]), atol=1e-10)


def test_the_discriminator_gives_what_numpy_gives(fresh):
    net, pixels = fresh(networks.discriminator(2)), _noise(1, 3, 40, 48)
    with torch.no_grad():
        got = net(torch.from_numpy(pixels)).numpy()
    assert got.shape == (1, 1, 3, 4)
    np.testing.assert_allclose(got[0], _discriminator(net, pixels[0]), atol=1e-10)


def test_each_verdict_has_seen_70_by_70_pixels(fresh):
    net = fresh(networks.discriminator(1))
    for place, layer in enumerate(net):
        if isinstance(layer, nn.InstanceNorm2d):  # which looks at the whole picture
            net[place] = nn.Identity()
    pixels = torch.rand(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    verdict = net(pixels)
    assert verdict.shape == (1, 1, 30, 30)
    verdict[0, 0, 15, 15].backward()
    rows, columns = np.nonzero(np.abs(pixels.grad.numpy()).sum((0, 1)))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (70, 70)


def test_a_picture_is_painted_the_same_in_any_company(fresh):
    net = fresh(networks.generator(2, 1))
    pictures = torch.from_numpy(_noise(3, 3, 16, 16))
    with torch.no_grad():
        together, alone = net(pictures), net(pictures[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-12)


def test_a_generator_sees_neither_a_pictures_mean_colour_nor_its_contrast(fresh):
    """Instance norm takes both away, so a cycle can only guess them: the floor of short trainings."""
    net = fresh(networks.generator(2, 1))
    picture = torch.from_numpy(_noise(1, 3, 16, 16))
    tint = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)[:, None, None]
    with torch.no_grad():
        torch.testing.assert_close(net(2 * picture + tint), net(picture), rtol=0, atol=1e-4)
        assert (net(picture.flip(3)) - net(picture)).abs().max() > 0.1


def test_weights_start_from_a_narrow_normal_distribution_and_biases_from_zero():
    nets = networks.build(16, 2, 16, seed=3)
    for net in nets.named().values():
        weights = torch.cat(
            [p.detach().flatten() for name, p in net.named_parameters() if name.endswith("weight")]
        )
        assert abs(float(weights.std()) - 0.02) < 5e-4 and abs(float(weights.mean())) < 5e-4
        assert not any(p.any() for name, p in net.named_parameters() if name.endswith("bias"))


def test_the_seed_alone_decides_the_weights_and_no_two_networks_are_alike():
    torch.manual_seed(1)
    first = networks.build(2, 1, 2, seed=3)
    torch.manual_seed(2)
    again, other = networks.build(2, 1, 2, seed=3), networks.build(2, 1, 2, seed=4)
    assert torch.equal(first.netG_A[1].weight, again.netG_A[1].weight)
    assert not torch.equal(first.netG_A[1].weight, other.netG_A[1].weight)
    assert not torch.equal(first.netG_A[1].weight, first.netG_B[1].weight)


def test_pictures_reach_a_network_in_minus_one_to_one_and_come_back_unharmed():
    pictures = np.random.default_rng(1).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    pictures[0, 0, 0], pictures[0, 0, 1] = (0, 128, 255), (255, 0, 0)
    tensor = networks.to_network(pictures, torch.device("cpu"))
    assert tensor.shape == (2, 3, 8, 12)
    assert tensor[0, :, 0, 0].tolist() == pytest.approx([-1, 128 / 127.5 - 1, 1], abs=1e-6)
    np.testing.assert_array_equal(networks.from_network(tensor), pictures)


@pytest.fixture
def fresh() -> Callable[[nn.Module], nn.Module]:
    """Gives a network livelier weights than training starts from, biases too, in float64."""

    def liven(net: nn.Module) -> nn.Module:
        source = torch.Generator().manual_seed(8)
        for parameter in net.parameters():
            nn.init.normal_(parameter, 0.0, 0.3, generator=source)
        return net.double()

    return liven


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _noise(*shape: int) -> Array:
    return np.random.default_rng(4).uniform(-1, 1, shape)


def _generator(net: Any, x: Array) -> Array:
    """The ResNet written out: (3, H, W) to (3, H, W)."""
    weights = iter(parameter.detach().numpy() for parameter in net.parameters())

    def take() -> tuple[Array, Array]:
        return next(weights), next(weights)

    x = _relu(_norm(_conv(_reflect(x, 3), *take())))
    for _ in range(2):
        x = _relu(_norm(_conv(_zeros(x, 1), *take(), stride=2)))
    inner = _relu(_norm(_conv(_reflect(x, 1), *take())))
    x = x + _norm(_conv(_reflect(inner, 1), *take()))
    for _ in range(2):
        x = _relu(_norm(_up(x, *take())))
    return np.tanh(_conv(_reflect(x, 3), *take()))


def _discriminator(net: Any, x: Array) -> Array:
    """The PatchGAN written out: (3, H, W) to (1, H/8 - 2, W/8 - 2)."""
    weights = [parameter.detach().numpy() for parameter in net.parameters()]
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    x = _leaky(_conv(_zeros(x, 1), *pairs[0], stride=2))
    for pair, stride in zip(pairs[1:4], (2, 2, 1), strict=True):
        x = _leaky(_norm(_conv(_zeros(x, 1), *pair, stride=stride)))
    return _conv(_zeros(x, 1), *pairs[4])


def _conv(x: Array, weight: Array, bias: Array, stride: int = 1) -> Array:
    """(I, H, W) under (O, I, k, k)."""
    windows = sliding_window_view(x, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("ihwyx,oiyx->ohw", windows, weight) + bias[:, None, None]


def _up(x: Array, weight: Array, bias: Array) -> Array:
    """Twice as large: every element lays (I, O, 3, 3) on the result, two apart; the first edge is cut off."""
    height, width = x.shape[1:]
    laid = np.zeros((weight.shape[1], 2 * height + 1, 2 * width + 1))
    for row in range(height):
        for column in range(width):
            stamp = np.einsum("i,ioyx->oyx", x[:, row, column], weight)
            laid[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += stamp
    return laid[:, 1:, 1:] + bias[:, None, None]


def _norm(x: Array) -> Array:
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def _reflect(x: Array, edge: int) -> Array:
    return np.pad(x, ((0, 0), (edge, edge), (edge, edge)), mode="reflect")


def _zeros(x: Array, edge: int) -> Array:
    return np.pad(x, ((0, 0), (edge, edge), (edge, edge)))


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _leaky(x: Array) -> Array:
    return np.where(x > 0, x, 0.2 * x)
