import json

import pytest
from safetensors.torch import load_file, save_file

from accel.compression.distill import Distill
from accel.config.compose import compose
from accel.core.meta import META
from accel.data.vocabulary import trim
from accel.errors import DataError, PlanError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.plan.decide import decide
from accel.report.metrics_file import read_metrics
from accel.weights import artifact
from tests.laws import Laws

LAWS = Laws(
    off=[
        "compression.distill.logits_weight=0",
        "compression.distill.hidden_weight=0",
        "compression.distill.task_weight=1",
    ],
    strong={
        "": (),
        "by relations and nearest layers": [
            "compression.distill.relations_weight=1",
            "compression.distill.hidden_match=nearest",
        ],
        "what is removed and rounded": ["compression=[prune,qat,distill]"],
        "everything": ["compression=[layers,prune,mask,qat,distill]"],
    },
    agrees_within=5e-4,  # with qat
    sabotage=("accel.compression.distill.Distill.adapt_loss", lambda self, loss, model, facts: loss),
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["temperature=0"], "temperature must be positive"),
        (["logits_weight=-1"], "at least 0"),
        (["confidence=1.5"], "confidence must be a probability"),
        (["logits_weight=0", "hidden_weight=0", "task_weight=0"], "the loss would be zero"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[distill]", *(f"compression.distill.{w}" for w in words)]))


@pytest.mark.slow
def test_comes_closer_to_the_teacher(train):
    words = ["compression=[distill]", "trainer.max_steps=40", "compression.distill.task_weight=0"]
    fitted, _, _ = train(*words)
    found = fitted.evidence["distill"]
    assert found["distill_hidden_last"] < found["distill_hidden_first"]


def test_the_teacher_is_not_in_the_checkpoint(train):
    import torch

    fitted, _, folder = train("compression=[distill]", "trainer.max_steps=4")
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert not [name for name in saved["state_dict"] if "teacher" in name]
    assert set(saved["state_dict"]) == {f"model.{n}" for n in fitted.model.state_dict()}


@pytest.fixture
def teacher(tmp_path):
    """Saves a teacher with a tokenizer and says where."""

    def saved(tokenizer):
        network = TinyBert().network(Classification(["a", "b"]))
        artifact.save_model(network, tokenizer, tmp_path, label_names=["a", "b"], max_length=32)
        return str(tmp_path)

    return saved


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (Classification(["a", "b", "c"]), "predicts the labels a, b, and the task has a, b, c"),
        (Classification(["b", "a"]), "the same labels in the same order"),
        (LanguageModelling(), "a model of classification, and the task is language modelling"),
    ],
)
def test_a_teacher_of_other_answers_is_refused(teacher, objective, text):
    tokenizer = TinyBert().tokenizer()
    technique = Distill(teacher=teacher(tokenizer))
    technique.check_data(tokenizer, Classification(["a", "b"]), 32)  # negative control
    with pytest.raises(DataError, match=text):
        technique.check_data(tokenizer, objective, 32)


def test_layers_alone_teach_whatever_the_labels(teacher):
    tokenizer = TinyBert().tokenizer()
    technique = Distill(teacher=teacher(tokenizer), logits_weight=0)
    technique.check_data(tokenizer, Classification(["good", "bad", "neither"]), 32)


@pytest.fixture
def saved_by_transformers(tmp_path):
    """A folder as ``save_pretrained`` leaves it: no accel.json."""

    def saved(**changes):
        objective = Classification(["negative", "positive"])
        model, folder = TinyBert().network(objective), tmp_path / "theirs"
        model.save_pretrained(folder)
        TinyBert().tokenizer().save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return saved


def test_a_model_that_transformers_saved_can_teach(saved_by_transformers, train):
    folder = saved_by_transformers()
    assert not (folder / META).exists()
    fitted, _, _ = train("compression=[distill]", f"compression.distill.teacher={folder}", "trainer.max_steps=4")
    assert fitted.evidence["distill"]["distill_logits_first"] > 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id2label": None}, "predicts the labels LABEL_0, LABEL_1, and the task has negative, positive"),
        ({"id2label": {"0": "positive", "1": "negative"}}, "the same labels in the same order"),
        ({"problem_type": "multi_label_classification"}, "was trained for multi_label_classification"),
        ({"architectures": ["BertModel"]}, "has no head that accel knows: .*BertModel"),
        ({"architectures": ["BertLMHeadModel"]}, "a model of language modelling, and the task is classification"),
    ],
)
def test_what_a_teacher_s_configuration_says_of_its_answers_is_checked(saved_by_transformers, changes, text):
    tokenizer, objective = TinyBert().tokenizer(), Classification(["negative", "positive"])
    folder = str(saved_by_transformers(**changes))
    with pytest.raises(DataError, match=text):
        Distill(teacher=folder).check_data(tokenizer, objective, 32)
    Distill(teacher=folder, logits_weight=0).check_data(tokenizer, objective, 32)  # its layers have no labels


def test_a_configuration_that_names_labels_by_no_number_is_told(saved_by_transformers):
    teacher = Distill(teacher=str(saved_by_transformers(id2label=["negative", "positive"])))
    with pytest.raises(DataError, match="must name labels 0, 1"):
        teacher.check_data(TinyBert().tokenizer(), Classification(["negative", "positive"]), 32)


def test_a_teacher_with_too_few_positions_is_refused(saved_by_transformers):
    teacher = Distill(teacher=str(saved_by_transformers()))
    room = TinyBert().network(Classification(["a", "b"])).config.max_position_embeddings
    words = (TinyBert().tokenizer(), Classification(["negative", "positive"]))
    teacher.check_data(*words, room)
    with pytest.raises(DataError, match=f"reads at most {room} tokens"):
        teacher.check_data(*words, room + 1)


def test_a_teacher_that_knows_padding_by_another_piece_is_refused(saved_by_transformers):
    """A decoder's classifier answers at the last token that is no padding: it would answer at the padding."""
    tokenizer = TinyBert().tokenizer()
    teacher = Distill(teacher=str(saved_by_transformers()))
    tokenizer.pad_token = tokenizer.sep_token
    with pytest.raises(DataError, match="knows padding by"):
        teacher.check_data(tokenizer, Classification(["negative", "positive"]), 32)


def test_a_teacher_without_its_head_s_weights_is_refused_where_it_would_predict(saved_by_transformers, train, tmp_path):
    """transformers would make a head of random numbers, and distillation would run."""
    folder = saved_by_transformers()
    state = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in state.items() if "classifier" not in name}, folder / "model.safetensors")
    words = ["compression=[distill]", f"compression.distill.teacher={folder}", "trainer.max_steps=4"]
    with pytest.raises(DataError, match="lacks weights of its head"):
        train(*words, "compression=[prune,distill]")  # whose dense baseline is not trained for nothing
    assert not list(tmp_path.rglob("baselines"))
    fitted, _, _ = train(*words, "compression.distill.logits_weight=0")
    assert fitted.evidence["distill"]["distill_hidden_first"] > 0


def test_a_teacher_that_reads_other_pieces_is_refused(teacher):
    """It would be given the student's numbers: an IndexError at best, another text's answers at worst."""
    whole = TinyBert().tokenizer()
    trimmed = trim(TinyBert().tokenizer(), set(range(0, len(whole), 2))).tokenizer
    assert len(trimmed) < len(whole)
    with pytest.raises(DataError, match="has another vocabulary than the student"):
        Distill(teacher=teacher(trimmed)).check_data(whole, Classification(["a", "b"]), 32)


def test_it_is_refused_before_anything_is_trained(teacher, train):
    folder = teacher(trim(TinyBert().tokenizer(), set(range(30))).tokenizer)
    with pytest.raises(DataError, match="has another vocabulary"):
        train("compression=[distill]", f"compression.distill.teacher={folder}", "compression.distill.logits_weight=0")


@pytest.fixture
def pool(tmp_path):
    file = tmp_path / "pool.csv"
    file.write_text("text\n" + "".join(f"a word of number {i} that is new\n" for i in range(60)))
    return f"task.unlabelled={file}"


@pytest.mark.slow
def test_texts_without_labels_are_learned_from_and_doubted_answers_are_not_imitated(train, pool):
    words = ["compression=[distill]", "trainer.max_steps=6", "trainer.batch_size=64", "trainer.batch_tokens=null"]
    alone, without, _ = train(*words)
    found = {}
    for confidence in (0, 1):
        fitted, losses, folder = train(*words, pool, f"compression.distill.confidence={confidence}")
        assert losses != without
        found[confidence] = read_metrics(folder / "metrics.csv")["train/answers_imitated"]
        assert fitted.evidence["distill"]["answers_imitated_last"] == found[confidence][-1][1]
    assert all(share == 1 for _, share in found[0])
    shares = [share for _, share in found[1]]  # a batch is of one length, so it may have texts of one kind alone
    assert 0 < sum(shares) / len(shares) < 1, "no answer is certain, and a label always is"
    assert "answers_imitated_last" not in alone.evidence["distill"]
