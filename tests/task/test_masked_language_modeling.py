"""Finding hidden words, from a file to the fine-tuning that goes on from it, and every option with it on a tiny model."""

import pytest
import torch

from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.errors import PlanError
from accel.model.local import Local
from accel.objective.classification import Classification
from accel.objective.masked_language_modeling import MaskedLanguageModelling
from accel.plan.decide import decide
from accel.run.score import scorer
from accel.task.masked_language_modeling import MaskedLanguageModeling
from accel.weights import artifact
from accel.weights.pretrained import NEW_HEAD
from tests.conftest import write_tiny_csv


@pytest.fixture
def corpus(tmp_path):
    lines = write_tiny_csv(tmp_path / "tiny.csv").read_text().splitlines()[1:]
    file = tmp_path / "corpus.txt"
    file.write_text("\n\n".join(line.rpartition(",")[0] for line in lines))
    return file


@pytest.fixture
def hide(train, corpus, tiny_run):
    """``train`` with this task; what is exported, the data, and its metrics."""

    def run(*words):
        task = ["task=masked_language_modeling", f"task.train={corpus}", "task.block_length=32"]
        fitted, losses, _ = train(*task, *words)
        plan = decide(compose([*tiny_run, *task, *words]))
        data = prepare(plan.task.load(0), plan)
        model = fitted.model.float().eval()
        for technique in plan.techniques:
            model = technique.export(model).eval()
        return fitted, losses, model, data, scorer(data)(model).metrics

    return run


OPTIONS = {
    "prune+distill": ["compression=[prune,distill]", "compression.prune.every_steps=1"],
    "mask+ptq": ["compression=[mask,ptq]", "compression.mask.every_steps=1"],
    "layers+qat": ["compression=[layers,qat]"],
    "lora": ["tuning=lora"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_acts_on_it_and_its_model_is_loaded_again(hide, tmp_path, name):
    fitted, losses, exported, data, metrics = hide("trainer.max_steps=4", *OPTIONS[name])
    assert all(fitted.evidence.values())
    assert len(losses) == 4
    assert metrics["perplexity"] < 262  # a guess among all pieces
    artifact.save_model(exported, data.tokenizer, tmp_path / "out", **data.artifact_facts())
    reloaded = artifact.load_model(tmp_path / "out")
    assert scorer(data)(reloaded).metrics == pytest.approx(metrics, abs=1e-5)


def test_what_was_learned_is_where_the_next_task_begins(hide, tmp_path):
    """Every weight of the body, the tied table of pieces among them; and the head is found again by its own task."""
    _, losses, model, data, metrics = hide("trainer.max_steps=12", "trainer.learning_rate=1e-2")
    assert metrics["loss"] < 5 < losses[0]
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    artifact.save_model(model, data.tokenizer, tmp_path / "model", **data.artifact_facts())
    local = Local(path=str(tmp_path))  # the run's folder
    local.check()
    body = local.network(Classification(["a", "b"])).bert.state_dict()
    trained = model.bert.state_dict()
    assert len(trained) > 30
    assert trained.keys() == {name for name in body if not name.startswith("pooler.")}
    assert all(torch.equal(body[name], weight) for name, weight in trained.items())
    again = local.network(MaskedLanguageModelling())
    assert getattr(again, NEW_HEAD) == ()
    assert scorer(data)(again.eval()).metrics == pytest.approx(metrics)


def test_a_checkpoint_without_the_head_is_noticed(tmp_path):
    from accel.model.tiny_bert import TinyBert

    tiny, labels = TinyBert(), Classification(["a", "b"])
    artifact.save_model(tiny.network(labels), tiny.tokenizer(), tmp_path, label_names=["a", "b"], max_length=16)
    network = Local(path=str(tmp_path)).network(MaskedLanguageModelling())
    assert "cls.predictions.transform.dense.weight" in getattr(network, NEW_HEAD)
    assert network.cls.predictions.decoder.weight is network.bert.embeddings.word_embeddings.weight
    assert not hasattr(Local(path=str(tmp_path)).network(labels), NEW_HEAD)


@pytest.mark.slow
def test_a_private_run_protects_whole_documents(hide):
    words = ["privacy=dpsgd", "privacy.epsilon=null", "privacy.noise_multiplier=1", "trainer.max_steps=2"]
    fitted, *_ = hide(*words)
    assert all(fitted.evidence.values())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["model=tiny_gpt2"], "on both sides of a hidden word has to be read, and a gpt2 does not"),
        (["model=tiny_t5"], "and a t5 does not"),
        (["model=tiny_bert", "compression=[vocabulary]"], "predicts every token of its vocabulary"),
        (["model=tiny_bert", "tuning=head"], "output embedding"),
        (["model=tiny_bert", "tuning=prompt"], "every position needs a target"),
        (["model=tiny_bert", "task.fraction=0"], "fraction must be between 0 and 1"),
        (["model=tiny_bert", "trainer.calibrate=true"], "calibrate"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["task=masked_language_modeling", "task.train=a.txt", *words]))


def test_encoders_are_not_refused_and_metrics_are_known():
    plan = decide(compose(["task=masked_language_modeling", "task.train=a.txt", "model=roberta_base"]))
    assert isinstance(plan.task, MaskedLanguageModeling)
    assert plan.task.metrics() == plan.task.predicts().metrics
