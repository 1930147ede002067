"""Pictures under their SHA-256: in a folder, in memory as any bucket, and in S3's own protocol."""

import os
import socket
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from s3fs import S3FileSystem

from pawtrait.adapters.store.pictures import Damaged, NoPicture, Pictures, place
from pawtrait.errors import BadStore

DATA = b"a picture"
NAME = sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "memory", "s3"])
def pictures(request, tmp_path, led_to_s3):
    if request.param == "folder":
        return Pictures(tmp_path / "inbox")
    if request.param == "memory":
        return Pictures(f"memory://{uuid4().hex}")
    led_to_s3(request.getfixturevalue("endpoint"))
    bucket = f"inbox-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return Pictures(f"s3://{bucket}/pictures")


def test_a_picture_comes_back_by_its_name_until_it_is_forgotten(pictures):
    assert not pictures.has(NAME)
    assert [pictures.put(DATA), pictures.put(DATA)] == [NAME, NAME]
    assert (pictures.has(NAME), pictures.get(NAME), pictures.names()) == (True, DATA, [NAME])
    assert [pictures.forget(NAME), pictures.forget(NAME)] == [True, False]
    assert not pictures.has(NAME) and not pictures.names()
    with pytest.raises(NoPicture, match=f"has no picture {NAME[:16]}"):
        pictures.get(NAME)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", NAME.upper(), NAME[:-1], f"{NAME}/.."])
def test_no_name_leads_out_of_the_place(tmp_path, name):
    for use in (Pictures(tmp_path).get, Pictures(tmp_path).has, Pictures(tmp_path).forget):
        with pytest.raises(BadStore, match="is not a picture's name"):
            use(name)


def test_a_bucket_that_is_away_is_told_in_our_words(monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "made-up")
        S3FileSystem.clear_instance_cache()  # it remembers whom it spoke to
        pictures = Pictures("s3://inbox/pictures")
        uses = [partial(pictures.put, DATA), pictures.names]
        uses += [partial(use, NAME) for use in (pictures.get, pictures.has, pictures.forget)]
        for use in uses:
            with pytest.raises(BadStore, match="s3://inbox/pictures") as told:
                use()
            assert told.type is BadStore
        S3FileSystem.clear_instance_cache()


def _file(root: Path) -> Path:
    return root / NAME[:2] / NAME


def test_a_picture_that_cannot_be_looked_for_is_not_said_to_be_missing(tmp_path):
    Pictures(tmp_path).put(DATA)
    _file(tmp_path).unlink()
    _file(tmp_path).symlink_to(_file(tmp_path))  # the system refuses it, even to root
    for use in (Pictures(tmp_path).has, Pictures(tmp_path).forget):
        with pytest.raises(BadStore, match=f"^{tmp_path}: .*; check PAWTRAIT_PICTURES"):
            use(NAME)


def _lock(monkeypatch, name):
    """Nobody may look into folders of a name; root, as whom tests may run, can look into all."""
    look = os.scandir

    def locked(folder):
        if Path(folder).name == name:
            raise PermissionError(13, "Permission denied", folder)
        return look(folder)

    monkeypatch.setattr(os, "scandir", locked)


def test_a_folder_that_cannot_be_read_is_not_said_to_be_empty(tmp_path, monkeypatch):
    Pictures(tmp_path).put(DATA)
    _lock(monkeypatch, NAME[:2])
    with pytest.raises(BadStore, match=f"^{tmp_path}: .*Permission denied.*; check PAWTRAIT_PICTURES"):
        Pictures(tmp_path).names()


def test_a_folder_that_is_the_system_s_own_keeps_no_picture_from_being_found(tmp_path, monkeypatch):
    Pictures(tmp_path).put(DATA)
    (tmp_path / "lost+found").mkdir()
    _lock(monkeypatch, "lost+found")
    assert Pictures(tmp_path).names() == [NAME]


def test_a_place_that_is_not_there_yet_has_no_pictures(tmp_path):
    assert (Pictures(tmp_path / "inbox").names(), Pictures(tmp_path / "inbox").has(NAME)) == ([], False)


def test_a_changed_byte_is_noticed_and_mended_by_the_next_put(tmp_path):
    pictures = Pictures(tmp_path)
    pictures.put(DATA)
    _file(tmp_path).write_bytes(b"a pictur3")
    with pytest.raises(Damaged, match="is damaged"):
        pictures.get(NAME)
    assert pictures.get(pictures.put(DATA)) == DATA


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / NAME[:2]).write_text("a file where a folder should be")
    with pytest.raises(BadStore, match="the picture was not kept"):
        Pictures(tmp_path).put(DATA)
    assert [path.name for path in tmp_path.iterdir()] == [NAME[:2]]


def test_the_place_is_told_by_the_environment(monkeypatch):
    monkeypatch.delenv("PAWTRAIT_PICTURES", raising=False)
    assert place() == "data/inbox"
    monkeypatch.setenv("PAWTRAIT_PICTURES", "memory://elsewhere")
    assert Pictures().where == "memory://elsewhere"


def test_a_place_that_is_none_is_refused():
    with pytest.raises(BadStore, match="cannot hold pictures"):
        Pictures("nonsense://x")
