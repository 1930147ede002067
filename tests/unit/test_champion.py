"""The note that says which model predicts here."""

import re
from pathlib import Path

import pytest

from pawtrait import champion
from pawtrait.champion import Champion
from pawtrait.errors import BadModel

NAMED = Champion("pet-expression", "3", "cnn", "ab" * 32, "mlruns/1/models/m-1/artifacts/artifacts/model")


def test_the_note_comes_back_as_it_was_written(tmp_path):
    champion.write(NAMED, tmp_path / "data" / "champion.json")
    assert champion.read(tmp_path / "data" / "champion.json") == NAMED


def test_the_name_in_registry_and_ledger_is_written_once():
    code = [path for top in ("src", "pipelines") for path in Path(top).rglob("*.py")]
    spelt = [path for path in code if re.search(r"""["/]pet-expression["/]""", path.read_text("utf-8"))]
    assert spelt == [Path("src/pawtrait/champion.py")]


def test_a_new_champion_replaces_the_old(tmp_path):
    note = tmp_path / "champion.json"
    champion.write(NAMED, note)
    champion.write(Champion("pet-expression", "4", "mobilenet_v2", "cd" * 32, "elsewhere"), note)
    assert champion.read(note).version == "4"


def test_without_a_champion_the_message_says_what_to_run(tmp_path):
    with pytest.raises(BadModel, match=r"no champion yet: .*`make demo`.*`pawtrait register`.*--model"):
        champion.read(tmp_path / "champion.json")


@pytest.mark.parametrize("text", ["", "no json", "[1]", "3", '{"name": "x"}', '{"another": "note"}'])
def test_another_note_is_refused_in_one_line(tmp_path, text):
    note = tmp_path / "champion.json"
    note.write_text(text)
    with pytest.raises(BadModel, match="is no champion's note; run `pawtrait register`"):
        champion.read(note)
