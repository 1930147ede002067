"""One step of training, told in the paper's order with the names of its implementation.

A are photos, B paintings. What is written for A → B → A holds for B → A → B with the letters exchanged, so
each function below is called twice.

Zhu et al. 2017: adversarial loss (eq. 1, least squares as in section 4), cycle loss (eq. 2), their sum
(eq. 3), identity loss (section 5.2).
"""
# ruff: noqa: N802, N803, N806, N815 (the paper's names end in a capital)

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from pawtrait.params import CycleGan
from pawtrait.style_transfer import precision
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.networks import Networks
from pawtrait.style_transfer.cyclegan.parallel import Team
from pawtrait.style_transfer.cyclegan.pool import ImagePool

HALF = ("G_A", "cycle_A", "idt_A", "D_A")
LOSSES = tuple(f"loss_{name}" for name in (*HALF, *(name[:-1] + "B" for name in HALF)))


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that a step changes."""

    nets: Networks
    optimizer_G: torch.optim.Optimizer
    optimizer_D: torch.optim.Optimizer
    fake_A_pool: ImagePool
    fake_B_pool: ImagePool


def start(nets: Networks, recipe: CycleGan, seed: int) -> Training:
    """Fresh optimizers and empty pools around the networks."""
    optimizer_G, optimizer_D = (
        torch.optim.Adam(parameters, recipe.learning_rate, recipe.betas, fused=True)
        for parameters in (nets.generators(), nets.discriminators())
    )
    fake_A_pool, fake_B_pool = (ImagePool(recipe.pool_size, seed, side) for side in range(2))
    return Training(nets, optimizer_G, optimizer_D, fake_A_pool, fake_B_pool)


@dataclass(frozen=True, slots=True)
class Way:
    """A → B → A: who paints, who paints back, who judges, and what the losses weigh."""

    netG_A: nn.Module
    netG_B: nn.Module
    netD_A: nn.Module
    lambda_A: float
    lambda_idt: float
    bf16: bool


def step(
    training: Training, real_A: Tensor, real_B: Tensor, recipe: CycleGan, lanes: Lanes, team: Team
) -> Tensor:
    """Move the generators, then the discriminators, by one step.

    Args:
        training: networks, optimizers and pools, which change.
        real_A: photos (B, 3, H, W) in -1..1, this process's rows of the batch.
        real_B: paintings, likewise.
        recipe: the weights of the losses and the precision.
        lanes: where the two ways run, side by side or in turn.
        team: with whom gradients, losses and fakes are shared.

    Returns:
        The losses in the order of ``LOSSES``, weighted, (8,) without gradient, over the whole batch.
    """
    A_to_B, B_to_A = _ways(training.nets, recipe, real_A.device)

    painting = training.nets.generators()
    (fake_B, losses_G_A, gradients_A), (fake_A, losses_G_B, gradients_B) = lanes.run(
        partial(_backward_G, A_to_B, real_A, real_B, painting),
        partial(_backward_G, B_to_A, real_B, real_A, painting),
    )
    gradients_G = torch._foreach_add(gradients_A, gradients_B)

    fake_B = team.share(training.fake_B_pool.query(team.gather(fake_B)))
    fake_A = team.share(training.fake_A_pool.query(team.gather(fake_A)))
    (loss_D_A, gradients_D_A), (loss_D_B, gradients_D_B) = lanes.run(
        partial(_backward_D, A_to_B, real_B, fake_B),
        partial(_backward_D, B_to_A, real_A, fake_A),
    )

    losses = torch.cat([losses_G_A, loss_D_A, losses_G_B, loss_D_B])
    team.average([losses, *gradients_G, *gradients_D_A, *gradients_D_B])
    lanes.run(
        partial(_move, training.optimizer_G, painting, gradients_G),
        partial(
            _move, training.optimizer_D, training.nets.discriminators(), [*gradients_D_A, *gradients_D_B]
        ),
    )
    return losses


def _ways(nets: Networks, recipe: CycleGan, device: torch.device) -> tuple[Way, Way]:
    """Both ways. The identity loss of one is on the other's pictures, and weighs by the other's lambda."""
    identity, bf16 = recipe.lambda_identity, precision.choose(recipe.precision, device) == "bf16"
    a, b = recipe.lambda_a, recipe.lambda_b
    return (
        Way(nets.netG_A, nets.netG_B, nets.netD_A, a, b * identity, bf16),
        Way(nets.netG_B, nets.netG_A, nets.netD_B, b, a * identity, bf16),
    )


def _backward_G(
    way: Way, real_A: Tensor, real_B: Tensor, parameters: Sequence[nn.Parameter]
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """fake_B, the losses (loss_G_A, loss_cycle_A, loss_idt_A), and the gradients of their sum."""
    with torch.autocast(real_A.device.type, torch.bfloat16, enabled=way.bf16):
        if way.lambda_idt:
            fake_B, idt_A = way.netG_A(torch.cat([real_A, real_B])).chunk(2)  # one pass for both
        else:
            fake_B, idt_A = way.netG_A(real_A), real_B
        rec_A = way.netG_B(fake_B)
        verdict = way.netD_A(fake_B)
    loss_G_A = _gan_loss(verdict, 1.0)
    loss_cycle_A = _l1(rec_A, real_A) * way.lambda_A
    loss_idt_A = _l1(idt_A, real_B) * way.lambda_idt
    gradients = torch.autograd.grad(loss_G_A + loss_cycle_A + loss_idt_A, parameters)
    losses = torch.stack([loss_G_A, loss_cycle_A, loss_idt_A]).detach()
    return fake_B.detach().to(real_A.dtype), losses, gradients


def _backward_D(way: Way, real_B: Tensor, fake_B: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """loss_D_A as (1,), halved so that it learns slower than the generator, and its gradients."""
    with torch.autocast(real_B.device.type, torch.bfloat16, enabled=way.bf16):
        of_real, of_fake = way.netD_A(torch.cat([real_B, fake_B])).chunk(2)
    loss_D_A = 0.5 * (_gan_loss(of_real, 1.0) + _gan_loss(of_fake, 0.0))
    gradients = torch.autograd.grad(loss_D_A, list(way.netD_A.parameters()))
    return loss_D_A.detach()[None], gradients


def _gan_loss(verdict: Tensor, wanted: float) -> Tensor:
    """Least squares against one number; the sum is taken in float32 or better."""
    verdict = verdict if verdict.dtype is torch.float64 else verdict.float()
    return (verdict - wanted).square().mean()


def _l1(picture: Tensor, wanted: Tensor) -> Tensor:
    return (picture - wanted).abs().mean()  # a bf16 picture less a float32 one is float32


def _move(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]
) -> None:
    """One step of Adam with these gradients."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
