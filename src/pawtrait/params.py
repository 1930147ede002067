"""params.yaml as frozen, strict objects: a misspelt key or a value out of range stops the run."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pawtrait.errors import BadParams

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]  # NumPy takes none below, frameworks none above
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_-]*$")]  # DVC splits at dots, shells at spaces
COMPARISONS = 6  # that monitoring makes at once
FASTEST = 0.2  # of Adam, whose first step moves every pixel of 0..1 by the rate: more wipes the photo out
Precision = Literal["auto", "fp32", "bf16"]
Method = Literal["nst", "fast", "cyclegan", "hybrid"]
Net = Literal[
    "linear_probe", "cnn", "deep_cnn", "resnet50", "mobilenet_v2", "efficientnet_b0", "efficientnet_b5"
]


class Section(BaseModel):
    """A part of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Demo(Section):
    train: Positive
    valid: Count
    test: Count
    side: Annotated[int, Field(ge=64, le=1024)]
    seed: Seed
    faults: bool


class Ingest(Section):
    source: str
    largest_archive: Positive
    demo: Demo


class Manifest(Section):
    largest_pixels: Positive
    dhash_distance: Annotated[int, Field(ge=0, le=16)]
    phash_distance: Annotated[int, Field(ge=0, le=16)]


class Validate(Section):
    least_side: Positive
    brightness: tuple[float, float]
    least_sharpness: float
    least_groups: Count


class Split(Section):
    valid: Share
    test: Share
    leaks: Literal["stop", "drop"]
    salt: str


class Pictures(Section):
    side: Annotated[int, Field(ge=32, le=1024)]


class Augment(Section):
    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Share
    zoom: Share
    shear: Annotated[float, Field(ge=0, lt=90)]
    brightness: tuple[float, float]
    horizontal_flip: bool
    vertical_flip: bool


class Weights(Section):
    source: Literal["none", "keras"]
    mirror: str | None
    files: dict[str, tuple[str, ...]]


class Train(Section):
    batch: Positive
    mixed_precision: bool
    capped: bool
    folds: Annotated[int, Field(ge=0, le=50)]
    checkpoint_seconds: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _teaches(self) -> "Train":
        if self.folds == 1:
            raise ValueError("train.folds is 1, which leaves nothing to learn from; give 2, or 0 for none")
        return self


class Plateau(Section):
    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: Positive
    floor: Annotated[float, Field(ge=0)]


class Model(Section):
    net: Net
    learning_rate: Annotated[float, Field(gt=0)]
    inverse_strength: Annotated[float, Field(gt=0)]
    epochs: Positive
    cap: Positive
    early_stop: Positive | None
    plateau: Plateau | None
    augment: bool
    trainable: Positive | None
    input_range: Literal["native", "unit"]
    folds: bool
    repeats: Positive
    random_folds: bool


class Evaluate(Section):
    resamples: Positive
    level: Annotated[float, Field(gt=0.5, lt=1)]
    bins: Positive


class Report(Section):
    mistakes: Count


class DemoPaintings(Section):
    count: Positive
    side: Annotated[int, Field(ge=64, le=2048)]
    seed: Seed


class Paintings(Section):
    source: str
    demo: DemoPaintings


class StyleWeights(Section):
    files: dict[str, tuple[str, ...]]


class FeatureNetwork(Section):
    content_layers: dict[str, float]
    style_layers: dict[str, float]
    content_weight: Weight
    style_weight: Weight
    variation_weight: Weight
    overflow_weight: Weight
    zoom: Annotated[int, Field(ge=1, le=4)]


class Neural(Section):
    network: Literal["vgg19", "vgg19_16x", "squeezenet"]
    side: Annotated[int, Field(ge=32, le=2048)]
    optimizer: Literal["lbfgs", "adam"]
    learning_rate: Annotated[float, Field(gt=0)]
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]
    steps: tuple[Positive, ...]
    start: Literal["content", "noise", "style"]
    keep_colours: bool
    precision: Precision
    networks: dict[str, FeatureNetwork]

    @model_validator(mode="after")
    def _fits(self) -> "Neural":
        """A count of steps for each scale, layers for the chosen network, a rate that Adam bears.

        L-BFGS's rate would ruin the picture of whoever changes the optimizer alone.
        """
        if len(self.steps) != len(self.scales):
            raise ValueError(f"neural.steps has {len(self.steps)} counts for {len(self.scales)} scales")
        if self.network not in self.networks:
            raise ValueError(f"neural.network is {self.network}, but neural.networks has no such key")
        if self.optimizer == "adam" and self.learning_rate > FASTEST:
            raise ValueError(
                f"neural.learning_rate {self.learning_rate:g}: adam takes {FASTEST:g} at the most;"
                " set it to 0.02, or neural.optimizer to lbfgs"
            )
        return self


class Fast(Section):
    style_side: Positive


class CycleGan(Section):
    load_size: Positive
    crop_size: Annotated[int, Field(ge=32, multiple_of=4)]
    n_blocks: Positive
    ngf: Positive
    ndf: Positive
    n_epochs: Count
    n_epochs_decay: Count
    batch: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    betas: tuple[Share, Share]
    lambda_a: Weight
    lambda_b: Weight
    lambda_identity: Weight
    pool_size: Count
    paintings: Positive | None
    pictures: Positive | None
    precision: Precision

    @model_validator(mode="after")
    def _fits(self) -> "CycleGan":
        """A crop lies within its picture, and there is something to do."""
        if self.crop_size > self.load_size:
            raise ValueError(
                f"cyclegan: crop_size {self.crop_size} is larger than load_size {self.load_size}"
            )
        if not self.n_epochs + self.n_epochs_decay:
            raise ValueError("cyclegan: n_epochs and n_epochs_decay are both 0; train for one epoch at least")
        return self


class CycleGans(Section):
    preset: str
    presets: dict[str, CycleGan]

    @model_validator(mode="after")
    def _known(self) -> "CycleGans":
        if self.preset not in self.presets:
            raise ValueError(f"cyclegan.preset is {self.preset}, expected one of {', '.join(self.presets)}")
        return self


class Hybrid(Section):
    role: Literal["start", "style"]
    share: Share
    steps: Positive


class Stylize(Section):
    photos: Positive
    paintings: Positive
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]


class TrainAugmented(Section):
    model: str
    share: Annotated[float, Field(gt=0, le=1)]
    seeds: Annotated[int, Field(ge=2)]
    cap: Positive


class Gate(Section):
    promote_if_not_worse: bool
    tolerance: Share
    recall_margin: Share
    prove_recall: bool
    calibration_rise: Share
    latency_ms: Annotated[float, Field(gt=0)]
    latency_repeats: Positive
    size_mb: Annotated[float, Field(gt=0)]
    parity: Annotated[float, Field(gt=0)]


class Feedback(Section):
    reviewers: Positive
    most_reviews: Positive
    quorum: Count
    quorum_share: Annotated[float, Field(gt=0.5, le=1)]
    client_pictures: Positive
    client_share: Annotated[float, Field(gt=0, le=1)]
    client_always: Count
    least_kappa: Annotated[float, Field(ge=-1, le=1)]

    @model_validator(mode="after")
    def _fits(self) -> "Feedback":
        """Agreement can be reached before the reviews are exhausted."""
        if self.most_reviews < self.reviewers:
            raise ValueError(
                f"feedback.most_reviews {self.most_reviews} is less than feedback.reviewers {self.reviewers}"
            )
        return self


class Slowest(Section):
    predict: Annotated[float, Field(gt=0)]
    stylize: Annotated[float, Field(gt=0)]


class Monitor(Section):
    alarm_rate: Annotated[float, Field(gt=0, lt=0.5)]
    permutations: Annotated[int, Field(ge=99)]
    least: Annotated[int, Field(ge=2)]
    most: Annotated[int, Field(ge=2)]
    opinion_days: Positive
    level: Annotated[float, Field(gt=0.5, lt=1)]
    failures: Count
    most_errors: Share
    least_right: Share
    slowest_ms: Slowest
    enough_feedback: Positive
    due_days: Annotated[float, Field(gt=0, lt=28)]
    quiet_days: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _fits(self) -> "Monitor":
        """There is something between the bounds, and the permutations can reach the rate of an alarm."""
        if self.most < self.least:
            raise ValueError(f"monitor.most {self.most} is less than monitor.least {self.least}")
        if (self.permutations + 1) * self.alarm_rate < COMPARISONS:
            needed = math.ceil(COMPARISONS / self.alarm_rate) - 1
            raise ValueError(
                f"monitor.permutations {self.permutations} never find a p under alarm_rate"
                f" {self.alarm_rate} / {COMPARISONS}; give it {needed} at least"
            )
        return self


class Params(Section):
    """The whole file. A stage of DVC takes its sections from it and names the same keys in dvc.yaml."""

    seed: Seed
    ingest: Ingest
    manifest: Manifest
    validate_: Validate = Field(alias="validate")  # BaseModel has a method of that name
    split: Split
    pictures: Pictures
    augment: Augment
    weights: Weights
    selected: Annotated[tuple[str, ...], Field(min_length=1)]
    train: Train
    models: dict[Name, Model]
    evaluate: Evaluate
    report: Report
    paintings: Paintings
    style_weights: StyleWeights
    neural: Neural
    fast: Fast
    cyclegan: CycleGans
    hybrid: Hybrid
    stylize: Stylize
    train_augmented: TrainAugmented
    gate: Gate
    feedback: Feedback
    monitor: Monitor

    @model_validator(mode="after")
    def _known(self) -> "Params":
        """Every selected model has its recipe, and stands there once."""
        unknown = [name for name in self.selected if name not in self.models]
        if unknown:
            raise ValueError(f"selected names {', '.join(unknown)}, but models has {', '.join(self.models)}")
        if len(set(self.selected)) < len(self.selected):
            raise ValueError("selected names a model twice")
        if self.train_augmented.model not in self.models:
            raise ValueError(f"train_augmented.model is {self.train_augmented.model}, no key of models")
        if self.models[self.train_augmented.model].net == "linear_probe":
            raise ValueError("train_augmented.model is a linear probe, whose training no seed changes")
        return self

    def public(self) -> "Params":
        """The same as everybody may see it, who may not fetch from where the team does."""
        ingest, paintings, weights = self.ingest, self.paintings, self.weights
        mirror = weights.mirror and shown(weights.mirror)
        return self.model_copy(
            update={
                "ingest": ingest.model_copy(update={"source": shown(ingest.source)}),
                "paintings": paintings.model_copy(update={"source": shown(paintings.source)}),
                "weights": weights.model_copy(update={"mirror": mirror}),
            }
        )


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check the whole file.

    Raises:
        BadParams: the file is missing, is no UTF-8 or no YAML, or has a key or value that cannot be used.
    """
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise _away(path) from error
    except UnicodeDecodeError as error:
        raise BadParams(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise BadParams(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise BadParams(f"{path}: {'; '.join(map(_complaint, error.errors()))}") from error


def shown(source: str) -> str:
    """A source as logs, errors, fingerprints and runs may show it: of an address neither login nor query."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def at_home(path: Path = Path("params.yaml")) -> None:
    """Stop anywhere but in the project's root: stores would be made anew there, and seem empty.

    Raises:
        BadParams: the file is not here.
    """
    if not path.exists():
        raise _away(path)


def _away(path: Path) -> BadParams:
    return BadParams(f"{path} is not here; run from the project's root")


def _complaint(problem: Any) -> str:
    """One sentence for one problem: the key's full name, what came, what is expected."""
    if problem["type"] == "value_error":  # of our own, a whole sentence
        return str(problem["ctx"]["error"])
    key = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{key} is no known key; check its spelling"
    if problem["type"] == "missing":
        return f"{key} is missing"
    return f"{key} = {problem['input']!r}: {problem['msg'].lower()}"
