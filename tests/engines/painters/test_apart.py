"""A method in a process of its own: the same portrait, the memory of that method, and no orphan."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from pawtrait import params
from pawtrait.errors import BadModel, BadTraining
from pawtrait.style_transfer import apart
from pawtrait.style_transfer.studio import Studio

ROOT = Path(__file__).parents[3]
PHOTO = np.arange(40 * 48 * 3, dtype=np.uint8).reshape(40, 48, 3)
HOLDER = """
from pathlib import Path
from pawtrait import params
from pawtrait.style_transfer import apart
from pawtrait.style_transfer.studio import Studio
knobs = params.load()
studio = Studio(Path({painters!r}), Path("none"), knobs.neural, knobs.hybrid, 7)
if __name__ == "__main__":
    with apart.opened_apart(studio, "cyclegan") as easel:
        print(easel.pid, flush=True)
        input()
"""


@pytest.fixture
def studio(cyclegan_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.chdir(ROOT)
    knobs = params.load()
    return Studio(cyclegan_folder.parent, Path("none"), knobs.neural, knobs.hybrid, 7)


def test_the_portrait_is_the_studios_and_the_memory_that_of_a_whole_process(studio: Studio) -> None:
    (here,) = studio.paint("cyclegan", PHOTO)
    with apart.opened_apart(studio, "cyclegan") as easel:
        there = easel.paint(PHOTO, (), 20)
        held = psutil.Process(easel.pid).memory_info().rss / 1e6
    assert list(there.seen) == [1] and np.array_equal(there.seen[1], here.picture())
    assert there.losses == {1: {}}
    assert 20 < there.price.megabytes < 1.2 * held
    assert there.price.seconds > 0


def test_what_a_method_lacks_is_told_as_by_the_studio(studio: Studio) -> None:
    with pytest.raises(BadModel, match="fast is not here yet"), apart.opened_apart(studio, "fast"):
        pass


@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_process_that_died_idle_or_at_work_is_one_line_that_says_what_to_do(
    studio: Studio, after: float
) -> None:
    large = np.zeros((2000, 2000, 3), np.uint8)
    with apart.opened_apart(studio, "cyclegan") as easel:
        killer = threading.Timer(after, os.kill, (easel.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(BadTraining, match="paints by cyclegan died, most often of too little memory"):
            while True:
                easel.paint(large, (), 20)
        killer.join()


def test_an_error_comes_through_and_the_next_photo_is_painted(studio: Studio) -> None:
    with apart.opened_apart(studio, "cyclegan") as easel:
        with pytest.raises((AttributeError, IndexError, ValueError, TypeError)) as caught:
            easel.paint("no photo", (), 20)  # type: ignore[arg-type]
        assert "in _paint" in "".join(caught.value.__notes__)
        assert list(easel.paint(PHOTO, (), 20).seen) == [1]


def test_whoever_is_killed_leaves_no_orphan(studio: Studio, tmp_path: Path) -> None:
    script = tmp_path / "holder.py"
    script.write_text(HOLDER.format(painters=str(studio.painters)))
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child = psutil.Process(int(holder.stdout.readline()))
        holder.kill()
        psutil.wait_procs([child], timeout=30)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
