"""Every cell of the matrix: an allowed pair trains and proves its effect; a refused one is refused with its reason."""

import pytest

from accel.cli import main
from accel.compose import compose, options_of
from accel.errors import PlanError
from accel.matrix import cells, markdown, text, together, words
from accel.plan import decide
from tests.forked_ranks import run_ranks

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


@pytest.mark.slow
@pytest.mark.parametrize("cell", DISTRIBUTED, ids=lambda c: f"{c.first}-{c.second}")
def test_an_allowed_pair_works_on_two_processes(tiny_run, tmp_path, cell):
    overrides = together(cell.first, cell.second)
    quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if f"{n}" in str(overrides)]
    done = run_ranks([*tiny_run, *overrides, *quick, "trainer.max_steps=4"], tmp_path)
    record = done.record(tmp_path / "run")
    strategy = record["choices"]["strategy"]
    assert {t["name"]: t["evidence"] for t in record["techniques"]}[strategy]["world_size"] == 2


def test_prints_text_and_markdown(capsys, monkeypatch):
    monkeypatch.setattr("accel.matrix.cells", lambda: CELLS)  # it takes some seconds
    assert "works" in text(CELLS)
    assert f"{len(REFUSED)} are refused" in text(CELLS)
    assert main(["matrix", "--markdown"]) == 0
    assert capsys.readouterr().out.count("\n| `") == len(words())
    assert markdown(CELLS).count("no (") + markdown(CELLS).count("if (") == 2 * len(REFUSED)
    assert main(["matrix", "--nonsense"]) == 2
