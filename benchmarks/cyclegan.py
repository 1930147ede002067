"""One step of CycleGAN's training: the paper's loop as one would write it down, and ours."""
# ruff: noqa: N803, N806 (the paper's names end in a capital)

import copy
import time
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import ceiling, race
from pawtrait import environment, params
from pawtrait.style_transfer.cyclegan import fit, step
from pawtrait.style_transfer.cyclegan.lanes import Lanes
from pawtrait.style_transfer.cyclegan.networks import Networks
from pawtrait.style_transfer.cyclegan.parallel import Team
from pawtrait.style_transfer.cyclegan.pool import ImagePool

PHOTOS, EPOCHS = 1000, 50  # the study's job


class Plain:
    """Zhu et al. 2017 in float32, line by line: each network called for each picture, one after the other."""

    def __init__(self, nets: Networks, recipe: params.CycleGan) -> None:
        self.nets, self.recipe = nets, recipe
        self.optimizer_G = torch.optim.Adam(nets.generators(), recipe.learning_rate, recipe.betas)
        self.optimizer_D = torch.optim.Adam(nets.discriminators(), recipe.learning_rate, recipe.betas)
        self.fake_A_pool, self.fake_B_pool = (ImagePool(recipe.pool_size, 1, side) for side in range(2))

    def step(self, real_A: Tensor, real_B: Tensor) -> None:
        """Move the generators, then the discriminators; pictures (1, 3, H, W) in -1..1."""
        netG_A, netG_B = self.nets.netG_A, self.nets.netG_B
        fake_B, fake_A = netG_A(real_A), netG_B(real_B)
        rec_A, rec_B = netG_B(fake_B), netG_A(fake_A)
        idt_A, idt_B = netG_A(real_B), netG_B(real_A)
        a, b, identity = self.recipe.lambda_a, self.recipe.lambda_b, self.recipe.lambda_identity
        self._freeze(True)
        loss_G = _gan_loss(self.nets.netD_A(fake_B), 1.0) + _gan_loss(self.nets.netD_B(fake_A), 1.0)
        loss_G += a * (rec_A - real_A).abs().mean() + b * (rec_B - real_B).abs().mean()
        loss_G += identity * (b * (idt_A - real_B).abs().mean() + a * (idt_B - real_A).abs().mean())
        self.optimizer_G.zero_grad()
        loss_G.backward()
        self.optimizer_G.step()
        self._freeze(False)
        self.optimizer_D.zero_grad()
        for netD, real, fake in (
            (self.nets.netD_A, real_B, self.fake_B_pool.query(fake_B)),
            (self.nets.netD_B, real_A, self.fake_A_pool.query(fake_A)),
        ):
            (0.5 * (_gan_loss(netD(real), 1.0) + _gan_loss(netD(fake), 0.0))).backward()
        self.optimizer_D.step()

    def _freeze(self, frozen: bool) -> None:
        for parameter in self.nets.discriminators():
            parameter.requires_grad_(not frozen)


def run(plan: race.Plan) -> list[race.Row]:
    """On all cores by the wall clock, and on one in CPU seconds, which a busy neighbour does not change."""
    side = 64 if plan.quick else 128
    everywhere = row(plan, side, "cpu")
    torch.set_num_threads(1)
    race.pin()
    return [everywhere, row(plan, side, "cpu")]


def row(plan: race.Plan, side: int, device: str) -> race.Row:
    """A step with a ResNet-9 of 64 filters and batch 1, photos and paintings of ``side`` px."""
    rounds = 3 if plan.quick else 7
    alone = device == "cpu" and torch.get_num_threads() == 1
    recipe = _recipe(side)
    precision, dtype = ceiling.used(device)
    ours = fit.begin(recipe, 1, torch.device(device))
    plain = Plain(copy.deepcopy(ours.nets), recipe)
    team = Team(0, 1, torch.device(device))
    source = torch.Generator().manual_seed(1)
    real_A, real_B = (torch.rand((1, 3, side, side), generator=source).mul(2).sub(1).to(device) for _ in "AB")
    with FlopCounterMode(display=False) as counter:
        plain.step(real_A, real_B)
    limit = ceiling.work(dtype, device)
    faster = recipe.model_copy(update={"precision": precision})
    threads = torch.get_num_threads()
    with Lanes(torch.device(device)) as lanes:
        within = torch.get_num_threads()  # one, where lanes do the work; the others get all of them back

        def step_of_ours() -> None:
            torch.set_num_threads(within)
            step.step(ours, real_A, real_B, faster, lanes, team)
            ceiling.wait(device)

        def step_of_theirs() -> None:
            torch.set_num_threads(threads)
            plain.step(real_A, real_B)
            ceiling.wait(device)

        def step_of_none() -> None:
            torch.set_num_threads(threads)
            limit.run()

        variants = {"plain": step_of_theirs, "ours": step_of_ours, "limit": step_of_none}
        began = time.process_time(), time.perf_counter()
        taken = race.run(variants, rounds, clock=race.CPU if alone else race.WALL)
        busy = (time.process_time() - began[0]) / (time.perf_counter() - began[1]) / environment.cores()
    place = _on_gpu(median(taken["ours"])) if device == "cuda" else _on_cpu(alone, busy)
    named = precision + (", two lanes" if device == "cpu" and not alone else "")
    gflop = counter.get_total_flops() / 1e9
    return _told(taken, side, gflop, limit.gflop, named, f"{place}, × {rounds}")


def _on_cpu(alone: bool, busy: float) -> str:
    """What was measured; ``busy`` is the share of all cores that went to us."""
    if alone:
        return f"CPU, one core{ceiling.remark()}"
    quiet = f"{busy:.0%} of their time was ours, quiet is 90% and more"
    return f"wall clock, {environment.cores()} cores; {quiet}{ceiling.remark()}"


def _on_gpu(seconds: float) -> str:
    """What was measured, and how long the study's job of 1,000 photos and 50 epochs would take so."""
    minutes = PHOTOS * EPOCHS * seconds / 60
    name = torch.cuda.get_device_name()
    return f"wall clock, {name}; {PHOTOS} photos, {EPOCHS} epochs in {minutes:.0f} min at this pace"


def _told(
    taken: dict[str, list[float]], side: int, gflop: float, known: float, named: str, how: str
) -> race.Row:
    times, spread = race.ratios(taken["plain"], taken["ours"])
    rate = known / median(taken["limit"])  # GFLOP/s
    least = gflop / rate  # seconds
    one = median(taken["ours"])
    work = f"{gflop:.0f} GFLOP at {rate:.0f} a second in the same precision"
    return race.Row(
        job=f"CycleGAN, one step, ResNet-9, 64 filters, batch 1, {side} px",
        theirs=f"plain loop, fp32: {race.each(taken['plain'], 1)}",
        ours=f"{named}: {race.each(taken['ours'], 1)}",
        limit=f"{race.each([least], 1)}: {work} ({least / one:.0%} of ours)",
        times=times,
        spread=spread,
        how=how,
    )


def _recipe(side: int) -> params.CycleGan:
    paper = params.load().cyclegan.presets["paper"]
    return paper.model_copy(update={"load_size": side, "crop_size": side, "precision": "fp32", "batch": 1})


def _gan_loss(verdict: Tensor, wanted: float) -> Tensor:
    return (verdict - wanted).square().mean()
