"""The pool of earlier fakes, followed picture by picture; the k-th fake is a picture full of k."""

import torch

from pawtrait.style_transfer.cyclegan.pool import ImagePool


def test_while_it_fills_every_fake_comes_straight_out():
    pool = ImagePool(3, 7)
    assert [_give(pool, k) for k in range(3)] == [0, 1, 2]
    assert _held(pool) == [0, 1, 2]


def test_then_a_fake_comes_out_itself_or_takes_the_place_of_the_old_one_that_does():
    pool = ImagePool(3, 7)
    for k in range(200):
        before = _held(pool)
        out = _give(pool, k)
        if len(before) < 3 or out == k:
            assert _held(pool)[: len(before)] == before
        else:
            assert _held(pool) == [k if old == out else old for old in before]


def test_half_of_the_fakes_are_exchanged_and_from_every_place():
    pool = ImagePool(5, 7)
    for k in range(5):
        _give(pool, k)
    exchanged, places = 0, set()
    for k in range(5, 1005):
        before = _held(pool)
        out = _give(pool, k)
        if out != k:
            exchanged += 1
            places.add(before.index(out))
    assert 450 < exchanged < 550
    assert places == {0, 1, 2, 3, 4}


def test_a_batch_goes_through_picture_by_picture():
    one_by_one, at_once = ImagePool(2, 7), ImagePool(2, 7)
    expected = [_give(one_by_one, k) for k in range(12)]
    fakes = torch.stack([_picture(k) for k in range(12)])
    assert at_once.query(fakes)[:, 0, 0, 0].tolist() == expected


def test_what_came_out_is_not_changed_when_its_place_is_taken():
    pool = ImagePool(1, 7)
    out = pool.query(_picture(0)[None])
    for k in range(1, 10):
        _give(pool, k)
    assert out.unique().tolist() == [0]


def test_a_pool_of_none_gives_back_what_it_gets():
    fakes = torch.rand(2, 3, 4, 4)
    assert torch.equal(ImagePool(0, 7).query(fakes), fakes)


def test_no_gradient_passes():
    assert not ImagePool(2, 7).query(torch.rand(1, 3, 4, 4, requires_grad=True)).requires_grad


def test_a_pool_taken_up_again_goes_on_as_if_never_stopped():
    pool = ImagePool(3, 7)
    for k in range(8):
        _give(pool, k)
    again = ImagePool(3, 7)
    again.restore(pool.pictures().clone(), pool.seen)
    assert [_give(again, k) for k in range(8, 40)] == [_give(pool, k) for k in range(8, 40)]


def test_a_pool_taken_up_before_it_was_full_fills_on():
    again = ImagePool(3, 7)
    again.restore(torch.stack([_picture(0)]), 1)
    assert [_give(again, k) for k in (1, 2)] == [1, 2]
    assert _held(again) == [0, 1, 2]


def test_pools_of_other_seeds_choose_otherwise():
    one, other = ImagePool(3, 7, 0), ImagePool(3, 7, 1)
    assert [_give(one, k) for k in range(30)] != [_give(other, k) for k in range(30)]


def _picture(value: int) -> torch.Tensor:
    return torch.full((3, 2, 2), float(value))


def _give(pool: ImagePool, value: int) -> int:
    return int(pool.query(_picture(value)[None])[0, 0, 0, 0])


def _held(pool: ImagePool) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pool.pictures()]
