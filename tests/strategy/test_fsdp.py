"""Sharded training on two real processes."""

import shutil

import pytest

from accel.checkpoint.atomic import LAST
from accel.checkpoint.sharded import step_of
from accel.config.compose import compose
from accel.errors import ConfigError, PlanError
from accel.plan import inputs
from accel.plan.decide import decide
from tests.forked_ranks import run_ranks
from tests.laws import Laws

LAWS = Laws(
    processes=2,
    sabotage=("torch.distributed.get_world_size", lambda: 1),
)


def test_one_process_is_no_sharding():
    with pytest.raises(PlanError, match="strategy=single"):
        decide(compose(["strategy=fsdp", "strategy.processes=1"]))


@pytest.mark.parametrize("more", ["privacy.engine=opacus_hooks", "strategy.reduce_dtype=bf16"])
def test_what_does_not_keep_its_bound_on_shards_is_refused(more):
    words = ["strategy=fsdp", "privacy=dpsgd"]
    assert decide(compose(words))
    with pytest.raises(PlanError, match="instead  .*(privacy.engine=bookkeeping|strategy.reduce_dtype=fp32)"):
        decide(compose([*words, more]))


@pytest.mark.slow
def test_every_technique_acts_on_shards_and_the_export_is_whole(tiny_run, tmp_path):
    words = ["compression=[layers,prune,mask,qat,distill]", "compression.prune.every_steps=1"]
    words += ["compression.mask.every_steps=1", "strategy=fsdp"]
    record = run_ranks([*tiny_run, *words], tmp_path).record(tmp_path / "run")
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    assert evidence["fsdp"] == {"world_size": 2}
    assert evidence["prune"]["removed_fraction"] > 0.25
    assert evidence["mask"]["masked_fraction"] > 0.4
    assert record["exports"][0]["max_abs_diff"] < 1e-5


ALONE = ["trainer.accumulate=2"]
"""One process, or two that split layers, take the batches of a step one after the other."""


WITHOUT_DROPOUT = """
from accel.ops.dropout import without_dropout
from accel.model._tiny import Tiny

made = Tiny.network
Tiny.network = lambda option, objective: without_dropout(made(option, objective))
"""
"""Heads that are split draw masks of their own, which no single process draws."""


@pytest.mark.fault("R12")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "model"),
    [
        ("fsdp", "single", "tiny_bert"),
        ("single", "fsdp", "tiny_bert"),
        pytest.param("ddp", "fsdp", "tiny_bert", marks=pytest.mark.full),  # ddp saves what a single process saves
        ("tensor_parallel", "single", "tiny_gpt2"),
        ("single", "tensor_parallel", "tiny_gpt2"),
        ("tensor_parallel", "fsdp", "tiny_llama"),
    ],
)
def test_a_checkpoint_goes_on_under_another_strategy(tiny_run, tmp_path, first, second, model):
    """Saved after step 6 of 8 and resumed elsewhere: the same model as one that was never interrupted."""
    (tmp_path / "undropped.py").write_text(WITHOUT_DROPOUT)
    words = [w for w in tiny_run if not w.startswith(("hydra.run.dir", "model="))]
    words += [f"model={model}", "trainer.precision=fp64", "trainer.checkpoint_every_steps=3", "--plugin", "undropped"]
    ways = {
        name: [f"strategy={name}", *(ALONE if name in ("single", "tensor_parallel") else [])]
        for name in (first, second)
    }
    whole, half = tmp_path / "whole", tmp_path / "half"
    run([*words, *ways[first]], whole)
    shutil.copytree(whole, half)
    shutil.rmtree(half / "model")
    assert step_of(half / "checkpoints" / LAST) == 6
    run([*words, *ways[second], f"resume={half}"], half)
    expected, found = (weights(folder) for folder in (whole, half))
    assert expected.keys() == found.keys()
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-6


def run(words, folder):
    processes = 1 if "strategy=single" in words else 2
    run_ranks([*words, f"hydra.run.dir={folder}"], folder.parent, processes).record(folder)


def weights(folder):
    from safetensors.torch import load_file

    return {name: value.double() for name, value in load_file(folder / "model" / "model.safetensors").items()}


def test_what_a_rank_holds_is_forecast():
    spread = decide(compose(["strategy=fsdp", "strategy.processes=4", "strategy.reduce_dtype=bf16"])).strategy.spread()
    assert spread.state_share(None, 4) == 0.25
    assert spread.reduced_bytes == 2


def test_sparing_a_gpu_needs_one(monkeypatch):
    words = ["strategy=fsdp", "strategy.processes=2", "strategy.cpu_offload=true"]
    monkeypatch.setattr(inputs, "may_have_gpu", lambda: False)
    with pytest.raises(
        ConfigError, match=r"strategy\.cpu_offload=true spares a GPU's memory, and this machine has none"
    ):
        inputs.check_devices(decide(compose(words)))
    inputs.check_devices(decide(compose(words[:2])))
    monkeypatch.setattr(inputs, "may_have_gpu", lambda: True)
    inputs.check_devices(decide(compose(words)))
