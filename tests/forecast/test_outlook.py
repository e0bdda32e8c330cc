import json

import pytest

from accel.config.compose import compose
from accel.errors import DataError
from accel.forecast.device import H100
from accel.forecast.outlook import FREE_SHARE, as_record, outlook, work_of
from accel.plan.decide import decide

SEVEN_B = ["model=qwen2_7b", "strategy=ddp", "strategy.processes=8", "trainer.batch_tokens=8192"]


def forecast(*words):
    return outlook(decide(compose(list(words))), H100)


def test_seven_billion_parameters_do_not_fit_whole_on_one_device():
    rooms = {room.strategy: room for room in forecast(*SEVEN_B).rooms}
    assert not rooms["ddp"].fits
    assert rooms["fsdp"].fits
    assert rooms["ddp"].state_bytes == pytest.approx(16 * 7.07e9, rel=0.01)
    lora = {room.strategy: room for room in forecast(*SEVEN_B, "tuning=lora", "trainer.batch_tokens=1024").rooms}
    assert lora["ddp"].fits


def test_asks_for_the_ranks_of_the_plan_too():
    assert [t.ranks for t in forecast(*SEVEN_B, "strategy.processes=3").times] == [1, 2, 3, 8, 64, 512]


def test_the_work_is_that_of_the_plan():
    work = work_of(
        decide(compose(["model=minilm", "trainer.batch_size=32", "trainer.batch_tokens=null", "tuning=head"]))
    )
    assert (work.tokens, work.sequence_length, work.trained_share, work.product_bytes) == (32 * 64, 64, 0.0, 2)


def test_a_model_of_unknown_sizes_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="config.json that is not on this machine"):
        forecast("model=hub", "model.name=nobody/nothing")


def test_the_record_is_plain():
    assert json.loads(json.dumps(as_record(forecast(*SEVEN_B))))["steps"][0]["ranks"] == 1


def test_activations_count_for_what_fits():
    """The same weights with more tokens; all that the device has but a little is left to it."""
    words = ["model=qwen2_7b", "tuning=head", "strategy=ddp", "strategy.processes=2", "trainer.batch_tokens={}"]
    few, many = (
        {room.strategy: room for room in forecast(*(word.format(tokens) for word in words)).rooms}
        for tokens in (512, 65536)
    )
    for name in ("single", "ddp", "fsdp"):
        assert few[name].state_bytes == many[name].state_bytes < FREE_SHARE * H100.memory_bytes
        assert few[name].bytes == few[name].state_bytes + few[name].passing_bytes
        assert (few[name].fits, many[name].fits) == (True, False)
