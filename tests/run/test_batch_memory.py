"""A batch that fits: arithmetic on sizes that are given, what a tiny model's step keeps, and one run's plan."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.process.rank_info import RankInfo
from accel.process.ranks import SingleProcess
from accel.run import batch_memory
from accel.run.batch_memory import USED, Need, kept_bytes, needed, pieces_for, with_fitting_batch
from accel.run.rehearsal import Rehearsal
from tests.conftest import tiny_words, write_tiny_csv
from tests.forked_ranks import run_ranks


def test_two_steps_tell_what_every_step_and_what_each_example_takes():
    need = Need.of({1: 130, 3: 190})
    assert need == Need(100, 30)
    assert need.examples(350 / USED) == 8
    assert need.examples(99) == need.examples(0) == 0


@pytest.mark.parametrize(
    ("tokens", "size", "longest", "examples", "pieces"),
    [
        (1024, None, 128, 8, 1),
        (1024, None, 128, 7, 2),
        (1024, None, 128, 1, 8),
        (100, None, 128, 1, 1),
        (None, 32, 128, 8, 4),
        (None, 32, 128, 6, 8),
        (None, 7, 128, 3, 7),
        (None, 32, 128, 100, 1),
        (1024, None, 128, 0, None),
    ],
)
def test_a_batch_has_as_few_pieces_as_fit(tokens, size, longest, examples, pieces):
    assert pieces_for(tokens, size, longest, examples) == pieces


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def of(*words):
        folder = tmp_path_factory.mktemp("memory")
        plan = decide(compose([*tiny_words(write_tiny_csv(folder / "tiny.csv")), *words]))
        return folder, plan, prepare(plan.task.load(plan.seed), plan)

    return of


def test_what_a_step_keeps_grows_with_its_examples_and_weights_do_not_count(made, monkeypatch):
    _, plan, data = made()
    rehearsal = Rehearsal(plan, data)
    lengths = data.train.lengths
    same = [int(n) for n in (lengths == lengths.max()).nonzero()[0]][:3]
    kept = {count: kept_bytes(rehearsal, same[:count]) for count in (1, 2, 3)}
    assert len(same) == 3
    assert kept[3] - kept[2] == pytest.approx(kept[2] - kept[1], rel=0.05)
    network = rehearsal.module.model
    assert all(p.grad is None for p in network.parameters()), "nothing of it stays"
    monkeypatch.setattr(network, "state_dict", dict)
    assert kept_bytes(rehearsal, same[:1]) > kept[1], "weights that are not known as such count"


def run_of(made, *words, resume=False, folder=None, ranks=None):
    fresh, plan, data = made("trainer.fit_memory=true", *words)
    state = SimpleNamespace(
        plan=plan, folder=folder or fresh, record={}, resume=resume, timed=lambda name: nullcontext(),
        ranks=ranks or SingleProcess(), leads=ranks is None or ranks.place.leads
    )  # fmt: skip
    return state, data


def test_a_run_is_cut_as_its_memory_wants_says_it_and_goes_on_with_it(made, monkeypatch, capsys):
    run, data = run_of(made)
    need, _ = batch_memory.needed(replace(run.plan, trainer=run.plan.trainer.in_pieces(1)), data, None)
    free = int((need.fixed + 6.5 * need.per_example) / USED)  # 6 of the 16 of a batch, which equal pieces make 4
    monkeypatch.setattr(batch_memory, "free_memory_bytes", lambda *_: free)
    before = torch.get_rng_state()
    with_fitting_batch(run, data, Console(None))
    assert torch.equal(torch.get_rng_state(), before)
    found = run.plan.trainer
    assert (found.fit_memory, found.accumulate, found.batch_size) == (False, 4, 4)
    repeat = run.record["found"]["batch_memory"]["repeat"]
    assert decide(compose([*tiny_words(data_file(run)), *repeat])).trainer == found
    assert "each batch is cut into 4 pieces" in capsys.readouterr().out
    monkeypatch.setattr(batch_memory, "needed", lambda *a: pytest.fail("it was measured again"))
    later, data = run_of(made, resume=True, folder=run.folder)
    with_fitting_batch(later, data, Console(None, silent=True))
    assert later.plan.trainer == found


def of_several(place, *, least=9.0, agreed="2"):
    """Ranks of whom the others say this."""
    return SimpleNamespace(
        place=place, least=lambda name, value: min(value, least), agree=lambda name, value: value or agreed
    )


def test_the_machine_with_the_least_room_decides_for_all_processes(made, monkeypatch):
    """Four processes on two machines: this machine has room for 16 examples, the other one for 5."""
    ddp = ["strategy=ddp", "strategy.processes=2", "strategy.nodes=2", "strategy.node_rank=0",
           "strategy.rendezvous=127.0.0.1:29500"]  # fmt: skip
    asked = []
    monkeypatch.setattr(batch_memory, "needed", lambda *a: (asked.append(a), (Need(0, 1), 16 / USED))[1])
    first, data = run_of(made, *ddp, ranks=of_several(RankInfo(0, 4, 0, 2, 0, "accel"), least=5.0))
    with_fitting_batch(first, data, Console(None, silent=True))
    assert (first.plan.trainer.accumulate, first.plan.trainer.batch_size) == (4, 4)
    assert first.record["found"]["batch_memory"]["examples_at_once"] == 5
    full, data = run_of(made, *ddp, ranks=of_several(RankInfo(0, 4, 0, 2, 0, "accel"), least=0.0))
    with pytest.raises(DataError, match="another machine of the run has no room"):
        with_fitting_batch(full, data, Console(None, silent=True))
    asked.pop()
    beside, data = run_of(made, *ddp, ranks=of_several(RankInfo(1, 4, 1, 2, 0, "accel"), agreed="4"))
    with_fitting_batch(beside, data, Console(None, silent=True))
    assert beside.plan.trainer == first.plan.trainer
    assert len(asked) == 1, "of a machine the first process measures alone"
    there, data = run_of(made, *ddp, ranks=of_several(RankInfo(2, 4, 0, 2, 1, "accel"), agreed="4"))
    with_fitting_batch(there, data, Console(None, silent=True))
    assert len(asked) == 2
    assert there.record == {}


def test_each_process_counts_what_it_sends_and_what_the_others_hold(made, monkeypatch):
    _, single, data = made()
    _, ddp, _ = made("strategy=ddp", "strategy.processes=2")
    asked = []
    monkeypatch.setattr(batch_memory, "free_memory_bytes", lambda *held: (asked.append(held), 10**9)[1])
    (alone, _), (both, _) = needed(single, data, None), needed(ddp, data, None)
    weights = sum(p.nbytes for p in single.model.network(data.objective).parameters())
    assert both.fixed - alone.fixed == pytest.approx(weights, rel=0.01)
    (one, held), (two, same) = asked
    assert (one, two) == (1, 2)
    assert held == same == pytest.approx(3 * weights, rel=0.05)  # the weights and two moments of each


def data_file(run):
    return run.plan.task.train


def test_where_all_of_it_fits_nothing_changes(made):
    run, data = run_of(made)
    with_fitting_batch(run, data, Console(None, silent=True))
    assert run.plan.trainer == decide(compose(tiny_words(data_file(run)))).trainer


def test_where_not_even_one_text_fits_it_is_told(made, monkeypatch):
    monkeypatch.setattr(batch_memory, "free_memory_bytes", lambda *_: 1000)
    run, data = run_of(made)
    with pytest.raises(DataError, match="a step with one text of .* MiB, and .* are free. .*tuning=lora"):
        with_fitting_batch(run, data, Console(None, silent=True))


def test_without_the_wish_nothing_is_measured(made, monkeypatch):
    monkeypatch.setattr(batch_memory, "needed", lambda *a: pytest.fail("it was measured"))
    _, plan, data = made()
    with_fitting_batch(SimpleNamespace(plan=plan), data, Console(None, silent=True))


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["privacy=dpsgd"], "private texts"),
        (["strategy=fsdp", "strategy.processes=2"], "each process holds a part of it"),
        (["task=retrieval", "task.text=[text,label]"], "not one large batch"),
    ],
)
def test_it_is_refused_where_pieces_are_no_batch_or_nobody_may_look(words, because, tmp_path):
    typed = [*tiny_words(write_tiny_csv(tmp_path / "tiny.csv")), "trainer.fit_memory=true", *words]
    with pytest.raises(PlanError, match=because):
        decide(compose(typed))


def test_the_gradients_that_stand_beside_a_piece_are_counted(made):
    _, plan, data = made()
    _, bits, _ = made("tuning=bitfit")
    (full, free), (few, _) = needed(plan, data, None), needed(bits, data, None)
    gradients = 4 * sum(p.numel() for p in plan.model.network(data.objective).parameters())
    assert full.fixed - few.fixed > 0.8 * gradients
    assert free > full.fixed


def test_a_rate_that_is_still_to_be_found_does_not_matter(made):
    run, data = run_of(made, "trainer.learning_rate=null")
    with_fitting_batch(run, data, Console(None, silent=True))
    assert run.plan.trainer.wants_learning_rate


def test_what_is_computed_again_in_the_backward_pass_counts_layer_by_layer(made):
    _, plan, data = made()
    _, again, _ = made("trainer.activation_checkpointing=true")
    (whole, _), (part, _) = needed(plan, data, None), needed(again, data, None)
    assert 0.3 * whole.per_example < part.per_example < whole.per_example  # two layers, one of which is whole


def test_the_dense_baseline_has_to_fit_too(made, monkeypatch):
    asked = []
    monkeypatch.setattr(batch_memory, "needed", lambda plan, data, latency: (asked.append(plan), (Need(0, 1), 1e9))[1])
    run, data = run_of(made, "tuning=lora", "compression=[distill]")
    with_fitting_batch(run, data, Console(None, silent=True))
    assert [plan.tuning.option_name() for plan in asked] == ["lora", "full"]


def test_pieces_come_on_top_of_batches_that_were_to_be_added_up_anyway(made, monkeypatch):
    monkeypatch.setattr(batch_memory, "needed", lambda *a: (Need(0, 1), 5 / USED))
    run, data = run_of(made, "trainer.accumulate=2")
    with_fitting_batch(run, data, Console(None, silent=True))
    assert (run.plan.trainer.accumulate, run.plan.trainer.batch_size) == (8, 4)
    repeat = run.record["found"]["batch_memory"]["repeat"]
    assert decide(compose([*tiny_words(data_file(run)), *repeat])).trainer == run.plan.trainer


@pytest.mark.slow
def test_two_processes_learn_with_the_pieces_and_the_rate_that_the_first_one_found(tiny_run, tmp_path):
    folder = tmp_path / "run"
    words = [*tiny_run, "strategy=ddp", "strategy.processes=2", "trainer.max_steps=4", "trainer.learning_rate=null",
             "trainer.fit_memory=true", f"hydra.run.dir={folder}"]  # fmt: skip
    record = run_ranks(words, tmp_path).record(folder)
    (sent,) = [t["evidence"] for t in record["techniques"] if t["name"] == "ddp"]
    assert sent["world_size"] == 2
    assert record["found"]["batch_memory"]["pieces"] == 1
    assert record["found"]["learning_rate"] > 0
