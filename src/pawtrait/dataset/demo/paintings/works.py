"""What hangs in the gallery: for each manner its works in order, each a title and the way to paint it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from pawtrait.dataset.demo.paintings import (
    facets,
    interiors,
    landscapes,
    points,
    prints_moon,
    prints_nature,
    prints_weather,
    scrolls_garden,
    scrolls_land,
    scrolls_pond,
    strokes,
)
from pawtrait.dataset.demo.paintings.palettes import (
    AUTUMN,
    DUSK,
    EVENING,
    JADE,
    NIGHT,
    NOON,
    OCHRE,
    PRISM,
    PRUSSIAN,
    RICE,
    SILK,
    SLATE,
    SPRING,
    TEA,
    Palette,
)
from pawtrait.dataset.demo.paintings.sketch import Sketch
from pawtrait.dataset.demo.paintings.surface import Picture

Render = Callable[[Sketch, int, np.random.Generator], Picture]
Motif = Callable[[Palette, np.random.Generator], Sketch]


class Work(NamedTuple):
    """A work: its title, and what paints it, float32 (S, S, 3) RGB, given S and a generator."""

    title: str
    paint: Callable[[int, np.random.Generator], Picture]


def _oil(render: Render, motif: Motif, colours: Palette, side: int, rng: np.random.Generator) -> Picture:
    """Sketch the motif, then paint it."""
    return render(motif(colours, rng), side, rng)


def _oils(render: Render, *rows: tuple[str, Motif, Palette]) -> tuple[Work, ...]:
    return tuple(Work(title, partial(_oil, render, motif, colours)) for title, motif, colours in rows)


def _pet(species: str) -> Motif:
    return partial(interiors.portrait, species)


WORKS: dict[str, tuple[Work, ...]] = {
    "strokes": _oils(
        strokes.render,
        ("Village under turning stars", landscapes.village, NIGHT),
        ("Wheat and a cypress in the wind", landscapes.wheat, NOON),
        ("A cat in the evening", _pet("cat"), DUSK),
        ("Sails at dusk", landscapes.sea, DUSK),
        ("Flowers in a blue and white vase", interiors.flowers, NOON),
        ("Haystacks in autumn", landscapes.haystacks, AUTUMN),
        ("Mountain lake by night", landscapes.lake, NIGHT),
        ("A rabbit at noon", _pet("rabbit"), NOON),
        ("Fruit and a jug", interiors.fruit, AUTUMN),
        ("Poplars in spring", landscapes.poplars, SPRING),
    ),
    "points": _oils(
        points.render,
        ("Poplars on a river in autumn", landscapes.poplars, AUTUMN),
        ("Still life with a bowl of fruit", interiors.fruit, SPRING),
        ("A dog in spring", _pet("dog"), SPRING),
        ("Regatta at noon", landscapes.sea, NOON),
        ("Mountain lake at dusk", landscapes.lake, DUSK),
        ("Haystacks at the end of summer", landscapes.haystacks, NOON),
        ("Spring flowers", interiors.flowers, SPRING),
        ("A bird in autumn", _pet("bird"), AUTUMN),
        ("Village by night", landscapes.village, NIGHT),
        ("Wheat in autumn", landscapes.wheat, AUTUMN),
    ),
    "facets": _oils(
        facets.render,
        ("Guitar, bottle and newspaper", interiors.guitar, OCHRE),
        ("Houses on a hill", landscapes.hilltown, AUTUMN),
        ("Head of a cat", _pet("cat"), PRISM),
        ("Sails in a breeze", landscapes.sea, PRISM),
        ("Fruit dish", interiors.fruit, OCHRE),
        ("Vase of flowers", interiors.flowers, SLATE),
        ("Head of a horse", _pet("horse"), OCHRE),
        ("Guitar in blue", interiors.guitar, SLATE),
        ("Lake between mountains", landscapes.lake, PRISM),
        ("Red roofs", landscapes.hilltown, PRISM),
    ),
    "woodblock": (
        Work("Wave under a red sun", partial(prints_nature.wave, PRUSSIAN)),
        Work("Red mountain at dawn", partial(prints_nature.mountain, PRUSSIAN)),
        Work("Cat on a roof before the moon", partial(prints_moon.moonlit, PRUSSIAN)),
        Work("Shower on the bridge", partial(prints_weather.rain, JADE)),
        Work("Village in snow", partial(prints_weather.snow, PRUSSIAN)),
        Work("Evening wave", partial(prints_nature.wave, EVENING)),
        Work("Mountain at sunset", partial(prints_nature.mountain, EVENING)),
        Work("Cat in a green night", partial(prints_moon.moonlit, JADE)),
        Work("Evening rain", partial(prints_weather.rain, EVENING)),
        Work("Snow at nightfall", partial(prints_weather.snow, EVENING)),
    ),
    "ink": (
        Work("Mountains in mist", partial(scrolls_land.peaks, RICE)),
        Work("Bamboo in the wind", partial(scrolls_garden.bamboo, TEA)),
        Work("Bird on a plum bough", partial(scrolls_garden.plum, RICE)),
        Work("Carp under lotus leaves", partial(scrolls_pond.carp, TEA)),
        Work("Boat under the full moon", partial(scrolls_land.ferry, SILK)),
        Work("Pavilion among peaks", partial(scrolls_land.peaks, SILK)),
        Work("Bamboo after rain", partial(scrolls_garden.bamboo, RICE)),
        Work("Plum blossom on silk", partial(scrolls_garden.plum, SILK)),
        Work("Three carp", partial(scrolls_pond.carp, RICE)),
        Work("Ferry at night", partial(scrolls_land.ferry, TEA)),
    ),
}
