"""`make clean` frees what comes again by itself, and nothing that a month or a training goes on from."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = (
    ".cache/checkpoints/cnn/7/state.pt",
    ".cache/real/params.yaml",
    ".cache/real-mine/params.yaml",
    ".cache/retrain.lock",
    ".cache/retrain/.cache/owed-2026-11.json",
    ".cache/retrain/dvc.lock",
    ".cache/store.lock",
    "data/champion.json",
    "mlflow.db",
)
FREED = (
    ".cache/downloads.zip",
    ".cache/year/dvc.lock",
    ".venv/installed",
    "src/pawtrait/__pycache__/cli.pyc",
)


def test_state_stays_and_caches_go(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("src", "pipelines", "tests", "benchmarks"):
        (tmp_path / folder).mkdir()
    for name in (*KEPT, *FREED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "--quiet", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*KEPT, "Makefile"}
