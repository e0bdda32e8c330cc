from dataclasses import replace

import pytest

from accel.forecast.device import Kind, Link
from accel.forecast.spread import Alone, Collective, Replicated, Sharded, Split
from tests.forecast.test_work import WORK

LINK = Link(alpha_s=1e-5, beta_bytes_per_s=1e10)
P = WORK.shape.num_parameters


def moved(spread):
    """Bytes that a rank of very many sends in one step."""
    return sum(c.bytes * c.count * c.kind.passes for c in spread.collectives(WORK))


def test_an_all_reduce_by_hand():
    seconds = Collective(1e9, 3, Kind.all_reduce, hidden=True).seconds(4, LINK)
    assert seconds == pytest.approx(3 * 2 * (0.75 * 1e9 / 1e10 + 2 * 1e-5))


def test_sharding_sends_half_as_much_again_as_replication():
    """Rajbhandari et al. 2020, section 7: 3 against 2 volumes of the parameters."""
    assert moved(Replicated()) == pytest.approx(2 * 4 * P)
    assert moved(Sharded()) == pytest.approx(3 * 4 * P)
    assert moved(Sharded(gathers=1)) == pytest.approx(2 * 4 * P)
    assert moved(Replicated(gradient_bytes=2)) == pytest.approx(moved(Replicated()) / 2)
    assert moved(Alone()) == 0


def test_splitting_sends_activations_four_times_a_layer_and_hides_none():
    (only,) = Split().collectives(WORK)
    assert only.count == 4 * WORK.shape.num_layers
    assert only.bytes == 4096 * WORK.shape.width * 2
    assert not only.hidden
    assert Split().collectives(replace(WORK, checkpointing=True))[0].count == 6 * WORK.shape.num_layers


def test_what_a_rank_holds():
    assert Replicated().bytes_per_rank(WORK, 8) == Alone().bytes_per_rank(WORK, 1)
    sharded = Sharded().bytes_per_rank(WORK, 8)
    assert sharded == pytest.approx(WORK.state_bytes / 8 + WORK.activation_bytes + 2 * 4 * WORK.shape.largest_unit)
    assert Split().state_share(WORK, 8) > 1 / 8  # embeddings stay whole
    assert Split().passing_bytes(WORK, 8) == WORK.activation_bytes / 8


def test_frozen_weights_are_gathered_but_not_reduced():
    lora = replace(WORK, trained_share=0.001)
    gathered, reduced = Sharded().collectives(lora)
    assert gathered.bytes > 900 * reduced.bytes
