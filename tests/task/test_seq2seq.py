"""Sources and what to write of them: from a file to `accel predict`, every technique that acts, and what is refused."""

import json
import random

import pytest
import torch

from accel.cli import main
from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.run.score import scorer
from accel.task.seq2seq import Seq2seq
from accel.weights import artifact
from tests.conftest import tiny_words

ROOM = ["task.max_length=8", "task.max_target_length=8"]


def digits(path, count, seed=0):
    chance = random.Random(seed)
    found = sorted({"".join(chance.choice("0123456789") for _ in range(6)) for _ in range(count)})
    path.write_text("source,target\n" + "".join(f"{text},{text[::-1]}\n" for text in found))
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return digits(tmp_path_factory.mktemp("pairs") / "pairs.csv", 120)


def words(pairs, folder=None):
    own = [w for w in tiny_words(pairs, folder) if not w.startswith(("task=", "model="))]
    return [*own, "task=seq2seq", "model=tiny_t5", "model.width=16", *ROOM]


def test_a_source_stays_in_one_split_and_repeated_pairs_count_once(tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"source": f"s {n}", "target": f"t {n} {m}"} for n in range(60) for m in (0, 1)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    data = Seq2seq(train=str(file)).load(0)
    assert data.duplicates == 1
    assert data.train.labels == data.test.labels == []
    splits = [{source for source, _ in getattr(data, name).texts} for name in ("train", "validation", "test")]
    assert all(splits)
    assert sum(map(len, splits)) == 60
    assert len(data.train) + len(data.validation) + len(data.test) == 120


def test_split_by_keeps_more_together(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"source": f"s {n}", "target": "t", "d": n // 4}) + "\n" for n in range(120)))
    data = Seq2seq(train=str(file), split_by="d").load(0)
    found = [{int(s.split()[1]) // 4 for s, _ in getattr(data, n).texts} for n in ("train", "validation", "test")]
    assert sum(map(len, found)) == 30


BAD = {
    "an empty source": ([{"source": " ", "target": "x"}], {}, ["line 61", "'source' is empty"]),
    "nothing to write": ([{"source": "x", "target": ""}], {}, ["line 61", "'target' is empty"]),
    "a list": ([{"source": "x", "target": ["a"]}], {}, ["line 61", "list"]),
    "no such column": ([], {"text": ["source", "title"]}, ["title", "no column"]),
    "a key that lacks": ([{"source": "x"}], {}, ["line 61", "target"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_where_and_why(tmp_path, case):
    more, settings, expected = BAD[case]
    file = tmp_path / "a.jsonl"
    rows = [{"source": f"s {n}", "target": f"t {n}"} for n in range(60)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    with pytest.raises(DataError) as caught:
        Seq2seq(train=str(file), **settings).load(0)
    for part in expected:
        assert part in str(caught.value), caught.value


REFUSED = {
    "model=tiny_bert": "no decoder that writes",
    "model=tiny_gpt2": "no decoder that writes",
    "engines=[eager,onnxruntime]": "for PyTorch alone",
    "compression=[distill]": "not the tokens that are written",
    "compression=[vocabulary]": "pieces that training has not",
    "tuning=head": "has no head of its own",
    "tuning=prompt": "asked one by one, without it",
    "tuning=p_tuning": "asked one by one, without it",
    "privacy=dpsgd": "a record here is two",
    "strategy=fsdp": "every process needs the whole model",
    "trainer.calibrate=true": "calibrate",
    "task.beams=0": "between 1 and 64",
    "task.max_target_length=1": "at least 2 tokens",
    "task.text=[source,source]": "two columns",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_cannot_be_is_refused_with_a_reason(word):
    plain = ["task=seq2seq", "task.train=a.csv", "model=tiny_t5", "engines=[eager]"]
    decide(compose(plain))
    with pytest.raises(PlanError, match=REFUSED[word]):
        decide(compose([*plain, word]))


def test_the_metrics_are_known_without_the_objective():
    assert Seq2seq(train="a.csv").metrics() == Seq2seq(train="a.csv").predicts().metrics


def test_the_exported_model_writes_what_the_trained_one_does(tmp_path, train):
    """Loss, generated texts and tokens of the model, loaded again, agree."""
    file = digits(tmp_path / "a.csv", 40)
    some = [*words(file), "model.width=32", "trainer.max_steps=4", "task.beams=2"]
    fitted, losses, _ = train(*some)
    plan = decide(compose(some))
    data = prepare(plan.task.load(0), plan)
    model = fitted.model.float().eval()
    assert len(losses) == 4
    metrics = scorer(data)(model).metrics
    artifact.save_model(model, data.tokenizer, tmp_path / "out", **data.artifact_facts())
    reloaded = artifact.load_model(tmp_path / "out")
    assert scorer(data)(reloaded).metrics == pytest.approx(metrics, abs=1e-6)
    batch = next(iter(data.test_batches()))
    assert torch.equal(data.objective.written(model, batch), data.objective.written(reloaded, batch))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ["compression=[prune]", "compression.prune.every_steps=1"],
        ["compression=[mask,ptq]", "compression.mask.every_steps=1"],
        ["compression=[layers,qat]"],
    ],
    ids=lambda more: more[0],
)
def test_techniques_act_on_it(pairs, train, tmp_path, more):
    some = [*words(pairs), "model.width=32", *more, "trainer.max_steps=4"]
    fitted, _, _ = train(*some)
    assert all(fitted.evidence.values())
    plan = decide(compose(some))
    data = prepare(plan.task.load(0), plan)
    model = fitted.model.float().eval()
    for technique in plan.techniques:
        model = technique.export(model).eval()
    artifact.save_model(model, data.tokenizer, tmp_path / "out", **data.artifact_facts())
    again = artifact.load_model(tmp_path / "out")
    assert scorer(data)(again).metrics == pytest.approx(scorer(data)(model).metrics, abs=1e-5)


@pytest.mark.slow
def test_a_run_writes_and_its_folder_answers(pairs, tmp_path, capsys):
    folder = tmp_path / "run"
    more = ["trainer.max_steps=2", "compression=[ptq]", "trainer.baseline_steps=2"]
    assert main([*words(pairs, folder), *more]) == 0
    record = json.loads((folder / "result.json").read_text())
    assert [m["key"] for m in record["metrics"]] == ["rouge_l", "exact_match", "loss"]
    assert record["baselines"][0]["name"] == "copying the source"
    assert 0 <= record["behaviour"]["agreement"] <= 1
    assert "difference_interval" in record["behaviour"]
    capsys.readouterr()
    assert main(["predict", str(folder), "123456", "9"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == ["123456", "9"]
    assert all(isinstance(line["output"], str) for line in lines)
