"""Every cell of the matrix: an allowed pair trains and proves its effect; a refused one is refused with its reason.

Pairs are trained many at once: in plans of as many options as may be chosen together, until every pair was in one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from pathlib import Path

import pytest

from accel.cli import main
from accel.config.compose import compose, list_groups, options_of
from accel.errors import PlanError
from accel.plan.decide import assemble, decide, objections_to
from accel.plan.matrix import MODELS, TASKS, Cell, accompanied, cells, joined, markdown, text, together, words
from tests.forked_ranks import run_ranks
from tests.matrix_cover import cover, overrides
from tests.test_conf import FILES, class_of

SEVERAL = [f"strategy={name}" for name in options_of("strategy") if name != "single"]
ENTITIES, RATINGS, TOPICS, QUESTIONS, ANSWERS, CHATS, TAKEN, ITEMS, WRITTEN = (
    Path(__file__).with_name(n)
    for n in (
        "entities.jsonl", "ratings.csv", "topics.csv", "questions.csv", "answers.jsonl", "chats.jsonl", "taken.csv",
        "items.csv", "written.csv",
    )
)  # fmt: skip
STAND_INS = {
    "task=airline": [],
    "task=chitchat": ["task=language_modeling", "task.text=text", "task.block_length=32"],
    "task=chitchat_replies": ["task=chat", f"task.train={CHATS}", "task.template=plain", "task.max_length=64"],
    "task=masked_language_modeling": ["task=masked_language_modeling", "task.block_length=32"],
    "task=movielens": ["task=recommendation", f"task.train={TAKEN}", f"task.items={ITEMS}"],
    "task=seq2seq": ["task=seq2seq", f"task.train={WRITTEN}", "task.max_target_length=8"],
    "task=regression": ["task=regression", f"task.train={RATINGS}"],
    "task=multi_label": ["task=multi_label", f"task.train={TOPICS}"],
    "task=chinese_ner": ["task=token_classification", f"task.train={ENTITIES}"],
    "task=reply_retrieval": ["task=retrieval", f"task.train={QUESTIONS}"],
    "task=population": ["task=question_answering", f"task.train={ANSWERS}", "task.max_length=64", "task.stride=16"],
}
"""The small file of ``tiny_run``, as labels or as documents, for a task of the same kind."""
CLIENTS = "privacy=dpfedavg"
"""Protects the clients of a federated run: what it goes with is trained in one."""
SHORT = {"strategy=federated": ["trainer.max_steps=null", "strategy.rounds=4", "strategy.processes=2"]}
"""A few steps on two processes, where ``trainer.max_steps`` does not say them."""
PAIRS = [pair for pair in combinations(words(), 2) if together(*pair)]


@dataclass(frozen=True)
class Decided:
    """All cells, decided once for all tests: it takes some seconds."""

    cells: Sequence[Cell]

    @property
    def in_process(self) -> set[frozenset[str]]:
        """The pairs that one process trains."""
        others = {*SEVERAL, CLIENTS}
        return {frozenset((c.first, c.second)) for c in self.cells if c.works and not {c.first, c.second} & others}


@pytest.fixture(scope="module")
def decided() -> Decided:
    return Decided(list(cells()))


@pytest.fixture(scope="module")
def covering(decided) -> list[list[str]]:
    """Choices that hold every pair that one process trains; each is as large as it may be and has one model."""
    left, choices = set(decided.in_process), []
    while left:
        choices.append(_grown(min(map(sorted, left)), decided.in_process, left))
        left -= pairs_of(choices[-1])
    return choices


def _grown(pair: Sequence[str], works: set[frozenset[str]], left: set[frozenset[str]]) -> list[str]:
    chosen, others = list(pair), [word for word in words() if word not in pair]
    while candidates := [word for word in others if pairs_with(word, chosen) <= works]:
        best = max(candidates, key=lambda word: len(pairs_with(word, chosen) & left))
        others.remove(best)
        if not objections_to(joined([*chosen, best])):  # of three or more
            chosen.append(best)
    return chosen


def stood_in(chosen: Sequence[str]) -> list[str]:
    """The choices with their company, on small files."""
    with_company = [word for word in accompanied(chosen) if not word.startswith("task.")]
    return [typed for word in with_company for typed in STAND_INS.get(word, [word])]


def pairs_with(word: str, chosen: Sequence[str]) -> set[frozenset[str]]:
    return {frozenset((word, other)) for other in chosen}


def pairs_of(chosen: Sequence[str]) -> set[frozenset[str]]:
    return set(map(frozenset, combinations(chosen, 2)))


@pytest.mark.slow
def test_every_pair_is_there(decided):
    groups = Counter(word.split("=")[0] for word in words())
    exclusive = sum(comb(n, 2) for group, n in groups.items() if group not in list_groups())
    assert [(c.first, c.second) for c in decided.cells] == PAIRS
    assert len(PAIRS) == comb(len(words()), 2) - exclusive


def test_every_kind_of_task_is_there():
    """But that of a hub's sets, which are classes or numbers, as airline's and regression's are."""
    kinds = {file.stem: class_of(file).predicts for file in FILES if file.parent.name == "task"}
    there = {kinds[name] for name in TASKS}
    assert len(TASKS) == len(there)
    assert {kind.__qualname__.split(".")[0] for kind in set(kinds.values()) - there} == {"HubTask"}


def test_every_allowed_pair_is_in_a_plan_that_is_trained(decided, covering):
    """Few plans hold them all, and no plan holds a pair that is refused."""
    assert set().union(*map(pairs_of, covering)) == decided.in_process
    assert len(covering) < len(decided.in_process) / 3
    assert all(sum(word.startswith("model=") for word in chosen) == 1 for chosen in covering)
    largest = max(covering, key=len)
    assert objections_to(assemble(compose(overrides(accompanied(largest))))) == objections_to(joined(largest)) == []
    refused = [*largest, "strategy=tensor_parallel", CLIENTS]
    assert objections_to(assemble(compose(overrides(accompanied(refused))))) == objections_to(joined(refused)) != []


@pytest.mark.fault("B3")
@pytest.mark.usefixtures("noise_is_looked_for_once")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.slow
def test_what_is_allowed_trains_and_proves_its_effect(train, covering, model):
    own = [chosen for chosen in covering if f"model={model}" in chosen]
    assert own
    for chosen in own:
        options = {word.split("=")[1].strip("[]") for word in chosen}
        quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if n in options]
        fitted, losses, _ = train(*overrides(stood_in(chosen)), *quick, "trainer.max_steps=4")
        assert fitted.steps == 4, chosen
        assert len(losses) == (0 if "dpsgd" in options else 4), chosen  # a private run tells no loss
        acting = options - {model, "full", "single", *TASKS}
        assert acting <= set(fitted.evidence), chosen


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.usefixtures("noise_is_looked_for_once")
def test_what_goes_with_private_clients_trains(train, decided):
    rounds = ["trainer.max_steps=null", "strategy.rounds=2", "strategy.clients=4", "strategy.local_steps=1"]
    for plan in cover(decided.cells, CLIENTS):
        chosen = overrides(stood_in(plan))
        quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if f"compression=[{n}]" in plan]
        fitted, _, _ = train(*chosen, *quick, *rounds)
        assert fitted.evidence["dpfedavg"]["rounds_with_noise"] == 2, plan


@pytest.mark.slow
@pytest.mark.fault("B3")
def test_a_refused_pair_is_refused_with_its_reason(decided):
    """A pair for each reason: cells are decided by the very objections that a run is refused by."""
    refused = {cell.firmest.because: cell for cell in decided.cells if not cell.works}
    assert len(refused) > 20
    for because, cell in refused.items():
        with pytest.raises(PlanError) as error:
            decide(compose(together(cell.first, cell.second)))
        assert because in str(error.value), cell


@pytest.mark.parametrize("word", words())
def test_an_option_alone_is_allowed(word):
    decide(compose(accompanied([word])))


@pytest.mark.slow
def test_few_plans_hold_every_allowed_pair_on_several_processes(decided):
    """Of every plan that the next test trains."""
    plans = [plan for strategy in SEVERAL for plan in cover(decided.cells, strategy)]
    wanted = {frozenset((c.first, c.second)) for c in decided.cells if c.works and {c.first, c.second} & set(SEVERAL)}
    assert wanted <= set().union(*map(pairs_of, plans))
    assert len(plans) < len(wanted) / 2
    assert not [plan for plan in plans if list(objections_to(assemble(compose(overrides(accompanied(plan))))))]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SEVERAL)
def test_every_allowed_pair_works_on_two_processes(tiny_run, tmp_path, decided, strategy):
    """Several at once: the record says of each option of a plan that it was chosen, and proves that it acted."""
    for number, plan in enumerate(cover(decided.cells, strategy)):
        folder = tmp_path / str(number)
        quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if f"compression=[{n}]" in plan]
        short = SHORT.get(strategy, ["trainer.max_steps=4"])
        words = [*tiny_run, *overrides(stood_in(plan)), *quick, *short, f"hydra.run.dir={folder}"]
        record = run_ranks(words, tmp_path).record(folder)
        evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
        acted = {option.split("=")[1].strip("[]") for option in plan if not option.startswith(("task=", "model="))}
        assert acted - {"full"} <= {name for name, found in evidence.items() if found}, plan
        assert evidence[record["choices"]["strategy"]]["world_size"] == 2


def test_prints_text_and_markdown(decided, capsys, monkeypatch):
    found, refused = decided.cells, sum(not cell.works for cell in decided.cells)
    monkeypatch.setattr("accel.plan.matrix.cells", lambda: found)
    assert "works" in text(found)
    assert f"{refused} are refused" in text(found)
    assert main(["matrix", "--markdown"]) == 0
    assert capsys.readouterr().out.count("\n| `") == len(words())
    assert markdown(found).count("no (") + markdown(found).count("if (") == 2 * refused
    assert main(["matrix", "--nonsense"]) == 2
