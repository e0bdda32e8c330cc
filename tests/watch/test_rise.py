"""Alarms are as rare as promised and come as soon as promised, by simulation; sums by hand."""

import math

import numpy as np
import pytest

from accel.watch.rise import Watch, highest, risen

WATCH = Watch(usual=0.2, odds_ratio=2.0, texts_between_false_alarms=1_000)


def first_alarm(hits, watch=WATCH):
    return next((n for n, (_, since) in enumerate(watch.sums(hits), 1) if since is not None), None)


def test_the_sum_is_of_log_likelihood_ratios_and_begins_anew():
    assert risen(0.2, 2.0) == pytest.approx(1 / 3)
    hit, miss = math.log((1 / 3) / 0.2), math.log((2 / 3) / 0.8)
    watch = Watch(0.2, 2.0, math.exp(2.5 * hit + miss))
    found = list(watch.sums([False, True, False, True, True]))
    assert [since for _, since in found] == [None, None, None, None, 1]
    assert [total for total, _ in found] == pytest.approx([0, hit, hit + miss, 2 * hit + miss, 3 * hit + miss])


def test_after_an_alarm_the_sum_starts_from_nothing():
    watch = Watch(0.2, 2.0, 2.0)
    (one, first), (two, second) = list(watch.sums([True] * 4))[1:4:2]
    assert (first, second) == (0, 2)
    assert one == two


def test_false_alarms_are_as_rare_as_promised_and_not_when_the_limit_is_lower():
    draws = np.random.default_rng(0).random((60, 20_000)) < WATCH.usual
    apart = [first_alarm(row.tolist()) or draws.shape[1] for row in draws]
    assert np.mean(apart) > 1_000
    hasty = Watch(0.2, 2.0, 10)  # negative control
    assert np.mean([first_alarm(row.tolist(), hasty) for row in draws]) < 1_000


def test_a_rise_is_found_about_as_soon_as_told():
    draws = np.random.default_rng(1).random((400, 2_000)) < WATCH.risen
    found = np.mean([first_alarm(row.tolist()) for row in draws])
    assert found == pytest.approx(WATCH.delay_texts, rel=0.25)


def test_the_highest_likely_share_is_wilsons():
    assert highest(20, 100) == pytest.approx(0.2733, abs=5e-5)
    assert highest(0, 100) == pytest.approx(0.0263, abs=5e-5)
    assert 0.999 < highest(100, 100) < 1
