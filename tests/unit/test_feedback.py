"""What becomes of pictures that people sent, decided on small cases that were worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pawtrait.dataset import feedback
from pawtrait.dataset.feedback import Candidate, Earlier, Ruling, Sent, Verdict
from pawtrait.dataset.manifest import Record
from pawtrait.params import Feedback
from tests.rows import record

START = datetime(2026, 11, 3, 12, tzinfo=UTC)
KNOBS = Feedback(
    reviewers=2,
    most_reviews=3,
    quorum=3,
    quorum_share=0.75,
    client_pictures=4,
    client_share=0.5,
    client_always=2,
    least_kappa=0.4,
)


def sent(client: str, label: str | None = "sad", minute: int = 0, in_house: bool = False) -> Sent:
    return Sent(client, START + timedelta(minutes=minute), label, in_house)


def candidate(name: str, *said: Sent, reviews: Sequence[str] = ()) -> Candidate:
    """A picture; the reviewers r0, r1 … said ``reviews``."""
    verdicts = tuple(Verdict(f"r{n}", verdict) for n, verdict in enumerate(reviews))
    return Candidate(name, said or (sent("ann"),), verdicts)


def look(name: str, path: str = "", published: str = "", hashes: str = "") -> Record:
    """A record whose two perceptual hashes are the given one, or none."""
    path = path or f"{feedback.HOME}/{name}"
    return record(
        path,
        id=name,
        label="",
        group="",
        source="feedback",
        published=published,
        dhash=hashes,
        phash=hashes,
    )


def judge(
    candidates: Sequence[Candidate], problems=(), looks=None, known=(), earlier=(), knobs=KNOBS
) -> list[Ruling]:
    seen = {one.picture: look(one.picture) for one in candidates} if looks is None else looks
    return feedback.judge(
        candidates, dict(problems), seen, known, earlier, knobs=knobs, distances=(4, 6), month="2026-11"
    )


def outcome(one: Candidate, knobs: Feedback = KNOBS) -> tuple[str, str | None]:
    [ruling] = judge([one], knobs=knobs)
    return ruling.outcome, ruling.label


def test_two_reviewers_who_agree_settle_a_picture_with_their_mood_and_not_the_users():
    assert outcome(candidate("p", sent("ann", "sad"), reviews=["happy", "happy"])) == ("accepted", "happy")


@pytest.mark.parametrize("reviews", [[], ["happy"], ["happy", "sad"]])
def test_less_than_two_who_agree_leave_it_waiting(reviews):
    assert outcome(candidate("p", reviews=reviews)) == ("waiting", None)


def test_a_third_reviewer_decides_between_two():
    assert outcome(candidate("p", reviews=["happy", "sad", "sad"])) == ("accepted", "sad")


def test_three_reviewers_with_three_opinions_reject_a_picture():
    [ruling] = judge([candidate("p", reviews=["happy", "sad", "angry"])])
    assert (ruling.outcome, ruling.reason) == ("rejected", "3 reviewers do not agree: happy, sad, angry")


def test_a_picture_that_two_call_unusable_is_rejected_with_their_reasons():
    verdicts = (Verdict("r0", "unusable", "no pet"), Verdict("r1", "unusable", "a chair"))
    [ruling] = judge([Candidate("p", (sent("ann"),), verdicts)])
    assert ruling == Ruling("p", "rejected", "2 of 2 reviewers say unusable: a chair; no pet")


def test_an_annotators_label_is_one_reviewers_verdict():
    label = sent("carla", "angry", in_house=True)
    assert outcome(candidate("p", label, reviews=["angry"])) == ("accepted", "angry")
    assert outcome(candidate("p", label)) == ("waiting", None)


def test_an_annotator_who_reviews_too_is_one_person():
    one = Candidate("p", (sent("carla", "angry", in_house=True),), (Verdict("carla", "angry"),))
    assert outcome(one) == ("waiting", None)


def test_three_users_who_say_the_same_are_a_quorum():
    said = [sent(client, "sad") for client in ("ann", "ben", "cem")]
    assert outcome(candidate("p", *said)) == ("accepted", "sad")
    assert outcome(candidate("p", *said[:2])) == ("waiting", None)


def test_one_user_is_no_quorum_however_often_they_say_it():
    assert outcome(candidate("p", *[sent("ann", "sad", minute) for minute in range(9)])) == ("waiting", None)


@pytest.mark.parametrize(("against", "expected"), [(1, "accepted"), (2, "waiting")])
def test_a_quorum_needs_its_share_of_all_who_spoke(against, expected):
    """3 of 4 are 0.75, 3 of 5 are 0.6."""
    said = [sent(f"for{n}", "sad") for n in range(3)] + [sent(f"not{n}", "happy") for n in range(against)]
    assert outcome(candidate("p", *said))[0] == expected


def test_a_users_last_word_counts():
    said = [sent("ann", "happy", 1), sent("ben", "sad", 2), sent("cem", "sad", 3), sent("ann", "sad", 4)]
    assert outcome(candidate("p", *said)) == ("accepted", "sad")


def test_one_reviewer_who_contradicts_stops_a_quorum():
    said = [sent(client, "sad") for client in ("ann", "ben", "cem")]
    assert outcome(candidate("p", *said, reviews=["happy"]))[0] == "waiting"
    assert outcome(candidate("p", *said, reviews=["sad"]))[0] == "accepted"


def test_without_a_quorum_in_the_parameters_reviewers_alone_decide():
    said = [sent(f"c{n}", "sad") for n in range(50)]
    assert outcome(candidate("p", *said), KNOBS.model_copy(update={"quorum": 0}))[0] == "waiting"


def test_a_clients_pictures_count_up_to_its_limit_of_a_month():
    many = [candidate(f"p{n}", sent("ann", minute=n)) for n in range(6)]
    rulings = judge(many)
    assert [ruling.outcome for ruling in rulings] == ["waiting"] * 4 + ["rejected"] * 2
    assert rulings[-1].reason == "its sender sent more than 4 pictures in 2026-11 (feedback.client_pictures)"


def test_what_a_part_of_the_month_settled_counts_towards_the_limit():
    before = [Earlier(f"e{n}", "2026-11", n < 2, (sent("ann", minute=n),)) for n in range(3)]
    rulings = judge([candidate(f"p{n}", sent("ann", minute=9 + n)) for n in range(3)], earlier=before)
    assert [ruling.outcome for ruling in rulings] == ["waiting", "rejected", "rejected"]


def test_the_limit_starts_anew_with_each_month_and_is_none_for_annotators():
    november = [candidate(f"n{n}", sent("ann", minute=n)) for n in range(4)]
    december = candidate("d", Sent("ann", datetime(2026, 12, 1, tzinfo=UTC), "sad", False))
    house = [candidate(f"h{n}", sent("carla", minute=n, in_house=True)) for n in range(9)]
    assert {ruling.outcome for ruling in judge([*november, december, *house])} == {"waiting"}


def test_a_picture_beyond_one_clients_limit_still_counts_for_another():
    many = [candidate(f"p{n}", sent("ann", minute=n)) for n in range(4)]
    shared = candidate("shared", sent("ann", minute=9), sent("ben", minute=10))
    assert judge([*many, shared])[-1].outcome == "waiting"


def test_votes_beyond_the_limit_do_not_count_towards_a_quorum():
    many = [candidate(f"p{n}", sent("ann", minute=n)) for n in range(4)]
    voted = candidate("v", sent("ben", "sad", 1), sent("cem", "sad", 2), sent("ann", "sad", 9))
    assert judge([*many, voted])[-1].outcome == "waiting"
    assert judge([voted])[-1].outcome == "accepted"


def test_poison_from_one_client_does_not_get_in():
    """Two hundred pictures with wrong moods from one client, sent again and again: none is accepted."""
    poison = [
        candidate(f"{n:03d}", *[sent("mallory", "angry", n + 500 * again) for again in range(5)])
        for n in range(200)
    ]
    rulings = judge(poison)
    assert sum(ruling.outcome == "rejected" for ruling in rulings) == 196
    assert sum(ruling.outcome == "accepted" for ruling in rulings) == 0


def test_poison_that_reviewers_see_enters_with_what_they_see_and_within_its_share():
    """4 of mallory's pictures are reviewed, and 2 of ann's: half of what is accepted may be mallory's."""
    poison = [candidate(f"m{n}", sent("mallory", "angry", n), reviews=["happy", "happy"]) for n in range(4)]
    fair = [candidate(f"a{n}", sent("ann", "sad", n), reviews=["sad", "sad"]) for n in range(2)]
    rulings = {ruling.picture: ruling for ruling in judge([*poison, *fair])}
    assert {ruling.label for ruling in rulings.values()} == {"happy", "sad", None}
    assert [rulings[f"m{n}"].outcome for n in range(4)] == ["accepted", "accepted", "held", "held"]
    assert rulings["m3"].reason.startswith("its sender has 4 of 6 accepted pictures, where 2 are allowed ")


def test_a_share_is_of_the_month_with_all_its_parts():
    """2 of mallory's are in already, as many as always may be; a third is a third too many of four."""
    before = [Earlier(f"e{n}", "2026-11", True, (sent("mallory", minute=n),)) for n in range(2)]
    more = candidate("m", sent("mallory", minute=9), reviews=["sad", "sad"])
    fair = candidate("a", sent("ann", minute=9), reviews=["sad", "sad"])
    rulings = {ruling.picture: ruling for ruling in judge([more, fair], earlier=before)}
    assert (rulings["m"].outcome, rulings["a"].outcome) == ("held", "accepted")
    assert rulings["m"].reason.startswith("its sender has 3 of 4 accepted pictures, where 2 are allowed ")
    october = [replace(one, month="2026-10") for one in before]
    assert {one.outcome for one in judge([more, fair], earlier=october)} == {"accepted"}


def test_what_several_clients_or_annotators_sent_is_nobodys_share():
    shared = [
        candidate(f"s{n}", sent("ann", "sad", n), sent("ben", "sad", n), reviews=["sad", "sad"])
        for n in range(4)
    ]
    house = [
        candidate(f"h{n}", sent("carla", "sad", n, in_house=True), reviews=["sad", "sad"]) for n in range(4)
    ]
    assert {ruling.outcome for ruling in judge(shared)} == {"accepted"}
    assert {ruling.outcome for ruling in judge(house)} == {"accepted"}


def test_what_is_wrong_with_a_picture_rejects_it_whoever_agrees():
    one = candidate("p", reviews=["sad", "sad"])
    assert judge([one], {"p": "20x20 px"}) == [Ruling("p", "rejected", "20x20 px")]


def test_a_picture_that_nobody_looked_at_is_held_and_not_rejected():
    [ruling] = judge([candidate("p", reviews=["sad", "sad"])], looks={})
    assert ruling.outcome == "held"


CLOSE, FAR = "00000000000000ff", "ffffffff00000000"  # 0000000000000000 is 8 and 32 bits away
NEAR = "000000000000000f"  # 4 bits


@pytest.mark.parametrize("split", ["test", "valid"])
def test_a_copy_of_a_test_or_validation_picture_never_enters_training(split):
    one = candidate("p", reviews=["sad", "sad"])
    known = look("k", f"{split}/sad/1.png", split, "0" * 16)
    [ruling] = judge([one], looks={"p": look("p", hashes=NEAR)}, known=[known])
    assert ruling.outcome == "rejected"
    assert ruling.reason == f"copy of {split}/sad/1.png, and no copy of a {split} picture enters training"


@pytest.mark.parametrize("hashes", [CLOSE, FAR])
def test_a_picture_that_only_resembles_a_known_one_is_none_of_its_copies(hashes):
    one = candidate("p", reviews=["sad", "sad"])
    known = look("k", "test/sad/1.png", "test", "0" * 16)
    assert judge([one], looks={"p": look("p", hashes=hashes)}, known=[known])[0].outcome == "accepted"


def test_the_same_bytes_as_a_training_picture_are_a_copy():
    found = feedback.copies([look("k")], [look("k", "train/sad/1.png", "train")], distances=(4, 6))
    assert found == {"k": "copy of train/sad/1.png, which the data set has already"}


def test_a_copy_by_way_of_another_is_a_copy_of_the_test_picture():
    """p is 4 bits from q, q is 4 bits from the test picture, p is 8 bits from it."""
    looks = [look("p", hashes="00000000000000ff"), look("q", hashes="000000000000000f")]
    found = feedback.copies(looks, [look("k", "test/sad/1.png", "test", "0" * 16)], distances=(4, 6))
    assert found.keys() == {"p", "q"}


def test_of_copies_in_quarantine_the_oldest_stays():
    first, second = candidate("b", sent("ann", minute=1)), candidate("a", sent("ben", minute=2))
    looks = {name: look(name, hashes="0" * 16) for name in "ab"}
    rulings = {ruling.picture: ruling for ruling in judge([second, first], looks=looks)}
    assert rulings["b"].outcome == "waiting"
    assert rulings["a"].reason == "copy of picture b, which came earlier"


def test_a_picture_that_is_refused_anyway_makes_no_other_a_copy():
    first, second = candidate("b", sent("ann", minute=1)), candidate("a", sent("ben", minute=2))
    looks = {name: look(name, hashes="0" * 16) for name in "ab"}
    rulings = {ruling.picture: ruling for ruling in judge([first, second], {"b": "too dark"}, looks=looks)}
    assert rulings["a"].outcome == "waiting"


def test_a_reviewer_is_asked_for_what_waits_and_what_they_did_not_see():
    fresh, seen = candidate("b"), candidate("a", reviews=["sad"])
    done, house = (
        candidate("c", reviews=["sad", "sad"]),
        candidate("d", sent("carla", "sad", in_house=True)),
    )
    candidates = {one.picture: one for one in (fresh, seen, done, house)}
    rulings = judge(list(candidates.values()))
    assert feedback.queue(rulings, candidates, "r0") == ["d", "b"]
    assert feedback.queue(rulings, candidates, "carla") == ["a", "b"]
    assert feedback.queue(rulings, candidates, None) == ["a", "d", "b"]


def test_the_order_of_arrival_changes_no_ruling():
    some = [candidate(f"p{n}", sent("ann", minute=n), reviews=["sad"] * (n % 3)) for n in range(7)]
    assert judge(some) == judge(some[::-1])


@pytest.mark.parametrize(
    ("counts", "others", "cap"),
    [([50, 2], 8, 10), ([3], 0, 2), ([], 5, 2), ([6, 6], 0, 6), ([100], 20, 20)],
    ids=["10 of 8+10+2", "alone: what is always fine", "nobody", "half each", "20 of 40"],
)
def test_the_most_of_one_client_is_a_share_of_what_is_then_accepted(counts, others, cap):
    assert feedback._cap(counts, others, share=0.5, always=2) == cap
