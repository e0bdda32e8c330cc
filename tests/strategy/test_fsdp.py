"""Sharded training on two real processes."""

import json
import subprocess
import sys

import pytest

from accel.compose import compose
from accel.errors import PlanError
from accel.plan import decide


def run(words, folder):
    done = subprocess.run(
        [sys.executable, "-m", "accel", *words, f"hydra.run.dir={folder}"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "result.json").read_text())


def test_one_process_is_no_sharding():
    with pytest.raises(PlanError, match="strategy=single"):
        decide(compose(["strategy=fsdp", "strategy.processes=1"]))


def test_privacy_is_refused():
    with pytest.raises(PlanError, match="a process holds only a part of it"):
        decide(compose(["strategy=fsdp", "privacy=dpsgd"]))


@pytest.mark.slow
def test_every_technique_acts_on_shards_and_the_export_is_whole(tiny_run, tmp_path):
    words = ["compression=[layers,prune,mask,qat,distill]", "compression.prune.every_steps=1"]
    record = run([*tiny_run, *words, "compression.mask.every_steps=1", "strategy=fsdp"], tmp_path / "fsdp")
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    assert evidence["fsdp"] == {"world_size": 2}
    assert evidence["prune"]["removed_fraction"] > 0.25
    assert evidence["mask"]["masked_fraction"] > 0.4
    assert record["exports"][0]["max_abs_diff"] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [("fsdp", "single"), ("single", "fsdp"), ("ddp", "fsdp")])
def test_a_checkpoint_goes_on_under_another_strategy(tiny_run, tmp_path, first, second):
    """Interrupted after step 4 of 8 and resumed elsewhere: the same model as one that was never interrupted."""
    share = {"single": ["strategy=single", "trainer.accumulate=2"]}
    words = [*tiny_run, "trainer.precision=fp64", "trainer.checkpoint_every_steps=3", "trainer.max_steps=8"]
    words = [w for w in words if not w.startswith("hydra.run.dir")]
    whole = tmp_path / "whole"
    run([*words, *share.get(first, [f"strategy={first}"])], whole)
    run(
        [*words, *share.get(first, [f"strategy={first}"]), "trainer.max_steps=8", "trainer.checkpoint_every_steps=3"],
        tmp_path / "half",
    )
    on = [*words, *share.get(second, [f"strategy={second}"]), f"resume={tmp_path / 'half'}"]
    done = subprocess.run(
        [sys.executable, "-m", "accel", *on], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    expected, found = (weights(folder) for folder in (whole, tmp_path / "half"))
    assert expected.keys() == found.keys()
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-6


def weights(folder):
    from safetensors.torch import load_file

    return {name: value.double() for name, value in load_file(folder / "model" / "model.safetensors").items()}


def test_what_a_rank_holds_is_forecast():
    spread = decide(compose(["strategy=fsdp", "strategy.processes=4", "strategy.reduce_dtype=bf16"])).strategy.spread()
    assert spread.state_share(None, 4) == 0.25
    assert spread.reduced_bytes == 2
