"""Composed palettes: what a painter would lay out for a light, each colour with its role."""

from dataclasses import dataclass

from pawtrait.dataset.demo.canvas import Colour


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a painting in oil, RGB 0..255."""

    sky: Colour
    horizon: Colour
    light: Colour  # sun, moon, lamps
    far: Colour
    middle: Colour
    near: Colour
    water: Colour
    dark: Colour
    warm: Colour  # the accent: roofs, fruit, flowers
    cool: Colour  # its counterpart
    pale: Colour  # walls, cloth, foam


NIGHT = Palette(
    sky=(16, 34, 104),
    horizon=(84, 138, 196),
    light=(255, 224, 104),
    far=(46, 78, 142),
    middle=(34, 92, 112),
    near=(28, 64, 66),
    water=(26, 62, 132),
    dark=(14, 24, 46),
    warm=(230, 138, 52),
    cool=(124, 178, 220),
    pale=(216, 210, 170),
)
DUSK = Palette(
    sky=(84, 72, 152),
    horizon=(255, 172, 104),
    light=(255, 232, 150),
    far=(132, 96, 158),
    middle=(124, 82, 116),
    near=(88, 60, 84),
    water=(142, 104, 164),
    dark=(48, 32, 66),
    warm=(238, 92, 58),
    cool=(92, 112, 190),
    pale=(255, 216, 180),
)
NOON = Palette(
    sky=(58, 132, 208),
    horizon=(196, 226, 230),
    light=(255, 246, 190),
    far=(98, 142, 196),
    middle=(112, 168, 82),
    near=(236, 194, 66),
    water=(46, 136, 182),
    dark=(30, 70, 58),
    warm=(222, 84, 44),
    cool=(58, 98, 184),
    pale=(252, 242, 214),
)
AUTUMN = Palette(
    sky=(124, 168, 192),
    horizon=(246, 224, 174),
    light=(255, 230, 146),
    far=(142, 130, 160),
    middle=(214, 146, 50),
    near=(196, 94, 36),
    water=(84, 130, 148),
    dark=(74, 42, 42),
    warm=(208, 56, 36),
    cool=(66, 102, 140),
    pale=(248, 230, 188),
)
SPRING = Palette(
    sky=(132, 184, 230),
    horizon=(252, 222, 222),
    light=(255, 242, 196),
    far=(156, 168, 212),
    middle=(146, 198, 112),
    near=(84, 156, 92),
    water=(108, 172, 200),
    dark=(62, 72, 92),
    warm=(240, 112, 138),
    cool=(116, 126, 206),
    pale=(255, 246, 236),
)
OCHRE = Palette(
    sky=(156, 148, 126),
    horizon=(220, 204, 160),
    light=(244, 228, 182),
    far=(122, 122, 112),
    middle=(164, 132, 78),
    near=(120, 92, 56),
    water=(104, 118, 116),
    dark=(38, 33, 30),
    warm=(186, 104, 50),
    cool=(76, 98, 110),
    pale=(234, 220, 182),
)
SLATE = Palette(
    sky=(78, 102, 134),
    horizon=(180, 196, 204),
    light=(246, 234, 206),
    far=(96, 118, 142),
    middle=(120, 132, 118),
    near=(84, 96, 92),
    water=(66, 98, 128),
    dark=(26, 32, 44),
    warm=(204, 108, 76),
    cool=(62, 88, 130),
    pale=(226, 226, 214),
)
PRISM = Palette(
    sky=(40, 84, 160),
    horizon=(246, 196, 92),
    light=(255, 240, 176),
    far=(116, 78, 156),
    middle=(46, 140, 120),
    near=(210, 80, 56),
    water=(32, 112, 158),
    dark=(28, 24, 48),
    warm=(236, 92, 44),
    cool=(52, 96, 184),
    pale=(250, 232, 196),
)


@dataclass(frozen=True, slots=True)
class Inks:
    """The blocks of a print, RGB 0..255."""

    paper: Colour
    key: Colour  # outlines
    deep: Colour  # the dark blue of the bokashi
    blue: Colour
    pale: Colour  # between blue and paper
    red: Colour
    ochre: Colour
    green: Colour
    grey: Colour
    moon: Colour


PRUSSIAN = Inks(
    paper=(240, 228, 198),
    key=(26, 34, 62),
    deep=(20, 46, 92),
    blue=(44, 86, 138),
    pale=(150, 184, 196),
    red=(204, 62, 40),
    ochre=(216, 168, 92),
    green=(76, 112, 88),
    grey=(136, 142, 144),
    moon=(250, 226, 150),
)

EVENING = Inks(
    paper=(242, 222, 190),
    key=(46, 28, 48),
    deep=(96, 46, 92),
    blue=(84, 76, 136),
    pale=(216, 166, 158),
    red=(216, 74, 52),
    ochre=(228, 160, 84),
    green=(92, 104, 92),
    grey=(148, 128, 136),
    moon=(255, 220, 140),
)

JADE = Inks(
    paper=(238, 232, 206),
    key=(24, 44, 44),
    deep=(16, 66, 74),
    blue=(34, 112, 116),
    pale=(154, 198, 180),
    red=(196, 72, 44),
    ochre=(220, 178, 86),
    green=(88, 132, 76),
    grey=(132, 146, 138),
    moon=(252, 236, 176),
)


RICE: Colour = (243, 237, 222)

SILK: Colour = (226, 208, 172)

TEA: Colour = (236, 222, 196)
