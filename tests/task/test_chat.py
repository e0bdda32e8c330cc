"""Conversations from a file: splits, refusals, every kind of technique on replies, and a run from file to files."""

import json

import pytest
import torch

from accel.cli import main
from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.data.tokens import IGNORED
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.run.score import scorer
from accel.task.chat import Chat
from accel.weights import artifact
from tests.conftest import tiny_words

THINGS = ("parcel", "flight", "refund", "seat", "meal", "bag", "ticket", "gate")


def turns(*said):
    return [{"role": ("user", "assistant")[n % 2], "content": words} for n, words in enumerate(said)]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows(count=80):
    """Of one or two replies, of unequal lengths."""
    for n in range(count):
        thing = THINGS[n % 8]
        said = [f"where is {thing} {n}?", f"in room {n % 8}"]
        yield {"messages": turns(*said, "thanks", "bye " * (1 + n % 3)) if n % 2 else turns(*said), "who": f"c{n % 20}"}


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    return write(tmp_path_factory.mktemp("chats") / "chats.jsonl", rows())


def words_of(chats):
    return ["task=chat", f"task.train={chats}", "task.template=plain", "task.max_length=96", "task.test_fraction=0.1"]


def test_a_conversation_is_in_one_split_and_a_group_is_where_there_is_one(chats):
    def places(**settings):
        found = Chat(train=chats, test_fraction=0.2, validation_fraction=0.2, **settings).load(0)
        return [{text for (text,) in split.texts} for split in (found.train, found.validation, found.test)]

    alone = places()
    assert sum(map(len, alone)) == len(set().union(*alone)) == 80
    number = {json.dumps(row["messages"]): n for n, row in enumerate(rows())}
    who = [
        {number[text.replace(": bye", ": bye")] % 20 for text in split if text in number}
        for split in places(split_by="who")
    ]
    assert all(who)
    assert not who[0] & who[1] | who[1] & who[2] | who[0] & who[2]


@pytest.fixture
def teach(train, chats, tiny_run):
    """``train`` with this task, and what it made."""

    def run(*words):
        task = words_of(chats)
        fitted, losses, _ = train(*task, *words)
        plan = decide(compose([*tiny_run, *task, *words]))
        data = prepare(plan.task.load(0), plan)
        model = fitted.model.float().eval()
        for technique in plan.techniques:
            model = technique.export(model).eval()
        return fitted, losses, model, data

    return run


OPTIONS = {
    "tiny_llama": ["compression=[prune,qat,distill]", "compression.prune.every_steps=1"],
    "tiny_gpt2": ["tuning=lora", "compression=[qat]"],
}


@pytest.mark.parametrize("model", OPTIONS)
def test_techniques_act_on_replies_and_the_model_reloads(teach, tmp_path, model):
    fitted, losses, exported, data = teach(f"model={model}", "trainer.max_steps=4", *OPTIONS[model])
    assert fitted.evidence
    assert all(fitted.evidence.values())
    assert len(losses) == 4
    artifact.save_model(exported, data.tokenizer, tmp_path / "out", **data.artifact_facts())
    reloaded = artifact.load_model(tmp_path / "out")
    ids = torch.randint(5, 250, (2, 24), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert (exported(input_ids=ids).logits - reloaded(input_ids=ids).logits).abs().max() < 1e-5
    assert artifact.tokenizer_of(tmp_path / "out").chat_template == data.tokenizer.chat_template


def test_replies_are_learned_by_heart_and_questions_are_not(teach):
    words = ["model=tiny_llama", "model.num_layers=1", "model.width=32", "trainer.max_steps=40"]
    _, losses, model, data = teach(*words, "trainer.learning_rate=2e-2", "trainer.batch_size=8")
    found = scorer(data)(model).metrics
    assert list(found) == ["reply_perplexity", "accuracy", "loss"]
    assert found["loss"] < 1.5 < 4 < losses[0]
    batch = next(iter(data.test_batches()))
    asked = batch["input_ids"].masked_fill((batch["labels"] != IGNORED) | (batch["attention_mask"] == 0), IGNORED)
    with torch.inference_mode():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    of_questions = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), asked[:, 1:].flatten())
    assert float(of_questions) > 4


def test_a_step_is_the_same_in_however_many_batches(teach):
    """The mean is over tokens of replies, not over conversations or all tokens."""
    words = ["model=tiny_llama", "model.num_layers=1", "trainer.max_steps=1", "trainer.precision=fp64"]
    words += ["trainer.batch_size=1000"]
    _, whole, *_ = teach(*words)
    _, parts, *_ = teach(*words, "trainer.accumulate=4")
    assert parts[0] == pytest.approx(whole[0], abs=1e-12)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["model=tiny_bert"], "must predict each token from those before it, and a bert does not"),
        (["compression=[vocabulary]"], "predicts every token of its vocabulary"),
        (["tuning=head"], "output embedding"),
        (["tuning=prompt"], "every position needs a target"),
        (["task.max_length=4"], "max_length must be at least 16"),
        (["task.test_fraction=1"], "a share of the conversations"),
        (["task.template=chatlm"], "template must be one of chatml, plain, or a .jinja file"),
        (["task.messages=a", "task.split_by=a"], "another column than the turns"),
        (["trainer.calibrate=true"], "calibrate"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["task=chat", "task.train=x.jsonl", "model=tiny_gpt2", *words]))


WRONG = {
    "a question without a reply": (["task.train={bad}"], "bad.jsonl, line 2 ends with a turn of the user"),
    "no template": (["task.template=null"], "no chat template"),
    "no such template": (["task.template={folder}/none.jinja"], "none.jinja cannot be read"),
    "a template that nothing can be proven of": (["task.template={folder}/odd.jinja"], "once others follow it"),
    "too short": (["task.max_length=16"], "no conversation of a split has a reply that begins before it"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_run_that_cannot_be_is_told_in_words(chats, tmp_path, capsys, name):
    write(tmp_path / "bad.jsonl", [{"messages": turns("a", "b")}, {"messages": turns("a", "b", "c")}])
    (tmp_path / "odd.jinja").write_text(
        "{% for m in messages %}{{ m['content'] + eos_token }}{% if loop.last and not add_generation_prompt %}.{% endif %}{% endfor %}"
    )
    words, message = WRONG[name]
    given = [word.format(bad=tmp_path / "bad.jsonl", folder=tmp_path) for word in words]
    run = [word for word in tiny_words(chats, tmp_path / "run") if not word.startswith(("task", "model"))]
    assert main([*run, *words_of(chats), "model=tiny_llama", *given]) == 2
    said = capsys.readouterr()
    assert message in said.out + said.err
    assert "Traceback" not in said.out + said.err


def test_files_of_their_own_share_no_conversation(chats, tmp_path):
    test = write(tmp_path / "test.jsonl", [next(rows()), {"messages": turns("something", "new")}])
    data = Chat(train=chats, test=test).load(0)
    assert len(data.test) == 2
    assert len(data.train) + len(data.validation) == 79
    assert data.dropped == 1


def test_conversations_without_a_reply_in_reach_are_told(chats, tmp_path, capsys):
    late = write(tmp_path / "late.jsonl", [*rows(), {"messages": turns("x" * 200, "y")}])
    run = [word for word in tiny_words(late, tmp_path / "run") if not word.startswith(("task", "model"))]
    words = [*words_of(late), "model=tiny_llama", "model.num_layers=1", "trainer.max_steps=1"]
    assert main([*run, *words]) == 0
    assert "1 of 81 examples have nothing to predict within 96 tokens" in capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert any("1 of 81" in note for note in record["data"]["notes"])
    assert set(record["after"]["metrics"]) == {"reply_perplexity", "accuracy", "loss"}
    assert record["after"]["generation"]["decode_tokens_per_s"] > 0
    assert main(["predict", str(tmp_path / "run"), "hi"]) == 2
    assert "accel chat" in capsys.readouterr().err


@pytest.mark.slow
def test_an_int8_file_is_made_of_it(chats, tmp_path):
    run = [w for w in tiny_words(chats, tmp_path / "run") if not w.startswith(("task", "model", "engines"))]
    words = ["model=tiny_llama", "model.num_layers=1", "engines=[eager,onnxruntime]", "compression=[qat]"]
    assert main([*run, *words_of(chats), *words, "trainer.max_steps=3"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert {e["format"] for e in record["exports"]} == {"safetensors", "onnx", "onnx-int8"}
    assert record["before"]["metrics"]["reply_perplexity"] > 1
