"""Data parallelism with two real processes on this machine."""

import pytest
from safetensors.torch import load_file

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.forked_ranks import run_ranks
from tests.laws import Laws

LAWS = Laws(
    processes=2,
    sabotage=("torch.distributed.get_world_size", lambda: 1),
    strong={"": (), "bf16": ["strategy.compress=bf16"]},
)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("processes=1", "strategy=single"),
        ("timeout_s=0", "at least 1"),
        ("nodes=0", "nodes must be at least 1"),
        ("node_rank=1", "less than nodes=1"),
        ("rendezvous=host", "a host and a port"),
    ],
)
def test_objects_to_settings_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["strategy=ddp", f"strategy.{word}"]))


def test_one_process_on_each_of_two_machines_is_two():
    plan = decide(compose(["strategy=ddp", "strategy.processes=1", "strategy.nodes=2"]))
    assert (plan.strategy.num_processes(), plan.strategy.local_processes()) == (2, 1)


def test_two_processes_train_every_technique_and_leave_one_record(tiny_run, tmp_path):
    words = [*tiny_run, "compression=[prune,qat,distill]", "compression.prune.every_steps=1", "strategy=ddp"]
    record = run_ranks(words, tmp_path).record(tmp_path / "run")
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    assert record["status"] == "finished"
    assert evidence["ddp"] == {"world_size": 2}
    assert evidence["prune"]["removed_fraction"] > 0.25
    assert not (tmp_path / "run-1").exists()


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("compress", ["bf16", "fp16"])
def test_compressed_gradients_change_the_result_a_little(tiny_run, tmp_path, compress):
    """Not at all would mean that nothing was compressed."""
    words = [*(w for w in tiny_run if not w.startswith("hydra.run")), "trainer.precision=fp32"]
    found = {}
    for name in ("none", compress):
        folder = tmp_path / name
        more = [f"strategy.compress={name}"] if name == compress else []
        run_ranks([*words, *more, "strategy=ddp", f"hydra.run.dir={folder}"], tmp_path).record(folder)
        found[name] = weights(folder)
    largest = max(float((found["none"][key] - value).abs().max()) for key, value in found[compress].items())
    assert 0 < largest < 1e-2
