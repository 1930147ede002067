"""Animals to try at once, drawn by ``pawtrait.dataset.demo`` and kept beside this file."""

from functools import cache
from importlib.resources import files

from pawtrait.app.parts import Choice, Photo, data_uri

SAMPLES = {  # file → name and species; the mood is for the model to find, and not told
    "biscuit": ("Biscuit", "dog"),
    "minka": ("Minka", "cat"),
    "wilma": ("Wilma", "sheep"),
    "pip": ("Pip", "bird"),
    "bruno": ("Bruno", "horse"),
    "tiger": ("Tiger", "cat"),
    "nugget": ("Nugget", "hamster"),
    "rex": ("Rex", "dog"),
}


def photo(sample: str) -> Photo:
    """A sample as if somebody had sent it."""
    name = f"{sample}.jpg"
    return Photo(name, files(__package__).joinpath("samples", name).read_bytes(), ours=True)


@cache
def choices() -> tuple[Choice, ...]:
    """All of them, to pick from."""
    return tuple(
        Choice(sample, name, data_uri(photo(sample).data), f"a drawing of a {species}")
        for sample, (name, species) in SAMPLES.items()
    )
