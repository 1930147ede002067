"""``pawtrait feedback …``: label files in, reviews, snapshots. Handlers import late, as in ``cli``."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pawtrait import newest

if TYPE_CHECKING:
    from pawtrait.adapters.store.feedback import Said
    from pawtrait.adapters.store.pictures import Pictures
    from pawtrait.quarantine import Quarantine

app = typer.Typer(help="Review what people say about pictures, and learn from it.", no_args_is_help=True)

FEEDBACK = Path("data/feedback")
OUTCOMES = {
    "waiting": "wait for a reviewer",
    "held": "are held back for now",
    "accepted": "would enter this month's snapshot",
    "rejected": "would be rejected",
}
SETTLED = {"accepted": "entered the month's snapshots", "rejected": "were rejected"}
STOP, SKIP = ("q", "quit"), ("", "-")  # what a reviewer may type besides a verdict

Reviewer = Annotated[str, typer.Option(help="The reviewer's name; one per person.")]


@app.command()
def ingest(
    labels: Annotated[
        Path, typer.Argument(help="A .csv or .jsonl with picture,label[,annotator], or a folder LABEL/NAME.")
    ],
    annotator: Annotated[
        str, typer.Option(help="Who labelled, if the file does not say; one name per person.")
    ] = "in-house",
) -> None:
    """Import labels made in-house.

    Bad entries are reported and skipped; the exit code is then 1.

    An annotator's label is one reviewer's verdict, so two annotators who agree settle a picture. Of one
    annotator's labels for a picture the last counts. The limits per client do not apply.
    """
    from pawtrait import params
    from pawtrait.stages import take_in

    params.at_home()
    taken = take_in.run(labels=labels, annotator=annotator)
    for problem in taken.problems:
        print(problem, file=sys.stderr)
    print(f"{taken.new} new, {taken.known} known already, {len(taken.problems)} not taken")
    if taken.problems:
        raise typer.Exit(1)


@app.command()
def status(
    reasons: Annotated[bool, typer.Option("--reasons", help="A line for each picture.")] = False,
    month: Annotated[
        str | None, typer.Option(help="YYYY-MM: count what that month settled, not the quarantine.")
    ] = None,
) -> None:
    """Count the pictures in quarantine, and say how well reviewers agree; or count what a month settled."""
    if month is not None:
        _settled(month, reasons)
        return
    from pawtrait import params
    from pawtrait.adapters.store import database, feedback
    from pawtrait.evaluation import agreement
    from pawtrait.stages import collect

    quarantine = collect.run(manifest=newest.root() / newest.MANIFEST)
    least = params.load().feedback.least_kappa
    with database.opened() as engine:
        agreements = agreement.between(feedback.verdicts(engine))
    for outcome, meaning in OUTCOMES.items():
        print(f"{quarantine.count(outcome):6d}  {meaning}")
    for sentence in agreement.sentences(agreements, least):
        print(sentence)
    if reasons:
        for ruling in quarantine.rulings:
            print(f"{ruling.picture[:16]}  {ruling.outcome}  {ruling.reason}")


@app.command()
def queue(
    out: Annotated[Path, typer.Option(help="A new folder for pictures and sheet.csv.", file_okay=False)],
    reviewer: Annotated[str | None, typer.Option(help="Leave out what this person has reviewed.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many pictures.")] = None,
) -> None:
    """Export pictures to review to a folder, without the model's guess or anybody's label."""
    from pawtrait import reviewing
    from pawtrait.adapters.store.pictures import Pictures
    from pawtrait.stages import collect

    waiting = _queue(collect.run(manifest=newest.root() / newest.MANIFEST), reviewer)[:limit]
    count = reviewing.export(Pictures(), waiting, out)
    then = f"pawtrait feedback review --reviewer {reviewer or 'NAME'} --file {out / 'sheet.csv'}"
    print(f"{count} pictures in {out}; fill in sheet.csv, then: {then}")


@app.command()
def review(
    reviewer: Reviewer,
    file: Annotated[
        Path | None, typer.Option(help="A filled-in sheet.csv; without it you are asked.")
    ] = None,
) -> None:
    """Review pictures blind: the model's and the user's answers are shown after yours."""
    from pawtrait import reviewing
    from pawtrait.adapters.store import database, feedback
    from pawtrait.adapters.store.pictures import Pictures
    from pawtrait.stages import collect

    quarantine = collect.run(manifest=newest.root() / newest.MANIFEST)
    if file is None:
        _ask(quarantine, Pictures(), reviewer)
        return
    reviews, late = reviewing.answers(file, reviewer, quarantine.candidates)
    with database.opened() as engine:
        new = feedback.add_reviews(engine, reviews)
    known = f", {len(reviews) - new} reviewed before" if new < len(reviews) else ""
    print(f"{new} new{known}" + (f", {late} settled or unknown" if late else ""))


@app.command()
def freeze(
    month: Annotated[str, typer.Option(help="YYYY-MM.")],
    again: Annotated[
        bool, typer.Option("--again", help="Add what was accepted since, as another part.")
    ] = False,
) -> None:
    """Settle a month: its accepted pictures become data/feedback/YYYY-MM, for good."""
    from pawtrait import params
    from pawtrait.stages import freeze as stage

    params.at_home()
    stage.run(month=month, feedback=FEEDBACK, manifest=newest.root() / newest.MANIFEST, again=again)


def forget(
    what: Annotated[str, typer.Argument(help="The id of a request or of feedback, or a picture's SHA-256.")],
) -> None:
    """Delete a picture and all that was said about it, and name the snapshots that still hold it."""
    from pawtrait import params
    from pawtrait.stages import forget as stage

    params.at_home()
    done = stage.run(what=what, feedback=FEEDBACK)
    print(f"deleted: {done.pictures} pictures, {done.rows} rows")
    for month in done.months:
        print(
            f"snapshot {month} still holds it, and models trained since learned from it; to replace both:"
            f" rm -rf {FEEDBACK / month}, pawtrait feedback freeze --month {month[:7]}, dvc add"
            f" {FEEDBACK / month}, git add {FEEDBACK}, git commit, python -m pipelines.retrain --again; if"
            f" nothing is left to freeze, run only the first and the last"
        )


def _settled(month: str, reasons: bool) -> None:
    """What became of a month's pictures: once it is frozen, quarantine knows nothing of them any more."""
    from pawtrait import params
    from pawtrait.adapters.store import database, settling

    params.at_home()
    with database.opened() as engine:
        rows = settling.of_month(engine, settling.a_month(month))
    outcomes = ["rejected" if row.label is None else "accepted" for row in rows]
    for outcome, meaning in SETTLED.items():
        print(f"{outcomes.count(outcome):6d}  {meaning}")
    if reasons:
        for row, outcome in zip(rows, outcomes, strict=True):
            print(f"{row.picture[:16]}  {row.month}  {outcome}  {row.reason}")


def _queue(quarantine: "Quarantine", reviewer: str | None) -> list[str]:
    from pawtrait.dataset import feedback, labelled

    who = labelled.person(reviewer) if reviewer else None
    return feedback.queue(quarantine.rulings, quarantine.candidates, who)


def _ask(quarantine: "Quarantine", pictures: "Pictures", reviewer: str) -> None:
    """Ask for one picture after the other, until there are no more or the reviewer stops.

    Pictures that are damaged, or forgotten meanwhile, are passed over. A picture is on show until all is said
    of it, and gone once the session ends, if by a terminal that is closed.
    """
    from pawtrait import reviewing, terminal
    from pawtrait.adapters.store import feedback

    waiting = _queue(quarantine, reviewer)
    print(f"{len(waiting)} pictures wait. Type {', '.join(feedback.VERDICTS)} or the first letter;")
    print("Enter leaves a picture for later, q stops.")
    terminal.on_close(signal.default_int_handler)
    with reviewing.session() as folder:
        for number, picture in enumerate(waiting, 1):
            path = reviewing.show(pictures, picture, folder)
            if path is None:
                continue
            word = _word(f"{number}/{len(waiting)}  {path}")
            if word in STOP:
                return
            if word not in SKIP:
                _keep(pictures, picture, reviewer, word)
            path.unlink(missing_ok=True)


def _keep(pictures: "Pictures", picture: str, reviewer: str, said: str) -> None:
    """Write a verdict down, unless the picture was forgotten while it was on show; then tell the others'."""
    from pawtrait import reviewing
    from pawtrait.adapters.store import database, feedback
    from pawtrait.dataset.feedback import UNUSABLE

    why = typer.prompt("what is wrong with it", "") if said == UNUSABLE else None
    if not pictures.has(picture):
        print("  not saved: the picture was just deleted")
        return
    with database.opened() as engine:
        feedback.add_reviews(engine, [reviewing.review(picture, reviewer, said, why)])
        print(f"  you: {said}; {_others(feedback.about(engine, picture))}")


def _word(question: str) -> str:
    """A verdict, or a word for stop or skip; asked again until it is one."""
    from pawtrait import reviewing
    from pawtrait.errors import BadFeedback

    while True:
        word: str = typer.prompt(question, "", show_default=False).strip().casefold()
        if word in (*STOP, *SKIP):
            return word
        try:
            return reviewing.verdict(word, "not a verdict")
        except BadFeedback as error:
            print(error)


def _others(said: "list[Said]") -> str:
    """What the model and the people had said, told once the reviewer has answered."""
    guesses = sorted({one.predicted for one in said if one.predicted})
    labels = sorted({one.label for one in said if one.label})
    return f"the model: {' or '.join(guesses) or 'was not asked'}; people: {' or '.join(labels) or 'no mood'}"
