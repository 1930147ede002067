"""The networks behind features, layer by layer and without weights: VGG19 and SqueezeNet, as in Keras."""

from collections.abc import Collection
from dataclasses import dataclass

from pawtrait.errors import BadParams
from pawtrait.style_transfer.kernels import Shape

PIXELS = "pixels"  # a layer's name for the picture itself, whose Gram matrix is its palette


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with its ReLU; no padding where ``same`` is not set."""

    name: str
    ins: int
    outs: int
    size: int = 3
    stride: int = 1
    same: bool = True


@dataclass(frozen=True, slots=True)
class Pool:
    """Max pooling of size×size, stride 2, no padding."""

    size: int


@dataclass(frozen=True, slots=True)
class Fire:
    """SqueezeNet's module: 1×1 down to ``squeeze``, then 1×1 and 3×3 up, side by side."""

    name: str
    ins: int
    squeeze: int
    expand: int

    @property
    def outs(self) -> int:
        """Channels of both sides together."""
        return 2 * self.expand

    @property
    def convs(self) -> tuple[Conv, Conv, Conv]:
        """In Keras' order and with its names."""
        return (
            Conv(f"{self.name}/squeeze1x1", self.ins, self.squeeze, 1),
            Conv(f"{self.name}/expand1x1", self.squeeze, self.expand, 1),
            Conv(f"{self.name}/expand3x3", self.squeeze, self.expand, 3),
        )


Part = Conv | Pool | Fire


def _vgg(widths: tuple[int, ...], deepest: int) -> tuple[Part, ...]:
    """VGG19 (Simonyan and Zisserman 2015): five blocks; of the last, ``deepest`` convolutions."""
    parts: list[Part] = []
    ins = 3
    for block, (count, outs) in enumerate(zip((2, 2, 4, 4, deepest), widths, strict=True), start=1):
        for i in range(1, count + 1):
            parts.append(Conv(f"block{block}_conv{i}", ins, outs))
            ins = outs
        parts.append(Pool(2))
    return tuple(parts[:-1])


NETWORKS: dict[str, tuple[Part, ...]] = {
    "vgg19": _vgg((64, 128, 256, 512, 512), 4),
    "vgg19_16x": _vgg((16, 32, 64, 128, 128), 1),  # the rest of the file's block 5 repeats its first layer
    "squeezenet": (  # 1.1 (Iandola et al. 2016)
        Conv("conv1", 3, 64, 3, stride=2, same=False),
        Pool(3),
        Fire("fire2", 64, 16, 64),
        Fire("fire3", 128, 16, 64),
        Pool(3),
        Fire("fire4", 128, 32, 128),
        Fire("fire5", 256, 32, 128),
        Pool(3),
        Fire("fire6", 256, 48, 192),
        Fire("fire7", 384, 48, 192),
        Fire("fire8", 384, 64, 256),
        Fire("fire9", 512, 64, 256),
    ),
}


def parts(network: str) -> tuple[Part, ...]:
    """What the network does, first to last.

    Raises:
        BadParams: there is no such network.
    """
    if network not in NETWORKS:
        raise BadParams(f"neural.network is {network}, expected one of {', '.join(NETWORKS)}")
    return NETWORKS[network]


def layers(network: str) -> tuple[str, ...]:
    """The names of the maps that can be asked for, shallow to deep; the first is the picture itself."""
    return (PIXELS, *(part.name for part in parts(network) if not isinstance(part, Pool)))


def shapes(network: str) -> dict[str, Shape]:
    """The shape (height, width, in, out) of each convolution's kernel, first to last."""
    known: dict[str, Shape] = {}
    for part in parts(network):
        if not isinstance(part, Pool):
            convs = part.convs if isinstance(part, Fire) else (part,)
            known |= {one.name: (one.size, one.size, one.ins, one.outs) for one in convs}
    return known


def footprint(network: str, height: int, width: int, layers: Collection[str], size: int) -> tuple[int, int]:
    """Bytes of the maps that the way back from ``layers`` needs, and of the largest one.

    Args:
        height: of the picture as the network sees it, as is ``width``.
        size: bytes of a value, 4 or 2.
    """
    kept = largest = 0
    channels, left = 3, set(layers) - {PIXELS}
    for part in parts(network):
        if not left:
            break
        if isinstance(part, Pool):
            height, width = (height - part.size) // 2 + 1, (width - part.size) // 2 + 1
            made = channels * height * width * (size + 8)  # with the places of the maxima, int64
        else:
            if isinstance(part, Conv) and not part.same:
                height, width = (
                    (height - part.size) // part.stride + 1,
                    (width - part.size) // part.stride + 1,
                )
            channels = part.outs
            own = part.squeeze + part.outs if isinstance(part, Fire) else 0  # before they are joined
            made = (channels + own) * height * width * size
            left.discard(part.name)
        kept, largest = kept + made, max(largest, made)
    return kept, largest
