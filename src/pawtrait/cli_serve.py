"""The command that starts the service; ``cli`` takes it in. Handlers import late, as there."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pawtrait import environment

app = typer.Typer()

PANEL = "The service"
keys = typer.Typer(help="Make, list and remove the service's API keys.", no_args_is_help=True)

File = Annotated[Path, typer.Option(help="The file that PAWTRAIT_KEYS names.", dir_okay=False)]
KEYS = Path("keys.jsonl")
HERE = ("127.0.0.1", "::1", "localhost")


@app.command(rich_help_panel=PANEL)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    model: Annotated[
        str | None,
        typer.Option(
            help="A model folder or models:/NAME@ALIAS; default: PAWTRAIT_MODEL, else the champion."
        ),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let other machines in without keys.")] = False,
) -> None:
    """Serve moods, portraits, feedback and reviews over HTTP; docs/serving.md has the settings."""
    from pawtrait.errors import BadParams
    from pawtrait.serving.settings import Settings

    settings = Settings.of(model=model) if model else Settings.of()
    if host in HERE and settings.keys is None and not settings.hosts:  # no other site's name for this machine
        settings = settings.model_copy(update={"hosts": " ".join((*HERE, "[::1]"))})
    if host not in HERE and settings.keys is None and not insecure:
        raise BadParams(
            f"--host {host} opens the service to others, and there are no keys; make some with `pawtrait keys"
            " add` and name their file in PAWTRAIT_KEYS, or pass --insecure"
        )
    with environment.unswept():
        from pawtrait.serving import server  # what is wrong with the settings is told before this is loaded

    server.run(settings, host, port)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="read: moods, portraits, styles and models; feedback: feedback and deletion; review: the"
            " queue and the monitoring page; admin: all. Can be repeated."
        ),
    ],
    rate: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute; default: PAWTRAIT_RATE.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="For an app: each visitor's address is a client of its own.")
    ] = False,
    file: File = KEYS,
) -> None:
    """Make a key and show it this once."""
    from pawtrait.serving import keys as stored

    print(stored.add(file, name, scope, rate, shared))
    print(
        f"its hash is in {file}; start the service with PAWTRAIT_KEYS={file}, and send the key in the header"
        " `Authorization: Bearer KEY`",
        file=sys.stderr,
    )


@keys.command()
def remove(name: Annotated[str, typer.Argument(help="Whose key it is.")], file: File = KEYS) -> None:
    """Remove a key; a running service refuses it within a second."""
    from pawtrait.serving import keys as stored

    stored.remove(file, name)


@keys.command("list")
def list_(file: File = KEYS) -> None:
    """List the keys, and what each may do."""
    from pawtrait.serving import keys as stored

    for key in stored.read(file):
        print(f"{key.name}  {' '.join(key.scopes)}" + (f"  {key.rate} a minute" if key.rate else ""))


app.add_typer(keys, name="keys", rich_help_panel=PANEL)
