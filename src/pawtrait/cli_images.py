"""The command that lays out what an image holds; ``cli`` takes it in. Handlers import late, as there."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

PANEL = "The service"
BAKED = Path("docker/baked")


@app.command(rich_help_panel=PANEL)
def bake(
    out: Annotated[Path, typer.Option(help="A folder, replaced; the Dockerfiles read this one.")] = BAKED,
) -> None:
    """Collect the champion, the painters and their paintings for the service's image."""
    from pawtrait import champion
    from pawtrait.stages import bake as stage

    version = stage.run(
        note=champion.NOTE,
        painters=Path("data/painters"),
        table=Path("data/tables/paintings.csv"),
        pictures=Path("data/paintings"),
        weights=Path("data/style_weights"),
        out=out,
    )
    print(f"{out} holds version {version}; docs/deploy.md says how to build the images")
