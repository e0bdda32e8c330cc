from dataclasses import replace

import pytest

from accel.forecast.device import H100
from accel.forecast.spread import Replicated, Sharded, Split
from accel.forecast.steps import Line, Pace, efficiency, step_time
from tests.forecast.test_work import WORK


def test_one_rank_exchanges_nothing():
    alone = step_time(WORK, Sharded(), H100, 1)
    assert alone.exchange_s == 0
    assert alone.compute_s == WORK.flops / (989e12 * 0.4)
    assert alone.total_s == alone.compute_s + alone.optimizer_s


def test_a_measured_computation_takes_the_place_of_the_constants():
    pace = Pace(Line(2.5, 0.0), optimizer_s=1.0, overhead=Line(0.5, 0.0))
    one, two = (step_time(WORK, Replicated(), H100, ranks, pace) for ranks in (1, 2))
    assert one.compute_s == two.compute_s == 2.5 * WORK.accumulate
    assert (one.overhead_s, two.overhead_s) == (0, 0.5 * WORK.accumulate)
    assert two.total_s == two.compute_s + two.exposed_s + two.overhead_s + two.optimizer_s


def test_what_cannot_hide_is_exposed():
    small = replace(WORK, tokens=64)
    hiding, not_hiding = (step_time(small, Replicated(), replace(H100, overlaps=o), 64) for o in (True, False))
    assert not_hiding.exposed_s == not_hiding.exchange_s
    assert hiding.exposed_s == pytest.approx(hiding.exchange_s - hiding.compute_s * small.backward_share)
    assert hiding.limit == "communication"
    assert efficiency(step_time(small, Replicated(), H100, 1), hiding) < 0.2


def test_enough_tokens_hide_it():
    one, many = (step_time(replace(WORK, tokens=2**17), Replicated(), H100, p) for p in (1, 8))
    assert efficiency(one, many) > 0.95
    assert many.limit == "compute"
    assert many.tokens == 8 * 2**17


def test_split_ranks_share_tokens_and_computation():
    one, eight = (step_time(WORK, Split(), H100, p) for p in (1, 8))
    assert eight.tokens == one.tokens
    assert eight.compute_s == pytest.approx(one.compute_s / 8)


def test_sharded_ranks_update_their_part_alone():
    one, eight = (step_time(WORK, Sharded(), H100, p) for p in (1, 8))
    assert eight.optimizer_s == pytest.approx(one.optimizer_s / 8)
