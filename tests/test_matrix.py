"""Every cell of the matrix: an allowed pair trains and proves its effect; a refused one is refused with its reason."""

from itertools import combinations

import pytest

from accel.cli import main
from accel.compose import compose, options_of
from accel.errors import PlanError
from accel.matrix import cells, markdown, text, together, words
from accel.plan import assemble, decide
from tests.forked_ranks import run_ranks
from tests.matrix_cover import cover, overrides

CELLS = list(cells())
NAMES = [f"{c.first} {c.second}" for c in CELLS]
SEVERAL = [f"strategy={name}" for name in options_of("strategy") if name != "single"]
IN_PROCESS = [c for c in CELLS if c.works and not {c.first, c.second} & set(SEVERAL)]
DISTRIBUTED = [c for c in CELLS if c.works and {c.first, c.second} & set(SEVERAL)]
REFUSED = [c for c in CELLS if not c.works]


def test_every_pair_is_there():
    n = len(words())
    strategies = len(SEVERAL) + 1
    exclusive = 6 + 6 + strategies * (strategies - 1) // 2  # pairs of models, of tunings, of strategies
    assert len(CELLS) == n * (n - 1) // 2 - exclusive == len(IN_PROCESS) + len(DISTRIBUTED) + len(REFUSED)


@pytest.mark.parametrize("cell", IN_PROCESS, ids=lambda c: f"{c.first}-{c.second}")
def test_an_allowed_pair_trains_and_proves_its_effect(train, cell):
    overrides = together(cell.first, cell.second)
    quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if f"{n}" in str(overrides)]
    fitted, losses, _ = train(*overrides, *quick, "trainer.max_steps=4")
    assert len(losses) == 4
    expected = {
        w
        for name in ("layers", "prune", "mask", "qat", "ptq", "distill", "vocabulary", "lora", "head", "dpsgd")
        for w in [name]
        if name in str(overrides)
    }
    assert expected <= set(fitted.evidence)


@pytest.mark.parametrize("cell", REFUSED, ids=lambda c: f"{c.first}-{c.second}")
def test_a_refused_pair_is_refused_with_its_reason(cell):
    with pytest.raises(PlanError) as error:
        decide(compose(together(cell.first, cell.second)))
    assert cell.objections[0].because in str(error.value)
    decide(compose([cell.first]))
    decide(compose([cell.second]))


def test_few_plans_hold_every_allowed_pair_on_several_processes():
    """Of every plan that the next test trains."""
    plans = [plan for strategy in SEVERAL for plan in cover(CELLS, strategy)]
    held = {frozenset(pair) for plan in plans for pair in combinations(plan, 2)}
    assert {frozenset((cell.first, cell.second)) for cell in DISTRIBUTED} <= held
    assert len(plans) < len(DISTRIBUTED) / 2
    assert not [plan for plan in plans if list(assemble(compose(overrides(plan))).objections())]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SEVERAL)
def test_every_allowed_pair_works_on_two_processes(tiny_run, tmp_path, strategy):
    """Several at once: the record says of each option of a plan that it was chosen, and proves that it acted."""
    for number, plan in enumerate(cover(CELLS, strategy)):
        folder = tmp_path / str(number)
        quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if f"compression=[{n}]" in plan]
        words = [*tiny_run, *overrides(plan), *quick, "trainer.max_steps=4", f"hydra.run.dir={folder}"]
        record = run_ranks(words, tmp_path).record(folder)
        evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
        acted = {option.split("=")[1].strip("[]") for option in plan if not option.startswith("model=")}
        assert acted - {"full"} <= {name for name, found in evidence.items() if found}, plan
        assert evidence[record["choices"]["strategy"]]["world_size"] == 2


def test_prints_text_and_markdown(capsys, monkeypatch):
    monkeypatch.setattr("accel.matrix.cells", lambda: CELLS)  # it takes some seconds
    assert "works" in text(CELLS)
    assert f"{len(REFUSED)} are refused" in text(CELLS)
    assert main(["matrix", "--markdown"]) == 0
    assert capsys.readouterr().out.count("\n| `") == len(words())
    assert markdown(CELLS).count("no (") + markdown(CELLS).count("if (") == 2 * len(REFUSED)
    assert main(["matrix", "--nonsense"]) == 2
