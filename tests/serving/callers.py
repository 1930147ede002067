"""What tests of the service share: pictures of a mood's colour, champions, patience."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from pawtrait import champion, sealed
from pawtrait.dataset import images

ROOT = Path(__file__).parents[2]
COLOURS = {"happy": (220, 180, 60), "sad": (60, 90, 200), "angry": (200, 60, 50), "other": (130, 130, 130)}


def crown(folder: Path, version: str) -> None:
    """Make a model folder champion in the current folder's note."""
    digest = sealed.check(folder)["model.onnx"]
    champion.write(champion.Champion("pet-expression", version, folder.name, digest, str(folder)))


def answers(url: str) -> bool:
    """Whether a service is ready there."""
    return is_fine(f"{url}/readyz")


def lives(url: str) -> bool:
    """Whether a service listens there, with a model or without."""
    return is_fine(f"{url}/healthz")


def is_fine(url: str) -> bool:
    """Whether that address answers well."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Its value as soon as it is true; the test fails where that takes too long."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return value


def png(mood: str = "happy", side: int = 40) -> bytes:
    """A picture of a mood's colour; noise makes each size another picture."""
    return images.encode_png(pixels(mood, side))


def jpeg(mood: str = "happy", side: int = 40) -> bytes:
    """The same as a JPEG."""
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(pixels(mood, side), cv2.COLOR_RGB2BGR))[1])


def pixels(mood: str, side: int = 40) -> images.Pixels:
    """uint8 (side, side, 3) of a mood's colour."""
    noise = np.random.default_rng(side).integers(-9, 10, (side, side, 3))
    return np.clip(np.array(COLOURS[mood]) + noise, 0, 255).astype(np.uint8)
