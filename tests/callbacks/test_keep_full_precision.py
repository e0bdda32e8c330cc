import queue
import signal

import pytest
import torch

from accel.callbacks.keep_full_precision import NUM_EXAMPLES, KeepFullPrecision, _by_leader
from accel.callbacks.show_progress import ShowProgress
from accel.callbacks.stop_on_signal import StopOnSignal
from accel.compression.qat import Qat
from accel.config.compose import compose
from accel.core.console import Console
from accel.core.metric import ACCURACY
from accel.data.calibration import calibration_batches
from accel.data.prepared import prepare
from accel.errors import Interrupted, NoEffectError
from accel.measure import layer_prices
from accel.measure.layer_prices import FullPrecisionPrices
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.plan.decide import decide


def kept(model):
    return {name for name, why in fake_quantize.full_precision_layers(model).items() if why.startswith("kept")}


pytestmark = pytest.mark.usefixtures("few_rounds")
BY_LATENCY = ["compression.qat.full_precision=0.3", "compression.qat.full_precision_of=latency", "engines=[eager]"]


def test_a_resumed_run_keeps_to_the_choice(train, monkeypatch):
    """Measured again later, with other weights, it could choose others; so it is not measured again."""
    words = ["compression=[qat]", "compression.qat.full_precision=0.3", "compression.qat.scheme=int4_weight_only"]
    words += ["trainer.max_steps=12", "trainer.checkpoint_every_steps=8"]
    whole, _, folder = train(*words)
    assert kept(whole.model)
    monkeypatch.setattr("accel.callbacks.keep_full_precision.divergences", lambda *_: 1 / 0)
    resumed, _, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert kept(resumed.model) == kept(whole.model)


def test_nothing_is_measured_where_nothing_stays(train, monkeypatch):
    monkeypatch.setattr("accel.callbacks.keep_full_precision.divergences", lambda *_: 1 / 0)
    fitted, _, _ = train("compression=[qat]", "trainer.max_steps=4")
    assert not kept(fitted.model)


def by_price(monkeypatch, dear, free=()):
    """Says what engines would have measured: the kinds with these endings cost much or nothing, all others little."""

    def shared_out(rounded, left, weights):
        def price(name):
            return -0.01 if name.endswith(tuple(free)) else 9.0 if name.endswith(tuple(dear)) else 0.01

        return FullPrecisionPrices(
            "eager int8", 1, 1.0, {kind: price(kind) for kind in left}, {n: price(n) for n in weights}
        )

    monkeypatch.setattr("accel.measure.layer_prices.shared_out", shared_out)


def test_layers_are_paid_in_what_was_measured(train, monkeypatch):
    """Negative control: with the prices exchanged, the others stay."""
    words = ["compression=[qat]", "trainer.max_steps=4", *BY_LATENCY]
    for dear, cheap in (("dense", ("query", "key", "value")), (("query", "key", "value"), "dense")):
        by_price(monkeypatch, [dear] if isinstance(dear, str) else dear)
        fitted, _, _ = train(*words)
        assert kept(fitted.model)
        assert all(name.endswith(cheap) for name in kept(fitted.model))


@pytest.mark.slow
def test_what_is_no_faster_rounded_is_left_whatever_the_budget(train, monkeypatch):
    by_price(monkeypatch, ["dense", "query", "value"], free=["key"])
    fitted, _, _ = train(
        "compression=[qat]", "trainer.max_steps=4", *BY_LATENCY, "compression.qat.full_precision=0.001"
    )
    assert kept(fitted.model) == {f"bert.encoder.layer.{n}.attention.self.key" for n in range(2)}
    (reason, *_) = [why for why in fake_quantize.full_precision_layers(fitted.model).values() if why.startswith("kept")]
    assert "nats if rounded, -0.01 ms if not" in reason
    assert fitted.evidence["qat"]["full_precision_cost"] == {
        "budget": 0.001,
        "spent": 0.0,
        "unit": "ms",
        "engine": "eager int8",
        "num_threads": 1,
        "rounded_ms": 1.0,
        "kinds_ms": fitted.evidence["qat"]["full_precision_cost"]["kinds_ms"],
    }


@pytest.mark.slow
def test_timing_leaves_training_as_it_was(train, monkeypatch):
    """With everything too dear, the run ends with the very weights of one that measured nothing."""
    by_price(monkeypatch, [""])
    monkeypatch.setattr(
        "accel.measure.layer_prices._by_kind", lambda names: {"all": list(names)}
    )  # an export takes seconds
    words = ["compression=[prune,qat]", "trainer.max_steps=6", "compression.qat.begin=0.6"]
    timed, losses, _ = train(*words, *BY_LATENCY, "engines=[onnxruntime]")
    plain, others, _ = train(*words)
    assert not kept(timed.model)
    assert losses == others
    assert all(torch.equal(a, b) for a, b in zip(timed.model.parameters(), plain.model.parameters(), strict=True))


@pytest.mark.slow
def test_a_resumed_run_does_not_time_again(train, monkeypatch):
    words = ["compression=[qat]", *BY_LATENCY, "trainer.max_steps=12", "trainer.checkpoint_every_steps=8"]
    by_price(monkeypatch, ["dense"])
    whole, _, folder = train(*words)
    by_price(monkeypatch, ["query", "key", "value"])
    resumed, _, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert kept(resumed.model) == kept(whole.model)
    assert resumed.evidence["qat"] == whole.evidence["qat"]


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_measures_chooses_when_it_is_resumed(train, monkeypatch, tmp_path):
    """Whoever gives a run a minute to end must not wait for its measurements."""
    words = ["compression=[qat]", *BY_LATENCY, "trainer.max_steps=12"]
    by_price(monkeypatch, ["dense"])
    times, timed = layer_prices.time_models, []

    def interrupted(models, *args):
        timed.append(len(models))
        signal.raise_signal(signal.SIGTERM)
        return times(models, *args)

    with monkeypatch.context() as patch:
        patch.setattr(layer_prices, "time_models", interrupted)
        with pytest.raises(Interrupted):
            train(*words, folder=tmp_path)
    assert timed == [1]  # negative control: a whole choice times twice, the second time all kinds
    resumed, _, _ = train(*words, checkpoint=tmp_path / "checkpoints" / "last.ckpt")
    assert kept(resumed.model)


def test_a_checkpoint_of_an_earlier_version_is_read():
    callback = KeepFullPrecision(Qat(full_precision=0.1))
    callback.load_state_dict({"spared": None})
    assert callback.choice is None


@pytest.mark.slow
def test_a_model_of_which_nothing_would_be_rounded_is_an_error_at_once(train, monkeypatch):
    """Negative control: with its tables rounded, it is smaller all the same."""
    by_price(monkeypatch, [], free=[""])
    words = ["compression=[qat]", "trainer.max_steps=4", *BY_LATENCY]
    fitted, _, _ = train(*words)
    assert len(kept(fitted.model)) == len(fitted.evidence["qat"]["full_precision_layers"]) - 1  # the head
    with pytest.raises(NoEffectError, match="Every layer is at least as fast in full precision"):
        train(*words, "compression.qat.embeddings=false")


class Rank:
    """One of two processes that are threads here: what rank 0 broadcasts, the other gets."""

    def __init__(self, rank, channel, requests=None):
        self.is_global_zero, self.strategy, self.channel = rank == 0, self, channel
        shows = ShowProgress(Console(None, silent=True), "train", 1, ACCURACY)
        stops = StopOnSignal(None)
        stops.requests.received = requests
        self.callbacks = [shows, stops]

    def broadcast(self, value):
        if self.is_global_zero:
            self.channel.put(value)
            return value
        return self.channel.get(timeout=5)


@pytest.mark.parametrize(("request_", "expected"), [(None, {"reasons": {}}), (signal.SIGTERM, None)])
def test_all_processes_get_what_the_first_decides_and_hear_of_it_on_the_way(request_, expected):
    channel = queue.Queue()

    def decide(say):
        for text in "abc":
            say(text)
        return {"reasons": {}}

    assert _by_leader(Rank(0, channel, request_), decide) == expected
    assert channel.qsize() == (4 if expected else 1)
    assert _by_leader(Rank(1, channel), decide) == expected
    assert channel.empty()


def test_texts_of_every_length_are_measured_on(tiny_run, monkeypatch):
    """Negative control: batches are in order of length, so the first alone has the shortest."""
    monkeypatch.setattr("accel.data.calibration.BATCH_TOKENS", 256)
    plan = decide(compose([*tiny_run, "compression=[ptq]", "compression.ptq.full_precision=0.3"]))
    data = prepare(plan.task.load(0), plan)
    texts = list(calibration_batches(data, None, "key", NUM_EXAMPLES))
    lengths = [int(row.sum()) for batch in texts for row in batch["attention_mask"]]
    assert NUM_EXAMPLES / 2 < len(lengths) < 2 * NUM_EXAMPLES
    assert max(lengths) > 0.9 * max(map(len, data.train.input_ids))
    assert int(texts[0]["attention_mask"].sum(1).max()) < max(lengths)


@pytest.mark.parametrize("option", ["ptq", "qat"])
def test_layers_have_the_names_of_the_exported_model(train, option):
    """Not those inside of the adapters that are merged into them."""
    fitted, _, _ = train(f"compression=[{option}]", f"compression.{option}.full_precision=0.3", "tuning=lora")
    exported = TinyBert().network(Classification(["a", "b"]))
    assert kept(fitted.model)
    assert all(exported.get_submodule(name) for name in kept(fitted.model))
