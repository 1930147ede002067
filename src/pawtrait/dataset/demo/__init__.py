"""The demo's data set: animal faces in four moods, drawn by our own code."""

from pawtrait.dataset.demo.dataset import FOLDERS, PLANTED, TOP, Planted, draw
from pawtrait.dataset.demo.portrait import picture
from pawtrait.dataset.demo.species import SPECIES

__all__ = ["FOLDERS", "PLANTED", "SPECIES", "TOP", "Planted", "draw", "picture"]
