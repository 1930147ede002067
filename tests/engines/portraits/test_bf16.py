"""``precision: auto``: bf16 where there are instructions for it, fp32 where it would be emulated."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from pawtrait import params
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer import neural, precision
from pawtrait.style_transfer.features import Features

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What is known of the processor is asked anew before and after."""
    for one in (precision.has_bf16, precision._warn):
        one.cache_clear()
    yield
    for one in (precision.has_bf16, precision._warn):
        one.cache_clear()


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, bool]], None]:
    """A processor with these capabilities, by torch's names."""
    return lambda able: monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)


@pytest.mark.parametrize(
    ("able", "used"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"neon": True, "bf16": True}, "bf16"),
        ({"sve_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False, "avx512_fp16": True}, "fp32"),
        ({"neon": True, "bf16": False}, "fp32"),
    ],
)
def test_auto_is_bf16_where_the_processor_has_it(processor, able: dict[str, bool], used: str) -> None:
    processor(able)
    assert precision.choose("auto", CPU) == used


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux tells its processor's flags there")
def test_auto_agrees_with_what_linux_says_of_this_processor() -> None:
    flags = {word for line in Path("/proc/cpuinfo").read_text().splitlines() for word in line.split()}
    if not flags & {"avx512f", "avx2"}:
        pytest.skip("the flags' names are those of x86")
    assert (precision.choose("auto", CPU) == "bf16") is bool(flags & {"avx512_bf16", "amx_bf16"})


def test_by_name_it_stays_and_an_emulated_one_warns_once(processor, caplog: pytest.LogCaptureFixture) -> None:
    processor({})
    with caplog.at_level(logging.WARNING):
        assert [precision.choose(wish, CPU) for wish in ("fp32", "bf16", "bf16")] == ["fp32", "bf16", "bf16"]
    assert [record.getMessage() for record in caplog.records] == [
        "precision bf16: this cpu emulates it, several times slower than fp32; auto avoids that"
    ]


@pytest.mark.parametrize("used", ["fp32", "bf16"])
def test_a_portrait_by_auto_is_that_of_the_precision_chosen(
    processor,
    used: str,
    photo: Pixels,
    painting: Pixels,
    squeezenet: Features,
    recipe: Callable[..., params.Neural],
) -> None:
    processor({"avx512_bf16": used == "bf16"})
    portraits = {}
    for wish in ("auto", "fp32", "bf16"):
        *_, last = neural.optimise(photo, [(painting, 1.0)], squeezenet, recipe(precision=wish), 0)
        portraits[wish] = last.picture()
    other = {"fp32": "bf16", "bf16": "fp32"}[used]
    np.testing.assert_array_equal(portraits["auto"], portraits[used])
    assert not np.array_equal(portraits["auto"], portraits[other])
