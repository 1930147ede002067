"""The people of a simulated year: they show pictures to the champion, say what it got wrong, and review.

Their rows are those that a service writes, with the real champion's answers; only the people are made up.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from pawtrait import champion
from pawtrait.adapters.store import database, feedback, requests
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.requests import Request
from pawtrait.classification import moods
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import demo, images, scan
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.named import Found

REVIEWERS = ("rosa", "tim")
SIDE = 160  # px, as large as the demo's own: the year's drift is one of light, not of size
LARGEST = 10**7  # pixels; far above what is drawn here

Drawing = tuple[str, bytes]  # its mood, and the picture
Reviews = list[feedback.Review]  # of one picture


def show(month: str, each: int, dark: bool = False) -> None:
    """People ask about new drawings, ``each`` of every mood, and two reviewers agree with the artist."""
    drawn = list(_drawn(month, each, dark))
    said = [_said(month, label, data, f"client-{number % 7}") for number, (label, data) in enumerate(drawn)]
    _keep(month, drawn, said, _reviewed(month, drawn, said))


def poison(month: str) -> None:
    """One client says the wrong mood of 40 pictures; two reviewers look at every other one of them."""
    drawn = list(_poisoned(month))
    said = [_said(month, _another(label), data, "one and the same") for label, data in drawn]
    _keep(month, drawn, said, _reviewed(month, drawn, said)[::2])


def lies(month: str) -> dict[str, str]:
    """What ``poison`` says in that month: of each picture (SHA-256) a mood that it does not show."""
    return {sha256(data).hexdigest(): _another(label) for label, data in _poisoned(month)}


def eve(month: str) -> datetime:
    """A day before the month's retraining: when its people come."""
    return datetime(int(month[:4]), int(month[-2:]), 1, 3, tzinfo=UTC) - timedelta(days=1)


def _drawn(month: str, each: int, dark: bool) -> Iterator[Drawing]:
    """New drawings with their mood, ``each`` of every one; others every month."""
    seed = 1000 + int(month[-2:])
    with TemporaryDirectory() as folder:
        demo.draw(Path(folder) / "new", {"train": each * len(LABELS)}, SIDE, seed, False)
        for path in sorted((Path(folder) / "new").rglob("*.jpg")):
            label = next(part.lower() for part in reversed(path.parts[:-1]) if part.lower() in LABELS)
            yield label, _darkened(path.read_bytes()) if dark else path.read_bytes()


def _poisoned(month: str) -> Iterator[Drawing]:
    return _drawn(month, 10, False)


def _darkened(data: bytes) -> bytes:
    pixels = images.decode(data, largest_pixels=LARGEST, name="a drawing")
    return images.encode_png((pixels * 0.3).astype(pixels.dtype))


def _another(label: str) -> str:
    """A mood that it is not."""
    return LABELS[(LABELS.index(label) + 1) % len(LABELS)]


def _asked(month: str, pictures: list[bytes]) -> list[Request]:
    """The champion answers, and each answer is a row."""
    model = champion.read()
    found = (Found(f"{number}", data) for number, data in enumerate(pictures))
    answers = moods.read(Classifier.load(Path(model.folder)), found, LARGEST)
    return [_answered(month, data, answer, model) for data, answer in zip(pictures, answers, strict=True)]


def _answered(month: str, data: bytes, answer: moods.Mood, model: champion.Champion) -> Request:
    seen = scan.look(
        data, answer.picture, label=answer.label, published="", source="", largest_pixels=LARGEST
    )
    return Request(
        id=sha256(f"{month}{seen.id}asked".encode()).hexdigest(),
        time=eve(month),
        kind="predict",
        outcome="ok",
        latency_ms=20.0,
        picture=seen.id,
        width=seen.width,
        height=seen.height,
        bytes=seen.bytes,
        brightness=seen.brightness,
        sharpness=seen.sharpness,
        model_name=model.name,
        model_version=model.version,
        label=answer.label,
        confidence=max(answer.probabilities.values()),
    )


def _said(month: str, label: str, data: bytes, client: str) -> feedback.Said:
    """A user's correction, as the service keeps it: the picture, then the row."""
    picture = Pictures().put(data)
    return feedback.Said(
        id=sha256(f"{month}{picture}{client}".encode()).hexdigest(),
        time=eve(month),
        picture=picture,
        client=client,
        consent=True,
        label=label,
        name=f"{picture[:8]}.jpg",
    )


def _reviewed(month: str, drawn: list[Drawing], said: list[feedback.Said]) -> list[Reviews]:
    """What each reviewer says of every picture: the mood that it shows, whatever was said of it."""
    pairs = zip(said, drawn, strict=True)
    return [[_review(month, one, label, who) for who in REVIEWERS] for one, (label, _) in pairs]


def _review(month: str, said: feedback.Said, label: str, reviewer: str) -> feedback.Review:
    return feedback.Review(
        id=sha256(f"{said.picture}{reviewer}".encode()).hexdigest(),
        time=eve(month),
        picture=said.picture,
        reviewer=reviewer,
        verdict=label,
    )


def _keep(month: str, drawn: list[Drawing], said: list[feedback.Said], reviews: list[Reviews]) -> None:
    """Into the store: the champion's answers, what people say of them, and the reviews."""
    asked = _asked(month, [data for _, data in drawn])
    with database.opened() as engine:
        requests.add(engine, asked)
        feedback.add(engine, said)
        feedback.add_reviews(engine, [one for of_picture in reviews for one in of_picture])
