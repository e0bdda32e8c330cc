"""Real owners over loopback, and what bad ones try."""

import socket
import threading
import time

import pytest
import torch

from accel.errors import RunError
from accel.federated.channel import ChannelError
from accel.federated.choices import SentAs
from accel.federated.roster import Roster, sent_parts, taken_parts
from tests.federated.fake_owner import SECRET, FakeOwner, joined, moved_by

LIKE = {"layer.weight": torch.zeros(2, 3), "layer.bias": torch.zeros(3)}
WEIGHTS = list(LIKE.values())


@pytest.fixture
def roster():
    said = []
    found = Roster(
        address=("127.0.0.1", 0), secret=SECRET, places=3, told={"frozen": "f"}, like=LIKE, sent_as=SentAs.none,
        answer_s=1.5, say=said.append,
    )  # fmt: skip
    found.said = said
    yield found
    found.close({"later": True})


def asked(roster, slots=(0, 1, 2), number=0):
    return roster.round({"round": number, "rates": [0.1]}, slots, WEIGHTS)


def until(condition, what):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def named(slots, roster):
    return {roster.name(slot) for slot in slots}


def test_owners_are_asked_and_answer(roster):
    owners = [FakeOwner(roster.address, "anna", moved_by(1.0), examples=3), FakeOwner(roster.address, "bert")]
    roster.wait(2, within=10)
    answers, left = asked(roster)
    assert not left
    found = {roster.name(slot): answer for slot, answer in answers.items()}
    assert (found["anna"].examples, found["bert"].examples) == (3, 1)
    assert [u.unique().tolist() for u in found["anna"].updates] == [[1.0], [1.0]]
    assert found["anna"].bytes_up > 9 * 4
    roster.close({"done": True})
    for owner in owners:
        owner.join(10)
        assert "done" in owner.heard[-1]


def test_only_who_is_drawn_is_asked(roster):
    FakeOwner(roster.address, "anna")
    roster.wait(1, within=10)
    assert asked(roster, slots=[1, 2]) == ({}, {})
    assert len(asked(roster, slots=[0])[0]) == 1


def test_an_owner_that_does_not_come_is_waited_for_and_named(roster):
    FakeOwner(roster.address, "anna")
    roster.wait(1, within=10)
    with pytest.raises(RunError, match=r"2 owners did not join within strategy.timeout_s=0.2 s; there: anna"):
        roster.wait(2, within=0.2)


def nan(channel, words, tensors):
    moved_by(float("nan"))(channel, words, tensors)


def other_shape(channel, words, tensors):
    parts = sent_parts({name: torch.zeros(5) for name in tensors}, SentAs.none)
    channel.send({"round": words["round"], "loss": 0.5}, parts, within=10)


def other_names(channel, words, tensors):
    channel.send({"round": words["round"], "loss": 0.5}, {"values|x": torch.zeros(3)}, within=10)


def other_format(channel, words, tensors):
    parts = sent_parts({name: t.double() for name, t in tensors.items()}, SentAs.none)
    channel.send({"round": words["round"], "loss": 0.5}, parts, within=10)


def too_much(channel, words, tensors):
    channel.send({"round": words["round"], "loss": 0.5}, {"values|x": torch.zeros(100_000)}, within=10)


def nothing(channel, words, tensors):
    channel.send({"round": words["round"], "loss": 0.5}, within=10)


def another_round(channel, words, tensors):
    moved_by(0.0)(channel, {"round": words["round"] - 1}, tensors)


def loss_that_is_none(channel, words, tensors):
    parts = sent_parts(tensors, SentAs.none)
    channel.send({"round": words["round"], "loss": float("inf")}, parts, within=10)


def silent(channel, words, tensors):
    del channel, words, tensors


def gone(channel, words, tensors):
    channel.close()


def killed_while_sending(channel, words, tensors):
    channel.connection.sendall(b"\x01" * 20)
    channel.close()


def replays_its_last(channel, words, tensors):
    if not hasattr(channel, "last"):
        sent = []
        real = channel.connection

        class Ear:
            def __getattr__(self, name):
                return getattr(real, name)

            def sendall(self, content):
                sent.append(content)
                real.sendall(content)

        channel.connection = Ear()
        moved_by(1.0)(channel, words, tensors)
        channel.connection, channel.last = real, b"".join(sent)
    else:
        channel.connection.sendall(channel.last)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (nan, "NaN"),
        (other_shape, r"\[5\]"),
        (other_names, "other tensors"),
        (other_format, "float64"),
        (too_much, "are allowed"),
        (nothing, "other tensors"),
        (another_round, "has answered round -1"),
        (loss_that_is_none, "its loss is inf"),
        (silent, "no answer within 1.5 s"),
        (gone, "connection was closed"),
        (killed_while_sending, "forged, replayed or damaged|connection"),
    ],
)
def test_a_bad_owner_is_left_out_by_name_and_the_round_goes_on(roster, bad, why):
    import re

    FakeOwner(roster.address, "good")
    FakeOwner(roster.address, "bad", bad)
    roster.wait(2, within=10)
    begun = time.monotonic()
    answers, left = asked(roster)
    assert named(answers, roster) == {"good"}
    assert re.search(why, left["bad"])
    assert any("bad is left out" in line for line in roster.said)
    assert time.monotonic() - begun < 4
    assert named(asked(roster, number=1)[0], roster) >= {"good"}  # and nobody else suffers


def test_a_replayed_update_is_refused(roster):
    FakeOwner(roster.address, "anna", replays_its_last)
    roster.wait(1, within=10)
    assert len(asked(roster)[0]) == 1
    assert "replayed" in asked(roster, number=0)[1]["anna"]


def test_who_was_left_out_is_told_and_may_answer_the_next_round(roster):
    owner = FakeOwner(roster.address, "anna", lambda c, w, t: (nan if w["round"] == 0 else moved_by(1.0))(c, w, t))
    roster.wait(1, within=10)
    assert asked(roster)[1]
    until(lambda: any("left_out" in words for words in owner.heard), "told")
    assert len(asked(roster, number=1)[0]) == 1


def test_a_stranger_with_another_secret_is_not_let_in(roster):
    with pytest.raises(ChannelError, match="secret"):
        joined(roster.address, "eve", secret=b"x" * 32)
    until(lambda: any("Refused 127.0.0.1" in line for line in roster.said), "told")
    assert not roster.present()


def test_strangers_that_say_nothing_keep_nobody_out(roster):
    idle = [socket.create_connection(roster.address) for _ in range(20)]
    FakeOwner(roster.address, "anna")
    roster.wait(1, within=5)
    for connection in idle:
        connection.close()


@pytest.mark.parametrize(
    ("examples", "frozen", "why"),
    [
        (0, "f", "has 0 examples"),
        ("many", "f", "is no number"),
        (float("nan"), "f", "no number"),
        (1, "g", "same model"),
    ],
)
def test_an_owner_that_does_not_fit_is_not_let_in(roster, examples, frozen, why):
    from accel.federated.channel import call

    channel = call(socket.create_connection(roster.address), SECRET, within=5)
    channel.send({"name": "eve"}, within=5)
    channel.receive(within=5)
    channel.send({"examples": examples, "frozen": frozen}, within=5)
    until(lambda: any(why in line for line in roster.said), roster.said)
    assert not roster.present()
    channel.close()


def test_a_name_is_taken_only_as_long_as_somebody_has_it(roster):
    first = joined(roster.address, "anna")
    roster.wait(1, within=5)
    second = joined(roster.address, "anna")
    assert "there already" in second.receive(within=5)[0]["refused"]
    first.close()
    until(lambda: not roster.present(), "gone")
    third = joined(roster.address, "anna")
    roster.wait(1, within=5)
    assert roster.present()[0].slot == 0
    for channel in (second, third):
        channel.close()


def test_there_are_no_more_places_than_owners_were_agreed(roster):
    channels = [joined(roster.address, f"owner {n}") for n in range(3)]
    roster.wait(3, within=5)
    late = joined(roster.address, "one more")
    assert "all strategy.clients=3 places are taken" in late.receive(within=5)[0]["refused"]
    for channel in (late, *channels):
        channel.close()


def test_a_port_in_use_is_told(roster):
    host, port = roster.address
    with pytest.raises(RunError, match=f"strategy.listen={host}:{port} cannot be listened on"):
        Roster(
            address=(host, port), secret=SECRET, places=1, told={}, like=LIKE, sent_as=SentAs.none, answer_s=1
        )  # fmt: skip


@pytest.mark.parametrize("sent_as", SentAs)
def test_what_was_sent_is_what_is_taken(sent_as):
    torch.manual_seed(0)
    updates = {name: torch.randn_like(t) for name, t in LIKE.items()}
    taken = taken_parts(sent_parts(updates, sent_as), LIKE, sent_as)
    for update, found in zip(updates.values(), taken, strict=True):
        assert (update - found).abs().max() <= update.abs().max() / (127 if sent_as is SentAs.int8 else 250)


def test_expected_formats_draw_no_random_numbers():
    """The aggregator's generator is that of its run."""
    before = torch.get_rng_state()
    with pytest.raises(ChannelError):
        taken_parts({}, LIKE, SentAs.int8)
    assert torch.equal(before, torch.get_rng_state())


def test_closing_ends_the_thread(roster):
    roster.close({"done": True})
    roster.thread.join(5)
    assert not roster.thread.is_alive()
    assert threading.active_count() < 20
