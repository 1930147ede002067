"""One step: against hand-computed losses, and against a float64 step written out plainly."""
# ruff: noqa: N803, N806 (the paper's names end in a capital)

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cyclegan import Plain
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import networks, step
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.networks import Networks
from pawtrait.style_transfer.cyclegan.parallel import Team
from pawtrait.style_transfer.cyclegan.step import LOSSES, Training

CPU = torch.device("cpu")
ALONE = Team(0, 1, CPU)


@pytest.fixture
def in_turn() -> Iterator[Lanes]:
    """One half-cycle after the other, as one thread does it."""
    with Lanes(CPU) as lanes:
        yield lanes


def test_the_losses_are_those_worked_out_by_hand(recipe, in_turn):
    weights = {"lambda_a": 10.0, "lambda_b": 20.0, "lambda_identity": 0.5}
    training = _training(Networks(Scale(0.5), Scale(3.0), Judge(0.7), Judge(0.1)), recipe)
    real_A, real_B = torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), -0.2)
    losses = step.step(training, real_A, real_B, recipe.model_copy(update=weights), in_turn, ALONE)
    # fake_B = 0.2, rec_A = 0.6, idt_A = -0.1; fake_A = -0.6, rec_B = -0.3, idt_B = 1.2
    assert dict(zip(LOSSES, losses.tolist(), strict=True)) == pytest.approx(
        {
            "loss_G_A": (0.7 - 1) ** 2,
            "loss_cycle_A": 10 * 0.2,
            "loss_idt_A": 20 * 0.5 * 0.1,
            "loss_D_A": ((0.7 - 1) ** 2 + 0.7**2) / 2,
            "loss_G_B": (0.1 - 1) ** 2,
            "loss_cycle_B": 20 * 0.1,
            "loss_idt_B": 10 * 0.5 * 0.8,
            "loss_D_B": ((0.1 - 1) ** 2 + 0.1**2) / 2,
        },
        rel=1e-5,
    )


def test_three_steps_equal_three_written_out_plainly_in_float64(recipe, in_turn):
    recipe = recipe.model_copy(update={"pool_size": 1, "lambda_b": 7.0, "batch": 2})
    training, plain = (_training(_double(recipe), recipe) for _ in range(2))
    adam = Adam(recipe)
    for real_A, real_B in _pairs(3, 2):
        losses = step.step(training, real_A, real_B, recipe, in_turn, ALONE)
        expected = _plain_step(plain, real_A, real_B, recipe, adam)
        torch.testing.assert_close(losses, expected, rtol=1e-12, atol=1e-12)
    for name, net in training.nets.named().items():
        theirs = dict(plain.nets.named()[name].named_parameters())
        for key, parameter in net.named_parameters():
            off = float((parameter - theirs[key]).detach().abs().max())
            assert off < 1e-9, f"{name} {key}: {off}"  # a step moves a weight by 2e-4


def test_the_loop_that_make_bench_races_takes_the_same_steps(recipe, in_turn):
    """Else the ratio in the table would be of two different jobs."""
    recipe = recipe.model_copy(update={"pool_size": 1, "lambda_b": 7.0})
    ours, plain = step.start(_double(recipe), recipe, seed=1), Plain(_double(recipe), recipe)
    for real_A, real_B in _pairs(4, 1):
        step.step(ours, real_A, real_B, recipe, in_turn, ALONE)
        plain.step(real_A, real_B)
    for name, net in ours.nets.named().items():
        for one, other in zip(net.parameters(), plain.nets.named()[name].parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-7)  # a step moves a weight by 2e-4


def test_side_by_side_gives_the_same_bits_as_in_turn(recipe):
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        training = _training(networks.build(4, 1, 4, 1), recipe)
        with Lanes(CPU) as lanes:
            losses = [
                step.step(training, real_A.float(), real_B.float(), recipe, lanes, ALONE)
                for real_A, real_B in _pairs(3, 1)
            ]
        results.append([*losses, *training.nets.generators(), *training.nets.discriminators()])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_lanes_leave_the_caller_one_thread_and_give_the_others_back():
    torch.set_num_threads(2)
    with Lanes(CPU) as lanes:
        assert lanes.run(torch.get_num_threads, torch.get_num_threads) == (1, 1)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_an_error_in_one_half_cycle_is_not_lost(recipe):
    torch.set_num_threads(2)
    training = _training(networks.build(4, 1, 4, 1), recipe)
    training.nets.netG_B[1] = nn.Conv2d(5, 4, 7)  # eats five colours
    (real_A, real_B), *_ = _pairs(1, 1)
    with Lanes(CPU) as lanes, pytest.raises(RuntimeError, match="channels"):
        step.step(training, real_A.float(), real_B.float(), recipe, lanes, ALONE)


def test_without_identity_loss_the_rest_stays_as_it_was(recipe, in_turn):
    (real_A, real_B), *_ = _pairs(1, 1)
    with_identity, without = (
        step.step(_training(_double(recipe), recipe), real_A, real_B, one, in_turn, ALONE)
        for one in (recipe, recipe.model_copy(update={"lambda_identity": 0.0}))
    )
    off = [LOSSES.index("loss_idt_A"), LOSSES.index("loss_idt_B")]
    assert without[off].tolist() == [0, 0] and with_identity[off].min() > 0
    with_identity[off] = 0
    torch.testing.assert_close(without, with_identity, rtol=1e-12, atol=1e-12)


def test_bf16_moves_float32_weights_to_about_the_same_losses(recipe, in_turn):
    losses = {}
    for precision in ("fp32", "bf16"):
        training = _training(networks.build(8, 1, 8, 1), recipe)
        now = recipe.model_copy(update={"precision": precision})
        steps = [
            step.step(training, real_A.float(), real_B.float(), now, in_turn, ALONE)
            for real_A, real_B in _pairs(5, 1)
        ]
        losses[precision] = torch.stack(steps).mean(dim=0)
        assert {parameter.dtype for parameter in training.nets.generators()} == {torch.float32}
    assert not torch.equal(losses["fp32"], losses["bf16"])
    torch.testing.assert_close(losses["bf16"], losses["fp32"], rtol=0.05, atol=0.02)


@pytest.mark.parametrize("used", ["fp32", "bf16"])
def test_a_step_by_auto_is_that_of_the_precision_chosen(recipe, in_turn, monkeypatch, used):
    monkeypatch.setattr(step.precision, "has_bf16", lambda _: used == "bf16")
    losses = {}
    for wish in ("auto", "fp32", "bf16"):
        training, ((real_A, real_B),) = _training(networks.build(8, 1, 8, 1), recipe), _pairs(1, 1)
        now = recipe.model_copy(update={"precision": wish})
        losses[wish] = step.step(training, real_A.float(), real_B.float(), now, in_turn, ALONE)
    assert torch.equal(losses["auto"], losses[used])
    assert not torch.equal(losses["fp32"], losses["bf16"])


class Scale(nn.Module):
    """A generator of one number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels * self.factor


class Judge(nn.Module):
    """A discriminator that always says the same, though what it says hangs on what it sees."""

    def __init__(self, verdict: float) -> None:
        super().__init__()
        self.verdict = nn.Parameter(torch.tensor(verdict))

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean(dim=(1, 2, 3)) * 0 + self.verdict


class Adam:
    """Kingma & Ba 2015, algorithm 1, as written."""

    def __init__(self, recipe: CycleGan) -> None:
        self.rate, self.betas = recipe.learning_rate, recipe.betas
        self.moments: dict[Tensor, tuple[int, Any, Any]] = {}

    def move(self, parameters: list[nn.Parameter]) -> None:
        one, two = self.betas
        for parameter in parameters:
            g = parameter.grad
            t, m, v = self.moments.get(parameter, (0, 0.0, 0.0))
            t, m, v = t + 1, one * m + (1 - one) * g, two * v + (1 - two) * g**2
            self.moments[parameter] = t, m, v
            parameter.data -= self.rate * (m / (1 - one**t)) / ((v / (1 - two**t)).sqrt() + 1e-8)
            parameter.grad = None


def _plain_step(training: Training, real_A: Tensor, real_B: Tensor, recipe: CycleGan, adam: Adam) -> Tensor:
    """Zhu et al. 2017, section 3, a picture after the other."""
    nets = training.nets
    G_A, G_B, D_A, D_B = nets.netG_A, nets.netG_B, nets.netD_A, nets.netD_B
    a, b, identity = recipe.lambda_a, recipe.lambda_b, recipe.lambda_identity

    def mean(values: list[Tensor]) -> Tensor:
        return sum(values[1:], values[0]) / len(values)

    fake_B, fake_A = [G_A(x[None]) for x in real_A], [G_B(y[None]) for y in real_B]
    loss_G_A = mean([((D_A(f) - 1) ** 2).mean() for f in fake_B])
    loss_G_B = mean([((D_B(f) - 1) ** 2).mean() for f in fake_A])
    loss_cycle_A = a * mean([(G_B(f)[0] - x).abs().mean() for f, x in zip(fake_B, real_A, strict=True)])
    loss_cycle_B = b * mean([(G_A(f)[0] - y).abs().mean() for f, y in zip(fake_A, real_B, strict=True)])
    loss_idt_A = b * identity * mean([(G_A(y[None])[0] - y).abs().mean() for y in real_B])
    loss_idt_B = a * identity * mean([(G_B(x[None])[0] - x).abs().mean() for x in real_A])
    (loss_G_A + loss_G_B + loss_cycle_A + loss_cycle_B + loss_idt_A + loss_idt_B).backward()
    adam.move(nets.generators())

    for parameter in nets.discriminators():
        parameter.grad = None  # left over from the generators' pass
    shown_B = training.fake_B_pool.query(torch.cat(fake_B))
    shown_A = training.fake_A_pool.query(torch.cat(fake_A))
    loss_D_A = _judged(D_A, real_B, shown_B)
    loss_D_B = _judged(D_B, real_A, shown_A)
    loss_D_A.backward()
    loss_D_B.backward()
    adam.move(nets.discriminators())
    one = [loss_G_A, loss_cycle_A, loss_idt_A, loss_D_A]
    return torch.stack([*one, loss_G_B, loss_cycle_B, loss_idt_B, loss_D_B]).detach()


def _judged(net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    of_real = torch.stack([((net(x[None]) - 1) ** 2).mean() for x in real]).mean()
    of_fake = torch.stack([(net(x[None]) ** 2).mean() for x in fake]).mean()
    return (of_real + of_fake) / 2


def _training(nets: Networks, recipe: CycleGan) -> Training:
    return step.start(nets, recipe, seed=7)


def _double(recipe: CycleGan) -> Networks:
    nets = networks.build(recipe.ngf, recipe.n_blocks, recipe.ndf, 1)
    for net in nets.named().values():
        net.double()
    return nets


def _pairs(count: int, batch: int) -> list[tuple[Tensor, Tensor]]:
    """real_A and real_B of some steps, float64 (B, 3, 32, 32): waves and blocks."""
    source = torch.Generator().manual_seed(9)
    x = torch.linspace(0, 6, 32, dtype=torch.float64)
    pairs = []
    for _ in range(count):
        phase = torch.rand(batch, 3, 2, 1, generator=source, dtype=torch.float64) * 6
        real_A = torch.sin(x + phase[:, :, 0])[:, :, :, None] * torch.cos(x + phase[:, :, 1])[:, :, None]
        real_B = torch.sign(torch.sin(2 * x + phase[:, :, 0]))[:, :, None] * real_A.new_full((32, 1), 0.7)
        pairs.append((real_A, real_B))
    return pairs
