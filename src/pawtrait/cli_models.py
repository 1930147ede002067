"""Commands on champions and challengers; ``cli`` takes them in. Handlers import late, as there."""

import getpass
import json
import re
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pawtrait import newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pawtrait.adapters.store.ledger import Decision

app = typer.Typer()

PANEL = "Champion and challengers"
KEEPING = "Keeping and clearing"
SNAPSHOTS = Path("data/feedback")
VERDICT = Path("data/reports/verdict.json")


def _number(version: str | None) -> str | None:
    """A version as the registry numbers them; a shell's variable that is not set is none.

    Raises:
        BadParameter: it is something else, which the registry may take, and the ledger would keep for ever.
    """
    if version is not None and not re.fullmatch("[1-9][0-9]*", version):
        raise typer.BadParameter(f"{version!r} is no version; expected a number from 1")
    return version


def month_named(month: datetime | None) -> str | None:
    """As ledger and registry write it."""
    return month.isoformat()[:7] if month else None


Number = Annotated[str | None, typer.Option(callback=_number, help="A version; the challenger if left out.")]
Month = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m"], metavar="YYYY-MM", help="YYYY-MM of the retraining that this belongs to."
    ),
]
Who = Annotated[str | None, typer.Option("--by", "--actor", help="Who decides; your user name if left out.")]
Reason = Annotated[list[str] | None, typer.Option("--reason", help="Why; may be given several times.")]


@app.command(rich_help_panel=PANEL)
def gate(
    version: Number = None,
    lines: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Let the challenger meet the champion on the frozen test split; say who is better and how sure it is.

    Reviewed feedback that neither was trained on has a say too: it can only speak against the challenger.
    """
    from pawtrait import params
    from pawtrait.evaluation.gate import NAMES
    from pawtrait.stages import gate as stage

    params.at_home()
    place = newest.root()
    verdict = stage.run(
        models=place / "data/models",
        arrays=place / "data/arrays",
        splits=place / newest.SPLITS,
        feedback=place / SNAPSHOTS,
        raw=place / "data/raw",
        out=VERDICT,
        version=version,
    )
    if lines:
        print(json.dumps(asdict(verdict), ensure_ascii=False))
        return
    for sentence in verdict.sentences:
        print(f"• {sentence}")
    for objection in verdict.objections:
        print(f"✗ {objection}")
    print(f"\nverdict: {NAMES[verdict.outcome]}")


@app.command(rich_help_panel=PANEL)
def promote(
    version: Number = None,
    reason: Reason = None,
    force: Annotated[bool, typer.Option("--force", help="Whatever the gate said; needs a reason.")] = False,
    against: Annotated[
        str | None,
        typer.Option(
            callback=_number, help="Only while this version is champion; it was judged against that."
        ),
    ] = None,
    month: Month = None,
    by: Who = None,
) -> None:
    """Make the challenger champion, once the gate has said so."""
    from pawtrait import champion as noted
    from pawtrait import params
    from pawtrait.stages import promote as stage

    params.at_home()
    stage.run(
        version=version,
        actor=by or getpass.getuser(),
        reasons=reason or [],
        note=noted.NOTE,
        month=month_named(month),
        force=force,
        against=against,
    )


@app.command(rich_help_panel=PANEL)
def rollback(
    to: Annotated[
        str | None, typer.Option(callback=_number, help="A version; the champion before if left out.")
    ] = None,
    reason: Reason = None,
    by: Who = None,
) -> None:
    """Take a promotion back; done twice, it goes there and back."""
    from pawtrait import champion as noted
    from pawtrait import params
    from pawtrait.stages import rollback as stage

    params.at_home()
    stage.run(actor=by or getpass.getuser(), reasons=reason or [], note=noted.NOTE, version=to)


@app.command(rich_help_panel=PANEL)
def history(
    lines: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the champion's figures over the months to this PNG.")
    ] = None,
) -> None:
    """Show the ledger: who promoted what, when, and why."""
    from pawtrait import params
    from pawtrait.stages import chronicle

    params.at_home()
    told = chronicle.decisions()
    if plot is not None:
        chronicle.draw(told, plot)
    if lines:
        for one in told:
            print(json.dumps(asdict(one) | {"time": one.time.isoformat()}, ensure_ascii=False))
    else:
        _print_table(told)


@app.command(rich_help_panel=PANEL)
def champion(
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The champion at the end of that day, UTC.")
    ] = None,
) -> None:
    """Say which version predicts, or which did on a day."""
    from pawtrait import params
    from pawtrait.stages import chronicle

    params.at_home()
    print(chronicle.champion(on.date() if on else None))


@app.command(rich_help_panel=KEEPING)
def backup(
    to: Annotated[
        Path | None, typer.Option(help="The tar file; backups/pawtrait-DAY.tar if left out.", dir_okay=False)
    ] = None,
) -> None:
    """Keep feedback, pictures, snapshots, ledger, MLflow and the champion's note in one file."""
    from pawtrait import clock, params
    from pawtrait.stages import backup as stage

    params.at_home()
    stage.run(
        out=(to or Path(f"backups/pawtrait-{clock.now():%Y-%m-%d}.tar")).expanduser(),  # zsh left it alone
        feedback=[SNAPSHOTS, newest.CLONE / SNAPSHOTS],  # months are frozen there, and may not be merged yet
    )


@app.command(rich_help_panel=KEEPING)
def prune(
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest pipeline runs stay whole.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Free the space of old runs, results and killed trainings; registered versions and feedback stay."""
    from pawtrait import params
    from pawtrait.stages import prune as stage

    params.at_home()
    stage.run(keep=keep, dry=dry_run)


@app.command(rich_help_panel=KEEPING)
def restore(file: Annotated[Path, typer.Argument(help="What `pawtrait backup` wrote.")]) -> None:
    """Bring a backup back where nothing lies yet; nothing is written over."""
    from pawtrait.stages import restore as stage

    stage.run(source=file.expanduser(), feedback=SNAPSHOTS)


def _print_table(told: "Sequence[Decision]") -> None:
    """A row a decision, oldest first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("time", "month", "action", "version", "champion", "by", "why", box=None, pad_edge=False)
    for one in told:
        when = f"{one.time:%Y-%m-%d %H:%M}"
        words = (one.month, one.action, one.version, one.champion, one.actor, " ".join(one.reasons))
        table.add_row(when, *(Text(word or "–") for word in words))
    Console().print(table if told else "The ledger is empty: nothing has been promoted or declined yet.")
