"""A model card for one model, after Mitchell et al. 2019, "Model Cards for Model Reporting"."""

from collections.abc import Iterator

from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation import page
from pawtrait.evaluation.page import Data, Model

FEW = 100  # groups of test pictures; below it an interval of accuracy is wider than ±0.1
OFF = 0.1  # of calibration error beyond what chance makes; above it probabilities are no chances


def card(model: Model, data: Data, digest: str, level: float) -> str:
    """The card, as HTML.

    Args:
        digest: SHA-256 of model.onnx, by which every prediction names its model.
        level: of the intervals.
    """
    return (
        page.environment()
        .get_template("card.html")
        .render(
            model=model,
            row=model.row,
            facts=model.facts,
            data=data,
            digest=digest,
            level=level,
            limits=list(limits(model)),
            own_drawings=set(data.sources) == {"demo"},
            known_animals=set(data.sources) <= {"demo", "kaggle"},
        )
    )


def limits(model: Model) -> Iterator[str]:
    """What the figures themselves say against relying on the model, a sentence each."""
    row, facts = model.row, model.facts
    if row["test_groups"] < FEW:
        yield (
            f"The test split holds {page.plural(row['test_pictures'], 'picture')} in "
            f"{page.plural(row['test_groups'], 'group')}: an accuracy of {row['test_accuracy']:.2f} may as "
            f"well be {row['test_accuracy_low']:.2f} or {row['test_accuracy_high']:.2f}."
        )
    named = _always_one(model)
    if row["test_accuracy_low"] <= named:
        yield (
            f"Its interval of test accuracy reaches down to {named:.2f}, which always naming the commonest"
            " mood gives: it may have learnt nothing."
        )
    yield from _weakest(model)
    luck = row.get("test_calibration_luck")  # an older metrics.json has none
    if luck is not None and row["test_calibration_error"] > luck + OFF:
        yield (
            f"Its probabilities are off by {row['test_calibration_error']:.2f} on average, where chance "
            f"alone makes {luck:.2f} of so many pictures; do not read them as chances of being right."
        )
    if facts["start"] == "random start":
        yield "It started from random weights, so it knows nothing but its few training pictures."
    if facts["capped"]:
        yield f"Its training was cut short ({page.plural(facts['epochs'], 'epoch')}) to keep the demo quick."


def _always_one(model: Model) -> float:
    """The accuracy on the test split of naming its commonest mood each time."""
    supports = [one.support for one in model.classes if one.split == "test" and one.label in LABELS]
    return max(supports) / sum(supports)


def _weakest(model: Model) -> Iterator[str]:
    """The mood it reads worst on the test split."""
    moods = [line for line in model.classes if line.split == "test" and line.label in LABELS]
    worst = min(moods, key=lambda line: line.f1)
    of = f"of {page.plural(worst.support, 'such test picture')}"
    if worst.f1 == 0:  # it may never have answered so, and then no share of its answers is right or wrong
        yield f"It is weakest on “{worst.label}”: {of} it finds none."
    else:
        yield (
            f"It is weakest on “{worst.label}”: {of} it finds {worst.recall:.0%}, "
            f"and {worst.precision:.0%} of its answers “{worst.label}” are right."
        )
