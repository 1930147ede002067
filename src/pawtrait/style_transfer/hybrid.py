"""CycleGAN and neural style transfer together: what the one painted, refined by a few steps of the other."""

from collections.abc import Iterator

from pawtrait import params
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer import neural
from pawtrait.style_transfer.features import Features
from pawtrait.style_transfer.goal import Styles
from pawtrait.style_transfer.neural import Step


def refine(
    photo: Pixels,
    painted: Pixels,
    styles: Styles,
    features: Features,
    recipe: params.Neural,
    knobs: params.Hybrid,
    seed: int,
) -> Iterator[Step]:
    """Refine CycleGAN's picture of a photo by a short neural style transfer at full size.

    As the start it is where the descent begins; coarse scales would wipe it out, so there are none. As a
    style it is one more painting, which counts ``knobs.share``, and the descent begins where the recipe says.

    Args:
        photo: uint8 (h, w, 3), RGB.
        painted: uint8 of any size, what CycleGAN made of it.
        styles, features, recipe, seed: as for ``neural.optimise``.
        knobs: params.yaml, hybrid.

    Raises:
        BadTraining: the loss is no number any more, or memory does not suffice.
        BadParams: the recipe names a layer that the network lacks.
    """
    short = recipe.model_copy(update={"scales": (1.0,), "steps": (knobs.steps,)})
    if knobs.role == "start":
        return neural.optimise(photo, styles, features, short, seed, start=painted)
    others = [(painting, weight * (1 - knobs.share)) for painting, weight in styles]
    return neural.optimise(photo, [*others, (painted, knobs.share)], features, short, seed)
