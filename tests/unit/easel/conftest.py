"""A project with two paintings, painters whose work can be told by hand, and short words for using them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from pawtrait import easel, params
from pawtrait.dataset import images, manifest, named
from pawtrait.dataset.paintings import Painting

ROOT = Path(__file__).parents[3]
LARGEST = 1_000_000
RED, BLUE = (90, 10, 0), (0, 20, 110)  # two paintings of one colour each


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A project with two paintings, features that start at random, small numbers, and no painter yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["neural"] |= {"side": 80, "scales": [0.5, 1.0], "steps": [2, 4]}
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    rows = [hang_on_the_wall("red", "A Red Room", RED), hang_on_the_wall("blue", "Blue", BLUE)]
    manifest.write(easel.TABLE, rows, Painting)
    easel.WEIGHTS.mkdir(parents=True)
    unknown = {"squeezenet": {"net": "squeezenet", "file": None, "sha256": None, "origin": "none"}}
    (easel.WEIGHTS / "weights.json").write_text(json.dumps(unknown))
    return tmp_path


@pytest.fixture
def gan(here, cyclegan_folder):
    """The project with a CycleGAN that makes negatives."""
    return here


@pytest.fixture
def fast(here, fast_folder):
    """The project with a fast painter that adds the painting's mean colour to the photo."""
    return here


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def hang_on_the_wall(name, title, colour):
    data = images.encode_png(plain(64, 64, colour))
    easel.FOLDER.mkdir(parents=True, exist_ok=True)
    (easel.FOLDER / f"{name}.png").write_bytes(data)
    return Painting(name, f"{name}.png", f"{name}.png", title, name, 64, 64, "")


def plain(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


def save(name, height=40, width=50, colour=(200, 120, 40)):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(images.encode_png(plain(height, width, colour)))
    return name


def picture(path):
    return images.decode(Path(path).read_bytes(), largest_pixels=LARGEST, name=str(path))


def wish(method="cyclegan", *styles, strength=1.0, previews=0):
    return easel.wish(method, styles, strength, previews, LARGEST)


def hang(wished, *names, studio=None):
    opened = studio or easel.studio(params.load(), 80, None, False)
    return list(easel.hang(opened, named.find(names), wished, Path("out"), LARGEST))


def files(folder="out"):
    return sorted(path.name for path in Path(folder).iterdir())
