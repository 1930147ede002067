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
KEEPING = "Backup and cleanup"
SNAPSHOTS = Path("data/feedback")
VERDICT = Path("data/reports/verdict.json")


def _number(version: str | None) -> str | None:
    """A version as the registry numbers them; a shell's variable that is not set is none.

    Raises:
        BadParameter: it is something else, which the registry may take, and the ledger would keep for ever.
    """
    if version is not None and not re.fullmatch("[1-9][0-9]*", version):
        raise typer.BadParameter(f"{version!r} is not a version; expected a number from 1")
    return version


def month_named(month: datetime | None) -> str | None:
    """As ledger and registry write it."""
    return month.isoformat()[:7] if month else None


Number = Annotated[str | None, typer.Option(callback=_number, help="A version; default: the challenger.")]
Month = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m"], metavar="YYYY-MM", help="The month of the retraining this belongs to."),
]
Who = Annotated[str | None, typer.Option("--by", "--actor", help="Who decides; default: your user name.")]
Reason = Annotated[list[str] | None, typer.Option("--reason", help="Why; can be repeated.")]


@app.command(rich_help_panel=PANEL)
def gate(
    version: Number = None,
    lines: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Compare challenger and champion on the frozen test split; say which is better, and how sure that is.

    Reviewed feedback that neither model was trained on counts too, but only against the challenger.
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
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever the gate said; needs --reason.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            callback=_number, help="Only if this version, which it was judged against, is champion."
        ),
    ] = None,
    month: Month = None,
    by: Who = None,
) -> None:
    """Make the challenger champion, if the gate said so."""
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
        str | None, typer.Option(callback=_number, help="A version; default: the previous champion.")
    ] = None,
    reason: Reason = None,
    by: Who = None,
) -> None:
    """Take a promotion back; run it again to undo that."""
    from pawtrait import champion as noted
    from pawtrait import params
    from pawtrait.stages import rollback as stage

    params.at_home()
    stage.run(actor=by or getpass.getuser(), reasons=reason or [], note=noted.NOTE, version=to)


@app.command(rich_help_panel=PANEL)
def history(
    lines: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Plot the champion's scores over the months in this PNG.")
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
    """Show which version is champion, or was on a given day."""
    from pawtrait import params
    from pawtrait.stages import chronicle

    params.at_home()
    print(chronicle.champion(on.date() if on else None))


@app.command(rich_help_panel=KEEPING)
def backup(
    to: Annotated[
        Path | None, typer.Option(help="The tar file; default: backups/pawtrait-DAY.tar.", dir_okay=False)
    ] = None,
) -> None:
    """Save feedback, pictures, snapshots, ledger, MLflow and the champion's note to one file."""
    from pawtrait import clock, params
    from pawtrait.stages import backup as stage

    params.at_home()
    stage.run(
        out=(to or Path(f"backups/pawtrait-{clock.now():%Y-%m-%d}.tar")).expanduser(),  # zsh left it alone
        feedback=[SNAPSHOTS, newest.CLONE / SNAPSHOTS],  # months are frozen there, and may not be merged yet
    )


@app.command(rich_help_panel=KEEPING)
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Keep this many of the newest pipeline runs.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
) -> None:
    """Delete old runs, results and killed trainings; registered versions and feedback stay."""
    from pawtrait import params
    from pawtrait.stages import prune as stage

    params.at_home()
    stage.run(keep=keep, dry=dry_run)


@app.command(rich_help_panel=KEEPING)
def restore(file: Annotated[Path, typer.Argument(help="What `pawtrait backup` wrote.")]) -> None:
    """Restore a backup to an empty place; nothing is overwritten."""
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
