"""The command line. Handlers import late, so that ``pawtrait --help`` loads no framework."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Annotated

import typer

from pawtrait import cli_feedback, cli_images, cli_models, cli_monitor, cli_predict, cli_serve, environment
from pawtrait.errors import PawtraitError

app = typer.Typer(
    name="pawtrait",
    help="Read the mood in a pet's face, paint its portrait, and keep the models fresh.",
    epilog="Start with `make demo`. Stages run through DVC, which skips what is up to date.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

STAGES = {
    "ingest": "Check the source for changes and fetch its pictures into data/raw.",
    "manifest": "List every picture, one row each, and group copies.",
    "validate": "Accept or reject every picture, with a reason for each rejection.",
    "split": "Split the pictures into train, valid and test; copies stay together.",
    "augment": "Pack the pictures into arrays and preview their augmentation.",
    "weights": "Fetch and check pretrained weights.",
    "train": "Train one model, or all of them.",
    "evaluate": "Score one model, or all of them.",
    "compare": "Rank the models and test whether they really differ.",
    "paintings": "Check the paintings for changes and fetch them into data/paintings.",
    "train_cyclegan": "Train CycleGAN on photos and paintings.",
    "export_fast": "Export Magenta's fast style transfer network to ONNX.",
    "stylize": "Paint the gallery: test photos, by every method.",
    "compare_styles": "Score the gallery's portraits, method by method.",
    "train_augmented": "Test whether CycleGAN's pictures help a classifier.",
    "report": "Write the report page and the model cards.",
}
PAINTED = Path("data/painters")
PAINTERS = {"cyclegan": "train_cyclegan", "fast": "export_fast"}  # folders there, and who fills them
FINGERPRINTS = {
    "out": Path("data/source.json"),
    "paintings": Path("data/paintings.json"),
    "weights": Path("data/weights.json"),
}
COMPARISON = Path("data/reports/compare.json")
REPORT = Path("data/reports/index.html")
GALLERY = Path("data/reports/portraits.png")
WITH_PHOTOS = ("stylize",)  # its command paints photos too, and stands below
PAINTING = ("method", "style", "strength", "side", "steps", "keep_colours", "previews", "out")  # for photos
OF_STAGES = ("force", "only")
BY_MODEL = ("train", "evaluate")

Traceback = Annotated[bool, typer.Option("--traceback", help="Show where an error came from.")]
Force = Annotated[bool, typer.Option("--force", help="Rerun even what is up to date.")]
Only = Annotated[bool, typer.Option("--only", help="Run this stage only, not those it depends on.")]
ModelName = Annotated[str | None, typer.Argument(help="A model selected in params.yaml; default: all.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"pawtrait {version('pawtrait')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version.")
]


@app.callback()
def _every(traceback: Traceback = False, version: Version = False) -> None:
    """Read the mood in a pet's face, paint its portrait, and keep the models fresh."""


def _stage(name: str, model: str | None, force: bool, only: bool) -> None:
    from pawtrait.adapters import dvc
    from pawtrait.stages import fingerprint

    if name in ("ingest", "paintings", "weights"):
        fingerprint.run(**FINGERPRINTS)
    options = [*(["--force"] if force else []), *(["--single-item"] if only else [])]
    dvc.repro(f"{name}@{model}" if model else name, *options)


def _check_selected(model: str | None) -> None:
    from pawtrait import params
    from pawtrait.errors import BadParams

    known = params.load().selected
    if model is not None and model not in known:
        raise BadParams(f"{model} is not selected in params.yaml; choose one of {', '.join(known)}")


def _command(name: str) -> Callable[..., None]:
    """The handler of one stage's command."""
    if name in BY_MODEL:

        def of_model(model: ModelName = None, force: Force = False, only: Only = False) -> None:
            _check_selected(model)
            _stage(name, model, force, only)

        return of_model

    def plain(force: Force = False, only: Only = False) -> None:
        _stage(name, None, force, only)

    return plain


@app.command(rich_help_panel="The whole pipeline")
def run(
    force: Force = False,
    lanes: Annotated[
        bool,
        typer.Option(
            "--lanes/--one-by-one",
            help="Train classifiers and painters side by side, which is faster; or one stage at a time, with"
            " progress bars.",
        ),
    ] = True,
) -> None:
    """Check the sources for changes, run what is out of date, register the best model, show the table."""
    from pawtrait import params
    from pawtrait.adapters import dvc, tracking
    from pawtrait.stages import fingerprint

    dvc.check_lock()
    fingerprint.run(**FINGERPRINTS)
    knobs = params.load()
    with tracking.pipeline(knobs):  # a stage that failed, this fails, whichever lane ends last
        if force:
            dvc.repro("--force")
        elif lanes and environment.cores() > 1:
            dvc.repro_in_lanes(dvc.acts(knobs.selected))
        else:
            dvc.repro()
    _register()
    results()


for _name, _help in STAGES.items():
    if _name not in WITH_PHOTOS:
        app.command(_name, help=_help, rich_help_panel="Stages")(_command(_name))


@app.command(rich_help_panel="Models")
def register(
    month: cli_models.Month = None,
    out: Annotated[Path | None, typer.Option(help="Write the version to this file, as JSON.")] = None,
) -> None:
    """Register the best model as a version of pet-expression, and the painters as pet-portrait-….

    The best model has the highest validation macro-F1. The first version becomes champion, later ones
    challenger. Painters have no gate: the newest is champion.

    Results made with other code, parameters or data are refused; such painters are skipped. Results that
    are older than the tracking store are first logged there, in runs that say so.
    """
    from pawtrait.adapters import dvc

    dvc.check_lock()
    if COMPARISON.is_file():
        dvc.check_current("compare")
    trained = {name: stage for name, stage in PAINTERS.items() if (PAINTED / name).is_dir()}
    stale = [name for name, stage in trained.items() if not dvc.is_current(stage)]
    _register(cli_models.month_named(month), out, stale)


def _register(month: str | None = None, out: Path | None = None, stale: Sequence[str] = ()) -> None:
    """Register what is of the present code, parameters and data, as DVC has seen; no ``stale`` painter."""
    from pawtrait import champion
    from pawtrait.files import write_text
    from pawtrait.stages import register as stage
    from pawtrait.stages import register_painters

    known = stage.run(
        compare=COMPARISON, models=Path("data/models"), note=champion.NOTE, month=month, vouched=True
    )
    if out:
        write_text(out, json.dumps(known) + "\n")
    register_painters.run(painters=PAINTED, stale=stale, vouched=True)


@app.command(rich_help_panel="Models")
def lineage(
    uri: Annotated[
        str, typer.Argument(help="models:/NAME@ALIAS or models:/NAME/VERSION.")
    ] = "models:/pet-expression@champion",
) -> None:
    """Print the commands that reproduce a model exactly."""
    from pawtrait import params
    from pawtrait.adapters import recovery

    params.at_home()
    print("\n".join(recovery.commands(uri)))


@app.command(rich_help_panel="Models")
def results() -> None:
    """Show the models with the champion marked, and where to find the report and the gallery."""
    from rich.console import Console

    from pawtrait.adapters import dvc
    from pawtrait.evaluation import tables

    verdict = dvc.kept(COMPARISON)
    console = Console()
    console.print(tables.console(verdict["rows"]))
    _remind(verdict["champion"])
    for sentence in verdict["sentences"]:
        console.print(f"• {sentence}", highlight=False)
    lack = "not here yet: the table came with the code; `make demo` makes the report"
    made = REPORT if REPORT.is_file() else lack
    console.print(f"\nreport      {made}", highlight=False)
    command = "pawtrait" if which("pawtrait") else ".venv/bin/pawtrait"  # make does not activate .venv
    if GALLERY.is_file():
        console.print(f"portraits   {GALLERY}; yours: {command} stylize PHOTO", highlight=False)
    console.print("MLflow      make ui, then open the address it prints", highlight=False)
    console.print(f"try it      {command} predict '{_some_pictures()}'", highlight=False)


def _some_pictures() -> str:
    """Pictures that no model has learned from: a folder of the source's test split, or one that became it."""
    from pawtrait.dataset import labels, manifest

    splits = Path("data/tables/splits.csv")
    placed = manifest.read(splits, manifest.Placed) if splits.is_file() else []
    held_out = [row for row in placed if (row.split, row.label) == ("test", labels.LABELS[0])]
    if not held_out:
        return "PICTURE"
    one = Path("data/raw") / held_out[0].path
    return f"{one.parent}/*{one.suffix}" if one.parts[2] == "test" else one.as_posix()


def _remind(best: str) -> None:
    """Say so where the best of this table is not the registered champion, which is what predicts."""
    from pawtrait import champion

    if not champion.NOTE.is_file():
        return
    known = champion.read()
    sums = Path("data/models") / best / "SHA256SUMS"
    if sums.is_file() and known.sha256 not in sums.read_text(encoding="utf-8"):
        print(
            f"{best} is the best in this table, but version {known.version} ({known.model}) is still champion"
            " and makes the predictions: compare them with `pawtrait gate`, switch with `pawtrait promote`"
        )


@app.command(rich_help_panel="Portraits")
def styles() -> None:
    """List the paintings to choose a style from."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from pawtrait import easel

    rows = [(Text(one.name), Text(one.title), f"{one.width}×{one.height}") for one in easel.listed()]
    longest = max((name.cell_len for name, *_ in rows), default=0)
    name = Column("name", overflow="fold", min_width=longest)  # one that is cut can be given to no --style
    table = Table(name, Column("title", overflow="fold"), "size", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@app.command(rich_help_panel="Portraits")
def stylize(
    asked: typer.Context,
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders or globs; - reads standard input. Without any, paint the report's gallery."
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="nst, fast, cyclegan or hybrid.")] = "nst",
    style: Annotated[
        list[str] | None,
        typer.Option(
            help="A name from `pawtrait styles`, or a file. Repeat it to mix: --style A=0.7 --style B=0.3."
            " Default: the first name; cyclegan takes none."
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(min=0, max=1, help="0 keeps the photo (fast: in its own style), 1 paints it fully."),
    ] = 1.0,
    side: Annotated[
        int, typer.Option(min=32, max=2048, help="Longer side in px; a smaller photo keeps its size.")
    ] = 512,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps at full size (nst, hybrid).")] = None,
    keep_colours: Annotated[bool, typer.Option(help="Keep the photo's colours (nst, hybrid).")] = False,
    previews: Annotated[
        int, typer.Option(min=0, help="Save a preview every N steps (nst, hybrid); 0 saves none.")
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder for portraits.", file_okay=False)] = Path("portraits"),
    force: Force = False,
    only: Only = False,
) -> None:
    """Paint photos in the style of a painting.

    Bad ones are reported and skipped; the exit code is then 1.
    """
    if photos:
        _refuse(asked, OF_STAGES, "only for the gallery, without photos; leave it out")
    else:
        _refuse(asked, PAINTING, "only for photos, and none was named; name one, or leave it out")
        _stage("stylize", None, force, only)
        return
    from pawtrait import easel, params
    from pawtrait.dataset import named

    knobs = params.load()
    largest = knobs.manifest.largest_pixels
    easel.check_steps(method, steps, keep_colours, previews)
    wish = easel.wish(method, style or [], strength, previews, largest)
    failed = 0
    for done in easel.hang(
        easel.studio(knobs, side, steps, keep_colours), named.find(photos), wish, out, largest
    ):
        failed += bool(done.problem)
        print(
            done.problem or f"{done.portrait}  {done.seconds:.1f} s",
            file=sys.stderr if done.problem else None,
        )
    if failed:
        raise typer.Exit(1)


def _refuse(asked: typer.Context, ignored: Sequence[str], why: str) -> None:
    """Refuse options that would be ignored.

    Raises:
        BadParams: such an option was given.
    """
    from pawtrait.errors import BadParams

    given = [
        f"--{name.replace('_', '-')}"
        for name in ignored
        if (source := asked.get_parameter_source(name)) is not None and source.name != "DEFAULT"
    ]
    if given:
        raise BadParams(f"{', '.join(given)}: {why}")


app.command(rich_help_panel="Feedback")(cli_feedback.forget)
app.add_typer(cli_feedback.app, name="feedback", rich_help_panel="Feedback")
app.add_typer(cli_images.app)
app.add_typer(cli_models.app)
app.add_typer(cli_monitor.app)
app.add_typer(cli_predict.app)
app.add_typer(cli_serve.app)


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2."""
    environment.settle()
    arguments = [one for one in sys.argv[1:] if one != "--traceback"]  # wherever it stands
    asked = len(arguments) < len(sys.argv) - 1
    if asked:  # DVC runs stages in processes of their own
        os.environ[environment.TRACEBACK] = "1"
    try:
        app(arguments)
    except (PawtraitError, OSError) as error:  # of files and disks Python's own words are plain
        if asked:
            raise
        print(f"pawtrait: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
