"""The command that looks how the service fares; ``cli`` takes it in. Handlers import late, as there."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pawtrait.monitoring.shown import PAGES

app = typer.Typer()


@app.command(rich_help_panel="The service")
def monitor(
    days: Annotated[int, typer.Option(min=1, help="How many days to look at.")] = 1,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day, all of it (UTC); default: up to now."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.", file_okay=False)] = PAGES,
) -> None:
    """Look for drift, errors, and slow or wrong answers, and write a page about them."""
    from pawtrait.stages import monitor as stage

    seen = stage.look(days=days, until=until, out=out)
    for alarm in seen.alarms:
        print(f"✗ {alarm}")
    for finding in seen.findings:
        if not finding.drifted:
            print(f"• {finding.sentence}")
    print(f"\n{len(seen.alarms) or 'no'} alarm{'' if len(seen.alarms) == 1 else 's'}; the page: {seen.page}")
