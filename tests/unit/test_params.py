"""params.yaml: what is misspelt or out of range stops the run with one line that names it."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from pawtrait import params
from pawtrait.errors import BadParams

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def load(tmp_path, old="", new=""):
    """The project's parameters with one text exchanged."""
    assert old in TEXT
    (tmp_path / "params.yaml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return params.load(tmp_path / "params.yaml")


def complaint(tmp_path, old, new):
    with pytest.raises(BadParams) as caught:
        load(tmp_path, old, new)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "epochs", "lambdas", "paintings"),
    [
        ("paper", (100, 100), (10, 10), None),
        ("study_decay", (25, 25), (10, 10), 18),
        ("study_lambda", (50, 0), (15, 15), 18),
        ("study_single", (50, 0), (10, 10), 1),
    ],
)
def test_the_papers_and_the_studys_trainings_are_presets(name, epochs, lambdas, paintings):
    preset = params.load(ROOT / "params.yaml").cyclegan.presets[name]
    assert (preset.n_epochs, preset.n_epochs_decay) == epochs
    assert (preset.lambda_a, preset.lambda_b, preset.lambda_identity) == (*lambdas, 0.5)
    assert preset.paintings == paintings
    assert (preset.load_size, preset.crop_size, preset.n_blocks, preset.ngf, preset.ndf) == (
        286,
        256,
        9,
        64,
        64,
    )
    assert (preset.learning_rate, preset.pool_size, preset.batch, preset.pictures) == (2e-4, 50, 1, None)


@pytest.mark.parametrize(
    ("name", "rate", "epochs", "stop", "plateau", "augment", "trainable"),
    [
        ("cnn", 1e-3, 10, None, None, False, None),
        ("deep_cnn", 1e-3, 20, 3, (0.5, 3, 1e-6), True, None),
        ("resnet50", 1e-4, 50, 10, (0.3, 5, 0.0), True, 50),
        ("mobilenet_v2", 1e-4, 100, 10, (0.5, 5, 1e-6), True, 20),
        ("mobilenet_v2_study", 1e-4, 100, 10, (0.5, 5, 1e-6), True, 20),
        ("efficientnet", 1e-5, 50, None, None, True, 70),
    ],
)
def test_the_recipes_are_those_of_the_study(name, rate, epochs, stop, plateau, augment, trainable):
    """`make real` trains by them; the demo cuts them off after `cap` epochs."""
    ours, real = (yaml.safe_load((ROOT / path).read_text()) for path in ("params.yaml", "docs/real.yaml"))
    model = params.Model.model_validate({**ours["models"].get(name, {}), **real["models"].get(name, {})})
    assert (model.learning_rate, model.epochs, model.early_stop) == (rate, epochs, stop)
    assert (model.plateau and (model.plateau.factor, model.plateau.patience, model.plateau.floor)) == plateau
    assert (model.augment, model.trainable) == (augment, trainable)
    assert model.input_range == ("unit" if name.endswith("_study") else "native")


def test_the_projects_own_file_is_good(tmp_path):
    knobs = load(tmp_path)
    assert knobs.pictures.side == 128
    assert knobs.models["mobilenet_v2"].trainable == 20


def test_as_shipped_the_champion_stays_on_too_little_evidence():
    """The year on the demo's few pictures asks for the other policy itself."""
    assert params.load(ROOT / "params.yaml").gate.promote_if_not_worse is False
    assert yaml.safe_load((ROOT / "docs/year.yaml").read_text())["gate"] == {"promote_if_not_worse": True}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 7", "sede: 7", "sede is no known key; check its spelling"),
        ("salt: pawtrait", "slat: pawtrait", "split.slat is no known key"),
        ("salt: pawtrait", "slat: pawtrait", "split.salt is missing"),
        ("    net: cnn", "    nett: cnn", "models.cnn.nett is no known key"),
        ("    faults: true", "    fault: true", "ingest.demo.fault is no known key"),
    ],
)
def test_a_misspelt_key_is_named_in_full(tmp_path, old, new, said):
    assert said in complaint(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("batch: 32", "batch: 0", "train.batch = 0: input should be greater than 0"),
        ("leaks: drop", "leaks: keep", "split.leaks = 'keep': input should be 'stop' or 'drop'"),
        ("least_side: 48", "least_side: many", "validate.least_side = 'many'"),
        ("level: 0.95", "level: 95", "evaluate.level = 95: input should be less than 1"),
        ("    net: deep_cnn", "    net: deeper_cnn", "models.deep_cnn.net = 'deeper_cnn'"),
        ("seed: 7", "seed: -1", "seed = -1: input should be greater than or equal to 0"),
        ("seed: 7", "seed: 2147483648", "seed = 2147483648: input should be less than or equal to 2"),
        ("    seed: 1", "    seed: -1", "ingest.demo.seed = -1: input should be greater"),
        ("side: 320, seed: 1", "side: 320, seed: -1", "paintings.demo.seed = -1: input should be greater"),
        ("  deep_cnn:", "  deep.cnn:", "models.deep.cnn.[key] = 'deep.cnn': string should match pattern"),
        ("  deep_cnn:", "  deep cnn:", "models.deep cnn.[key] = 'deep cnn': string should match pattern"),
        ("  deep_cnn:", "  -deep:", "models.-deep.[key] = '-deep': string should match pattern"),
        ("optimizer: lbfgs", "optimizer: adam", "neural.learning_rate 1: adam takes 0.2 at the most"),
        ("crop_size: 64", "crop_size: 80", "cyclegan: crop_size 80 is larger than load_size 72"),
        (
            "crop_size: 64",
            "crop_size: 62",
            "cyclegan.presets.demo.crop_size = 62: input should be a multiple of 4",
        ),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_expected(tmp_path, old, new, said):
    assert said in complaint(tmp_path, old, new)


def test_a_selected_model_without_a_recipe_is_named(tmp_path):
    said = complaint(tmp_path, "selected: [linear_probe, cnn", "selected: [linear_prob, cnn")
    assert "linear_prob" in said
    assert "models" in said


def test_a_model_selected_twice_is_refused(tmp_path):
    assert "twice" in complaint(tmp_path, "selected: [linear_probe, cnn", "selected: [cnn, cnn")


def test_an_ablation_needs_a_training_that_a_seed_changes(tmp_path):
    old = "training split only\n  model: cnn"
    assert "linear probe" in complaint(tmp_path, old, old.replace("model: cnn", "model: linear_probe"))


def test_no_selected_model_is_refused(tmp_path):
    line = next(line for line in TEXT.splitlines() if line.startswith("selected:"))
    assert "selected" in complaint(tmp_path, line, "selected: []")


def test_an_empty_file_is_refused_in_words(tmp_path):
    (tmp_path / "params.yaml").write_text("")
    with pytest.raises(BadParams, match=r"params\.yaml: the file = None: input should be a valid dictionary"):
        params.load(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(BadParams, match="is not here; run from the project's root"):
        params.load(tmp_path / "params.yaml")


def test_broken_yaml_is_one_line_with_the_place(tmp_path):
    assert "line 3" in complaint(tmp_path, TEXT, "seed: 7\ningest:\n  source: [demo\n")


def test_nothing_can_be_changed_after_loading(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        load(tmp_path).train.batch = 64


def test_a_file_that_is_no_utf8_is_said_to_be_none(tmp_path):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_bytes(text.encode("latin-1", "replace"))
    with pytest.raises(BadParams, match=r"params\.yaml is not UTF-8 \(byte \d+\); save it as UTF-8"):
        params.load(tmp_path / "params.yaml")


def test_one_fold_is_refused_before_anything_is_trained(tmp_path):
    assert "train.folds is 1" in complaint(tmp_path, "  folds: 0", "  folds: 1")
