"""The command that starts the service; ``cli`` takes it in. Handlers import late, as there."""

from typing import Annotated

import typer

app = typer.Typer()

PANEL = "The service"
HERE = ("127.0.0.1", "::1", "localhost")


@app.command(rich_help_panel=PANEL)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    model: Annotated[
        str | None,
        typer.Option(help="A model folder, or models:/NAME@ALIAS; the champion's note if left out."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine without keys.")
    ] = False,
) -> None:
    """Answer over HTTP: moods, portraits, feedback, reviews. Settings are PAWTRAIT_… (docs/serving.md)."""
    from pawtrait.errors import BadParams
    from pawtrait.serving import server
    from pawtrait.serving.settings import Settings

    settings = Settings.of(model=model) if model else Settings.of()
    if host in HERE and settings.keys is None and not settings.hosts:  # no other site's name for this machine
        settings = settings.model_copy(update={"hosts": " ".join((*HERE, "[::1]"))})
    if host not in HERE and settings.keys is None and not insecure:
        raise BadParams(
            f"--host {host} opens the service to others, and there are no keys; make some with"
            " `pawtrait keys`, name their file in PAWTRAIT_KEYS, or say --insecure"
        )
    server.run(settings, host, port)
