"""From photos named on a command line to portraits in a folder; one bad photo stops no other."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape

from pawtrait import progress
from pawtrait.dataset import images, layout, manifest, paintings
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.named import Found
from pawtrait.dataset.paintings import Painting
from pawtrait.errors import BadData, BadImage, BadModel, BadParams, BadTraining
from pawtrait.evaluation import drawing, plots
from pawtrait.files import scratch_folder, whole
from pawtrait.params import Params
from pawtrait.style_transfer.studio import (
    METHODS,
    NEEDS_STYLE,
    STEPWISE,
    Glimpse,
    Studio,
    Styles,
    check_strength,
)

SHEET = "sheet.png"
SHOWN, THUMB = 40, 320  # photos on the sheet, and px of a picture's longer side there; a page holds no more
TABLE, FOLDER = Path("data/tables/paintings.csv"), Path("data/paintings")
PAINTERS, WEIGHTS = Path("data/painters"), Path("data/style_weights")
QUIET = 10.0  # seconds between two lines of progress where no bar can live
CACHE = Path(".cache")  # vectors of known paintings; deleting it costs time only


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a photo; ``problem`` says why there is no portrait."""

    photo: str
    portrait: Path | None
    seconds: float
    problem: str


@dataclass(frozen=True, slots=True)
class Wish:
    """How to paint.

    Attributes:
        previews: a picture every so many steps, in a folder beside the portrait; 0 is none.
    """

    method: str
    styles: Styles
    strength: float
    previews: int


def hang(
    studio: Studio, photos: Iterable[Found], wish: Wish, out: Path, largest_pixels: int
) -> Iterator[Done]:
    """Paint one photo after the other into ``out``, then a sheet of the first beside theirs.

    No file that is there already is painted over.
    """
    pairs: list[tuple[str, Pixels, Pixels]] = []
    hung = 0
    studio.open(wish.method)  # what no photo can be painted without stops all of them at once
    if wish.method in STEPWISE and studio.features.start == "random start":
        progress.say(
            f"{wish.method}: the weights of {studio.neural.network} are missing, so features start at random"
            ' and catch only colour and texture; the README\'s "Your own pictures" names the file'
        )
    try:
        for one in photos:
            began = time.perf_counter()
            try:
                photo = _photo(one, largest_pixels)
                name = layout.tame(Path(one.name).stem)
                portrait, file = _portrait(studio, photo, wish, out / f"{name}-{wish.method}.png")
            except (BadImage, BadModel, BadParams, BadTraining) as error:
                yield Done(one.name, None, 0.0, str(error))
                continue
            hung += 1
            if len(pairs) < SHOWN:
                pairs.append((name, _small(photo), _small(portrait)))
            yield Done(one.name, file, time.perf_counter() - began, "")
    finally:  # also of what an interrupt left
        if pairs:
            sheet = _draw(pairs, [_small(painting) for painting, _ in wish.styles], out / SHEET)
            if hung > len(pairs):
                progress.say(f"{sheet} shows the first {len(pairs)} of {hung} portraits; all lie in {out}")


def studio(knobs: Params, side: int, steps: int | None, keep_colours: bool) -> Studio:
    """A studio with what a person wished in place of the parameters; ``steps`` are those at the full size."""
    neural, hybrid = knobs.neural, knobs.hybrid
    changes: dict[str, Any] = {"side": side, "keep_colours": keep_colours or neural.keep_colours}
    if steps:
        changes["steps"] = (*neural.steps[:-1], steps)
        hybrid = hybrid.model_copy(update={"steps": steps})
    wished = neural.model_copy(update=changes)
    return Studio(PAINTERS, WEIGHTS, wished, hybrid, knobs.seed, CACHE, gpu=True)


def wish(method: str, styles: Sequence[str], strength: float, previews: int, largest_pixels: int) -> Wish:
    """What a person wished. Without a style the first painting is taken, and said.

    Args:
        styles: paintings by name or file, each perhaps with its share: ``NAME``, ``FILE``, ``NAME=0.7``.

    Raises:
        BadParams: there is no such method, it takes no style, or the strength is not from 0 to 1.
        BadData: a name that is neither a painting's nor a file's, or a share that is no number.
        BadImage: a file that is no picture.
    """
    check_strength(strength)
    if method not in METHODS:
        raise BadParams(f"--method {method}: expected one of {', '.join(METHODS)}")
    if method not in NEEDS_STYLE:
        if styles:
            raise BadParams(f"--style: {method} paints in the style that it learned; leave --style out")
        return Wish(method, [], strength, previews)
    if not styles:
        styles = [listed()[0].name]
        progress.say(f"no --style given, so it is {styles[0]}; `pawtrait styles` lists all")
    shares = [_style(one, largest_pixels) for one in styles]
    whole = sum(share for _, share in shares)
    return Wish(method, [(pixels, share / whole) for pixels, share in shares], strength, previews)


def check_steps(method: str, steps: int | None, keep_colours: bool, previews: int) -> None:
    """Refuse what a method that paints in one pass cannot heed; of one that is none ``wish`` tells.

    Raises:
        BadParams: it was asked to.
    """
    asked = {"--steps": steps, "--keep-colours": keep_colours, "--previews": previews}
    named = [option for option, value in asked.items() if value]
    if named and method in METHODS and method not in STEPWISE:
        raise BadParams(
            f"{', '.join(named)}: {method} paints in one pass; only {' and '.join(STEPWISE)} go by steps"
        )


def listed() -> list[Painting]:
    """The paintings that can be named.

    Raises:
        BadData: there are none yet.
    """
    return paintings.taken(manifest.read(TABLE, Painting))


def _style(named: str, largest_pixels: int) -> tuple[Pixels, float]:
    """A painting's pixels, and how much it counts."""
    plain = "=" not in named or _is_file(named) or named in _names()
    name, _, share = (named, "", "1") if plain else named.rpartition("=")
    try:
        weight = float(share)
    except ValueError:
        weight = -1.0
    if not 0 < weight < math.inf:
        raise BadData(f"--style {named}: {share!r} is not a share; write NAME=0.7, any number above 0")
    path = Path(name) if _is_file(name) else FOLDER / paintings.find(listed(), name).path
    return images.read(path, largest_pixels=largest_pixels, name=str(path)), weight


def _names() -> list[str]:
    """Of the paintings, where there are any."""
    return [one.name for one in listed()] if TABLE.exists() else []


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # longer than any file's name
        return False


def _photo(one: Found, largest_pixels: int) -> Pixels:
    if one.problem:
        raise BadImage(one.problem)
    return images.decode(one.data, largest_pixels=largest_pixels, name=one.name)


def _portrait(studio: Studio, photo: Pixels, wish: Wish, wished: Path) -> tuple[Pixels, Path]:
    """Paint one photo under a bar, and say where it hangs.

    Interrupted, what is there is kept before the interrupt goes on.
    """
    glimpse: Glimpse | None = None
    file, claimed = _free(wished), False
    told = time.monotonic()
    with progress.bar() as display:
        task = display.add_task(escape(file.stem), total=None, note="")
        try:
            for glimpse in studio.paint(wish.method, photo, wish.styles, wish.strength):
                note = " ".join(f"{name} {value:.3g}" for name, value in glimpse.losses.items())
                display.update(task, total=glimpse.of, completed=glimpse.done, note=note)
                if display.disable and time.monotonic() - told > QUIET:
                    told = time.monotonic()
                    progress.say(f"{file.stem}: step {glimpse.done} of {glimpse.of} {note}")
                if wish.previews and glimpse.done % wish.previews == 0:
                    file, claimed = file if claimed else _claimed(wished, file), True
                    _write(glimpse.picture(), file.with_suffix("") / f"{glimpse.done:04d}.png")
        except KeyboardInterrupt:
            if glimpse is not None:
                file = _hung(partial(_write, glimpse.picture()), wished, file)
                progress.say(
                    f"stopped at step {glimpse.done} of {glimpse.of}; {file} holds the portrait so far"
                )
            raise
    if glimpse is None:
        raise AssertionError("every method yields a picture")
    picture = glimpse.picture()
    return picture, _hung(partial(_write, picture), wished, file)


def _write(picture: Pixels, path: Path) -> None:
    with whole(path) as draft:
        draft.write_bytes(images.encode_png(picture))


def _hung(write: Callable[[Path], object], wished: Path, free: Path) -> Path:
    """Write a picture where nothing was, and say where: another process may have taken the name since.

    A link, unlike a move, replaces nothing.
    """
    with scratch_folder(wished) as folder:
        draft = folder / "draft.png"
        write(draft)
        while not _linked(draft, free):
            free = _free(wished)
    return free


def _linked(draft: Path, path: Path) -> bool:
    """Whether the draft has that name now; False where something else has it."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError:  # of a file system without links
        draft.replace(path)
    return True


def _small(picture: Pixels) -> Pixels:
    """As large as the sheet can show."""
    return images.fit(picture, min(THUMB, max(picture.shape[:2])))


def _free(path: Path) -> Path:
    """A name that nothing has yet, no folder of previews either: a portrait is never painted over another.

    Such a folder outlives a portrait that was moved away, and a run that was killed.
    """
    number, free = 2, path
    while os.path.lexists(free) or free.with_suffix("").exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free


def _claimed(wished: Path, free: Path) -> Path:
    """Make the folder of previews, and say whose it is: another process may have taken the name since."""
    while True:
        try:
            free.with_suffix("").mkdir(parents=True)
        except FileExistsError:
            free = _free(wished)
        else:
            return free


def _draw(pairs: Sequence[tuple[str, Pixels, Pixels]], styles: Sequence[Pixels], path: Path) -> Path:
    """Hang a sheet with a row for each photo: the photo, the paintings it was painted like, the portrait."""
    shown, captions = [], []
    for name, photo, portrait in pairs:
        shown += [photo, *styles, portrait]
        captions += [name, *(["painting"] * len(styles)), "portrait"]
    sheet = plots.samples(shown, captions, across=2 + len(styles))
    return _hung(partial(drawing.save, sheet), path, _free(path))
