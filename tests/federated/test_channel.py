"""Both sides over a socket pair, and what somebody in between or on the other side may try."""

import json
import resource
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from accel.federated import channel as module
from accel.federated.channel import HEADER, MAC_BYTES, TENSORS, WORDS, ChannelError, admit, call, finite

SECRET = b"a secret of thirty-two characters"


@pytest.fixture
def ends():
    pair = socket.socketpair()
    yield pair
    for end in pair:
        end.close()


def greeted(ends, mine=SECRET, theirs=SECRET, within=5.0):
    with ThreadPoolExecutor(2) as pool:
        return [pool.submit(side, end, key, within=within) for side, end, key in zip((admit, call), ends, (mine, theirs), strict=True)]  # fmt: skip


@pytest.fixture
def session(ends):
    return [side.result() for side in greeted(ends)]


def test_words_and_tensors_come_as_they_were_sent(session):
    aggregator, owner = session
    weight = torch.randn(3, 4).bfloat16()
    owner.send({"round": 3}, {"w": weight}, within=5)
    words, tensors = aggregator.receive(within=5, largest=10_000)
    assert words["round"] == 3
    assert torch.equal(tensors["w"], weight)
    aggregator.send({"done": True}, within=5)
    assert owner.receive(within=5) == ({"done": True, "tensors": False}, {})
    assert owner.bytes_sent == aggregator.bytes_received > 24


def test_a_wrong_secret_is_refused_on_both_sides(ends):
    for side in greeted(ends, theirs=b"another secret"):
        with pytest.raises(ChannelError, match="secret"):
            side.result()


def test_an_aggregator_that_knows_no_secret_is_found_out(ends):
    """It lets everybody in; the owner asks it for its proof."""

    def impostor(end):
        module._greet(end, {"accel": 1, "nonce": bytes(32).hex()}, module.Deadline(5))
        module._greeting(end, module.Deadline(5))
        module._greet(end, {"proof": bytes(32).hex()}, module.Deadline(5))

    thread = threading.Thread(target=impostor, args=(ends[0],))
    thread.start()
    with pytest.raises(ChannelError, match="not the aggregator"):
        call(ends[1], SECRET, within=5)
    thread.join()


def test_an_owners_proof_turned_round_is_no_aggregators(ends):
    """Reflection: whoever sends an owner's own words back."""

    def mirror(end):
        module._greet(end, {"accel": 1, "nonce": bytes(32).hex()}, module.Deadline(5))
        module._greet(end, module._greeting(end, module.Deadline(5)), module.Deadline(5))

    thread = threading.Thread(target=mirror, args=(ends[0],))
    thread.start()
    with pytest.raises(ChannelError, match="not the aggregator"):
        call(ends[1], SECRET, within=5)
    thread.join()


def recorded(session, words, tensors=None):
    """The bytes of a frame, as somebody in between sees them."""
    aggregator, owner = session
    owner.send(words, tensors, within=5)
    return aggregator.connection.recv(1 << 20)


def test_a_replayed_frame_is_refused(session):
    aggregator, owner = session
    frame = recorded(session, {"round": 1})
    owner.connection.sendall(frame + frame)
    assert aggregator.receive(within=5)[0]["round"] == 1
    with pytest.raises(ChannelError, match="forged, replayed"):
        aggregator.receive(within=5)


def test_a_frame_of_another_session_is_refused(session):
    frame = recorded(session, {"round": 1})
    first, second = socket.socketpair()
    other = [side.result() for side in greeted((first, second))]
    second.sendall(frame)
    with pytest.raises(ChannelError, match="forged, replayed"):
        other[0].receive(within=5)
    first.close()
    second.close()


@pytest.mark.parametrize("place", [0, 5, HEADER.size + 2, HEADER.size + MAC_BYTES + 4, -1])
def test_a_changed_bit_is_seen_wherever_it_is(session, place):
    frame = bytearray(recorded(session, {"round": 1}))
    frame[place] ^= 1
    session[1].connection.sendall(frame)
    with pytest.raises(ChannelError, match="forged, replayed or damaged"):
        session[0].receive(within=5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_frame_that_is_cut_ends_at_once(session, share):
    frame = recorded(session, {"round": 1})
    session[1].connection.sendall(frame[: int(share * len(frame))])
    session[1].close()
    with pytest.raises(ChannelError, match="was closed"):
        session[0].receive(within=60)


@pytest.mark.parametrize("knows", [True, False], ids=["an owner", "a stranger"])
def test_ten_gigabytes_are_refused_before_there_is_room_for_them(session, knows):
    aggregator, owner = session
    header = HEADER.pack(WORDS, 10 << 30)
    mac = module._mac(owner.sending, 0, header) if knows else bytes(MAC_BYTES)
    owner.connection.sendall(header + mac)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ChannelError, match="10737418240 bytes" if knows else "forged"):
        aggregator.receive(within=5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_a_greeting_is_bounded_too(ends):
    ends[1].sendall(struct.pack(">I", 1 << 31))
    with pytest.raises(ChannelError, match="greeting of 2147483648 bytes"):
        admit(ends[0], SECRET, within=5)


@pytest.mark.parametrize("said", [b"no json", b"[1]", b"{}", b'{"nonce": "ab"}', b'{"nonce": 3}', b"[" * 500])
def test_a_greeting_that_is_none_is_refused(ends, said):
    ends[1].sendall(struct.pack(">I", len(said)) + said)
    with pytest.raises(ChannelError):
        admit(ends[0], SECRET, within=5)


def test_more_tensors_than_expected_are_refused(session):
    session[1].send({}, {"w": torch.zeros(1000)}, within=5)
    with pytest.raises(ChannelError, match="at most 100 are allowed"):
        session[0].receive(within=5, largest=100)


def test_what_is_no_safetensors_is_refused(session):
    aggregator, owner = session
    owner._send(WORDS, json.dumps({"tensors": True}).encode(), module.Deadline(5))
    owner._send(TENSORS, b"\x80\x04\x95 a pickle", module.Deadline(5))
    with pytest.raises(ChannelError, match="no safetensors"):
        aggregator.receive(within=5, largest=1000)


def test_who_drips_is_not_waited_for_longer_than_agreed(session):
    """A deadline for the whole, not for each read."""
    frame, stop = recorded(session, {"round": 1}), threading.Event()

    def drip():
        for byte in frame:
            if stop.wait(0.05):
                return
            session[1].connection.sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(ChannelError, match="no answer within 0.3 s"):
        session[0].receive(within=0.3)
    assert time.monotonic() - begun < 2
    stop.set()
    thread.join()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "3", None, True])
def test_only_numbers_are_numbers(value):
    assert finite(3, "loss") == 3.0
    with pytest.raises(ChannelError, match="loss is"):
        finite(value, "loss")
