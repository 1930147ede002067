"""Downloads from S3, against moto's server on this machine: the real protocol, without the real cloud."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from pawtrait.adapters.sources import downloads
from pawtrait.errors import BadSource

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def bucket(endpoint: str, led_to_s3: Callable[[str], None]) -> Any:
    """A bucket with one archive in it, and the environment that leads s3fs there."""
    led_to_s3(endpoint)
    client = boto3.client("s3")
    client.create_bucket(Bucket="pets")
    client.put_object(Bucket="pets", Key="sets/pets.zip", Body=CONTENT)
    return client


def test_an_object_comes_whole(bucket: Any, tmp_path: Path) -> None:
    remote = downloads.look("s3://pets/sets/pets.zip")
    assert (remote.bytes, bool(remote.etag), bool(remote.modified)) == (len(CONTENT), True, True)
    assert downloads.fetch("s3://pets/sets/pets.zip", remote, tmp_path).read_bytes() == CONTENT


def test_an_object_goes_on_where_it_stopped(bucket: Any, tmp_path: Path) -> None:
    remote = downloads.look("s3://pets/sets/pets.zip")
    whole = downloads.fetch("s3://pets/sets/pets.zip", remote, tmp_path)
    part = whole.with_name(whole.name.partition("-")[0] + ".part")
    part.write_bytes(b"kept as it was" + CONTENT[14:3_000_000])
    whole.unlink()
    again = downloads.fetch("s3://pets/sets/pets.zip", remote, tmp_path).read_bytes()
    assert again == b"kept as it was" + CONTENT[14:]


def test_a_new_object_under_the_same_key_is_noticed(bucket: Any, tmp_path: Path) -> None:
    before = downloads.look("s3://pets/sets/pets.zip")
    bucket.put_object(Bucket="pets", Key="sets/pets.zip", Body=CONTENT[::-1])
    assert downloads.look("s3://pets/sets/pets.zip") != before
    with pytest.raises(BadSource, match="changed while it was fetched"):
        downloads.fetch("s3://pets/sets/pets.zip", before, tmp_path, pause=0)


@pytest.mark.parametrize("url", ["s3://pets/sets/none.zip", "s3://no-such-bucket-here/pets.zip"])
def test_a_missing_object_or_bucket_is_told_in_one_line(url: str, bucket: Any) -> None:
    with pytest.raises(BadSource, match=rf"^{url} cannot be fetched.*check address"):
        downloads.look(url)


def test_a_folder_of_objects_is_no_archive(bucket: Any) -> None:
    with pytest.raises(BadSource, match="is a folder; give the address of a zip or tar"):
        downloads.look("s3://pets/sets")
