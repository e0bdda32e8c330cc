"""Interactions and items from files: what is refused, and a run from the files to what is recommended."""

import json

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.core.metric import OF_RECOMMENDATION
from accel.data.interactions import NOBODY
from accel.errors import PlanError
from accel.objective.recommendation import Recommendation as Vectors
from accel.plan.decide import decide
from accel.task.recommendation import Recommendation

KINDS = ("parcel", "flight", "refund", "seat", "meal", "bag", "ticket", "gate")


def files(path, rows=None, items=None, header="user,item,at"):
    taken, catalogue = path / "taken.csv", path / "items.csv"
    if rows is None:
        rows = [f"u{user},{(user * 5 + n * 3) % 24},{n}" for user in range(20) for n in range(7)]
    if items is None:
        items = [f'{n},"the {KINDS[n % 8]} number {n}",{KINDS[n % 8]} {n}' for n in range(24)]
    taken.write_text("\n".join([header, *rows]) + "\n")
    catalogue.write_text("\n".join(["item,text,name", *items]) + "\n")
    return {"train": str(taken), "items": str(catalogue)}


def words(found, *more):
    return ["task=recommendation", *(f"task.{name}={path}" for name, path in found.items()), "model=tiny_bert", *more]


def test_a_user_is_learned_from_validated_and_tested_on_in_the_order_of_time(tmp_path):
    found = Recommendation(**files(tmp_path), timestamp="at", name="name").load(0)
    assert found.num_items == 24
    history, _ = found.test.texts[0]
    assert history == "gate 15; meal 12; flight 9; ticket 6; seat 3; parcel 0"
    assert found.test.labels[0][:3] == [0, NOBODY, [18]]
    assert found.validation.labels[0][:3] == [0, NOBODY, [15]]
    assert len(found.train) == 20 * 4
    kind = Recommendation(**files(tmp_path), temperature=0.2).objective(found)
    assert isinstance(kind, Vectors)
    assert (kind.temperature, len(kind.known)) == (0.2, 20 * 5)


def test_its_rows_are_everybodys_items(tmp_path):
    task = Recommendation(**files(tmp_path))
    assert task.source() == "taken.csv"
    assert len({row.texts for row in task.rows()}) == 140
    assert task.content(b"key").rows == task.content(b"key").rows != task.content(b"other").rows


REFUSED = {
    "task.min_rating=4": "a number together with task.rating=COLUMN",
    "task.rating=stars": "a number together with task.rating=COLUMN",
    "task.item=user": "another column than that of the users",
    "task.history=0": "at least 1",
    "task.temperature=0": "between 0.001 and 10",
    "trainer.accumulate=2": "several small batches are not one large batch",
    "model=tiny_gpt2": "each of which must have read the whole text",
    "privacy=dpsgd": "no record has a gradient of its own",
    "tuning=prompt": "a prompt adds tokens that belong to no text",
    "strategy=tensor_parallel": "those that split a layer have the same pairs",
    "strategy=federated": "examples stay at the clients",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(word, tmp_path):
    found = files(tmp_path)
    with pytest.raises(PlanError, match=REFUSED[word]):
        decide(compose(words(found, word)))
    decide(compose(words(found)))  # negative control


WRONG = {
    "no such column": ({"header": "who,item,at"}, "has no column 'user'"),
    "an item without text": ({"items": ["1,a,a", "2,,b"]}, "line 3: column 'text' is empty"),
    "an item nobody describes": ({"rows": ["u,1,1", "u,99,2"]}, "line 3: the item '99' has no text in items.csv"),
    "single interactions": ({"rows": ["u,1,1", "v,2,1"]}, "none of the 2 users has 3 different items"),
    "repeated interactions alone": ({"rows": ["u,1,1", "u,1,2", "u,1,3"]}, "the most are 1"),
    "no time": ({"rows": ["u,1,1", "u,2,later"]}, "line 3: 'later' in column 'at' of task.timestamp is no time"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_ends_a_run_with_2_and_no_traceback(name, tmp_path, capsys):
    more, message = WRONG[name]
    typed = words(files(tmp_path, **more), "task.timestamp=at", f"hydra.run.dir={tmp_path / 'run'}")
    assert main(typed) == 2
    said = " ".join("".join(capsys.readouterr()).split())
    assert message in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_from_the_files_to_what_is_recommended(tmp_path, capsys):
    found, run = files(tmp_path), tmp_path / "run"
    typed = words(found, "task.timestamp=at", "task.name=name", "compression=[prune]", "tracker=none")
    typed += [
        "engines=[onnxruntime]",
        "trainer.max_steps=6",
        "trainer.batch_size=16",
        "trainer.baseline_epochs=1",
        "rounds=3",
    ]
    assert main([*typed, "trainer.batch_tokens=null", f"hydra.run.dir={run}", f"cache={tmp_path / 'cache'}"]) == 0
    record = json.loads((run / "result.json").read_text())
    assert [metric["key"] for metric in record["metrics"]] == [metric.key for metric in OF_RECOMMENDATION]
    names = [guess["name"] for guess in record["baselines"]]
    assert names == ["random order", "popularity", "recent popularity", "item-kNN", "EASE", "BPR"]
    for guess in record["baselines"][1:]:
        low, high = guess["difference_interval"]
        assert low <= guess["difference"] <= high
    assert record["data"]["ranked"] == {"users": 20, "items": 24}
    assert 0 <= record["behaviour"]["same_first_ten"] <= 1
    assert "difference_interval" in record["behaviour"]
    said = capsys.readouterr().out
    assert "BPR, " in said
    asked = ["search", str(run), "gate 7; bag 5", "--in", found["items"], "--keep", "item", "--top", "3", "--json"]
    assert main(asked) == 0
    near = json.loads(capsys.readouterr().out)["nearest"]
    assert len(near) == 3
    assert near[0]["text"] == f"the {KINDS[int(near[0]['item']) % 8]} number {near[0]['item']}"
