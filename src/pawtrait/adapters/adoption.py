"""The adoption of a model: what was trained before a store was there gets a run of its own in it."""

from pathlib import Path

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.adapters.registry import Kind

EARLIER = {
    "pawtrait.trained": "earlier, elsewhere",
    "mlflow.note.content": "Nothing was trained in this run: it holds a model that lay in the project, of an"
    " earlier training. How that went, and its figures, are in the store that it was tracked in.",
}


def adopt(folder: Path, kind: Kind) -> None:
    """Log a model in a run that says so, where the store has neither a version nor a run of it.

    DVC leaves a stage alone whose result is current, so a team's store that came after the training would
    never hear of the model. Whoever calls this vouches that it is what code, parameters and data would give.

    Raises:
        BadModel: the folder is damaged.
        BadRegistry: MLflow cannot be reached, or refuses.
    """
    digest = sealed.check(folder, *kind.served)[kind.served[0]]
    if registry.find(digest, kind) or tracking.of_model(digest):
        return
    about = "model" if kind is registry.EXPRESSION else "painter"
    with tracking.training(params.load(), folder.name, [], about) as record:
        record.tags(EARLIER)
        registry.log(record, folder, kind)
    print(f"{folder} was trained before {tracking.shown()} was there: logged in run {record.id}")
