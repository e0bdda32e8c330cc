"""What is decided without processes; tests/strategy/test_parity.py trains on two and four."""

import pytest

from accel.config.compose import compose
from accel.core.facts import Facts
from accel.errors import DataError, PlanError, RunError
from accel.objective.classification import Classification
from accel.plan.decide import decide
from tests.forked_ranks import run_ranks
from tests.laws import Laws

LAWS = Laws(
    processes=2,
    sabotage=("torch.distributed.get_world_size", lambda: 1),
)
WORDS = ["strategy=tensor_parallel", "model=tiny_bert"]
FACTS = Facts(total_steps=1, num_examples=1, objective=Classification(["a", "b"]), world_size=7, seed=0, baseline=None)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["strategy.processes=4", "strategy.data_parallel=4"], "at least two processes to each group"),
        (["strategy.processes=4", "strategy.data_parallel=3"], "a divisor of strategy.processes=4"),
        (["strategy.data_parallel=0"], "at least 1"),
        (["privacy=dpsgd"], "strategy=ddp"),
        (["compression=[qat]"], "compression=\\[ptq\\]"),
        (
            ["compression=[prune]", "compression.prune.score=activation", "compression.prune.public_text=tweets"],
            "each process holds only its own",
        ),
        (["compression=[mask]", "compression.mask.score=wanda"], "each process holds only its own"),
        (["compression=[distill]", "compression.distill.relations_weight=1"], "relations_weight=0"),
    ],
)
def test_objects_to_what_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([*WORDS, *words]))


@pytest.mark.parametrize(
    "words", [["compression=[prune,mask,distill,ptq]"], ["tuning=lora"], ["strategy.processes=4"]], ids=str
)
def test_lets_the_rest_through(words):
    decide(compose([*WORDS, *words]))


def test_processes_that_split_a_layer_share_their_examples():
    strategy = decide(compose([*WORDS, "strategy.processes=4", "strategy.data_parallel=2"])).strategy
    assert strategy.num_shares() == 2
    assert [strategy.share_of(rank) for rank in range(4)] == [0, 0, 1, 1]
    ddp = decide(compose(["strategy=ddp", "strategy.processes=4"])).strategy
    assert (ddp.num_shares(), ddp.share_of(3)) == (4, 3)


def test_a_model_of_which_nothing_can_be_split_is_refused_before_any_training():
    plan = decide(compose([*WORDS, "strategy.processes=7"]))
    with pytest.raises(RunError, match="7 processes can share evenly"):
        plan.strategy.check_budget(plan.model.network(Classification(["a", "b"])), FACTS)
    plan = decide(compose([*WORDS, "strategy.processes=8"]))
    plan.strategy.check_budget(plan.model.network(Classification(["a", "b"])), FACTS)


def test_the_forecast_knows_one_dimension():
    assert decide(compose(WORDS)).strategy.spread().shares_of_work(2) == 2
    with pytest.raises(DataError, match="one dimension"):
        decide(compose([*WORDS, "strategy.processes=4", "strategy.data_parallel=2"])).strategy.spread()


@pytest.mark.slow
def test_every_technique_acts_on_parts_and_the_export_is_whole(tiny_run, tmp_path):
    words = ["compression=[layers,prune,mask,distill,ptq]", "compression.prune.every_steps=1"]
    words += ["compression.mask.every_steps=1", WORDS[0]]
    record = run_ranks([*tiny_run, *words], tmp_path).record(tmp_path / "run")
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    assert evidence["tensor_parallel"]["world_size"] == 2
    assert evidence["tensor_parallel"]["split_blocks"] == evidence["tensor_parallel"]["blocks"] > 0
    assert evidence["prune"]["removed_fraction"] > 0.25
    assert record["exports"][0]["max_abs_diff"] < 1e-5
