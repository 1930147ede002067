"""Outside DVC, nightly: every picture in quarantine goes a step on; nothing is settled yet."""

from pathlib import Path

from pawtrait import params, quarantine
from pawtrait.adapters.store import database
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.quarantine import Quarantine


def run(*, manifest: Path) -> Quarantine:
    """Look at what is new, and say what becomes of everything as things stand.

    Raises:
        BadData: no manifest. BadStore: the store cannot be had.
    """
    knobs = params.load()
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    pictures = Pictures()
    with database.opened() as engine:
        quarantine.look(engine, pictures, policy)
        return quarantine.judge(engine, pictures, manifest, policy)
