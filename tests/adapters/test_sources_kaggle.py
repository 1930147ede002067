"""Kaggle, through the real kagglehub with a stand-in for its resolver: the site is out of reach here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kagglehub import exceptions, registry
from kagglehub.handle import DatasetHandle
from requests.exceptions import ConnectionError

from pawtrait.adapters.sources import kaggle
from pawtrait.errors import BadSource

NAME = "anshtanwar/pets-facial-expression-dataset"


class Site:
    """What kagglehub asks for a data set: answers with a folder for each version, or fails."""

    def __init__(self, kept: Path) -> None:
        self.kept = kept
        self.newest = 3
        self.error: Exception | None = None
        self.flat = False  # as inside Kaggle's notebooks

    def is_supported(self, *_: object, **__: object) -> bool:
        return True

    def __call__(self, handle: DatasetHandle, path: str | None = None, **_: object) -> tuple[str, int]:
        if self.error:
            raise self.error
        version = handle.version or self.newest
        folder = self.kept / handle.owner / handle.dataset
        folder = folder if self.flat else folder / "versions" / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder), version


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    registry.dataset_resolver.add_implementation(site)
    yield site
    registry.dataset_resolver._impls.remove(site)


def test_the_newest_version_is_named(site: Site, tmp_path: Path) -> None:
    assert kaggle.resolve(NAME) == (f"{NAME}/versions/3", tmp_path / NAME / "versions/3")


def test_a_version_can_be_asked_for(site: Site) -> None:
    assert kaggle.resolve(f"{NAME}/versions/2")[0] == f"{NAME}/versions/2"


def test_where_folders_have_no_version_the_handle_stays(site: Site, tmp_path: Path) -> None:
    site.flat = True
    assert kaggle.resolve(NAME) == (NAME, tmp_path / NAME)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("Failed to resolve the host\nand a second line"),
        exceptions.KaggleApiHTTPError("403 Client Error.\n\nYou don't have permission"),
        exceptions.UnauthenticatedError(),
        exceptions.DataCorruptionError("checksum"),
    ],
)
def test_trouble_is_told_in_one_line_with_a_way_out(error: Exception, site: Site) -> None:
    site.error = error
    with pytest.raises(
        BadSource, match=rf"^kaggle:{NAME} cannot be fetched.*by hand and set ingest.source"
    ) as e:
        kaggle.resolve(NAME)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("handle", ["", "pets", "a/b/c", "a/b/versions/new", "../b", "a/b/versions/2/x"])
def test_a_misspelt_handle_is_refused_before_kaggle_is_asked(handle: str) -> None:
    with pytest.raises(BadSource, match=r"expected kaggle:OWNER/NAME"):
        kaggle.resolve(handle)


def test_without_network_the_real_kagglehub_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(BadSource, match="cannot be fetched"):
        kaggle.resolve(NAME)
