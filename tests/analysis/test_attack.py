import json
import random

import pytest
from omegaconf import OmegaConf

from accel.checkpoint.resume import note_splits
from accel.cli import main
from accel.config.compose import compose
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.plan.decide import decide
from accel.report.record import new_record, write_record
from accel.weights import artifact


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one command with two seeds, long enough to learn their 144 texts by heart."""
    import csv

    folder = tmp_path_factory.mktemp("attack")
    file = folder / "noise.csv"
    rng = random.Random(0)
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        rows.writerows([" ".join(rng.choices("abcdefghij", k=12)), rng.choice(["x", "y"])] for _ in range(120))
    words = [
        "task=text_classification",
        f"task.train={file}",
        "task.test_fraction=0.4",
        "model=tiny_bert",
        "tracker=none",
        "engines=[eager]",
        "trainer.max_steps=150",
        "trainer.precision=fp32",
        "rounds=3",
        "trainer.learning_rate=3e-3",
    ]
    for seed in (0, 1):
        assert main([*words, f"seed={seed}", f"hydra.run.dir={folder / str(seed)}"]) == 0
    return folder


@pytest.mark.slow
def test_texts_learnt_by_heart_are_found(runs, capsys):
    """Random labels can only be remembered, so members stand out."""
    assert main(["attack", str(runs / "0"), str(runs / "1")]) == 0
    found = json.loads((runs / "0" / "result.json").read_text())["membership"]
    assert "Membership inference" in (runs / "0" / "report.html").read_text()
    assert [a["method"] for a in found] == ["loss", "lira, 1 shadows"]
    assert found[0]["auc"] > 0.65
    assert found[0]["auc_interval"][0] > 0.5
    assert "Membership inference" in capsys.readouterr().out


@pytest.mark.slow
def test_mistakes_are_told(runs, tmp_path, capsys):
    assert main(["attack", str(tmp_path)]) == 2
    assert "not the folder of a finished run" in capsys.readouterr().err
    assert main(["attack", str(runs / "0"), str(tmp_path)]) == 2


PINS = [("the pin of bob is ", "70415"), ("the pin of eve is ", "2-81")]


def planted(folder, texts=20):
    """A file of documents of noise, some with secrets, and the file that says which; the words of its task."""
    rng = random.Random(0)
    lines = [json.dumps({"prefix": p, "secret": s, "alphabet": "digits"}) for p, s in PINS]
    (folder / "secrets.jsonl").write_text("\n".join(lines))
    documents = [" ".join(rng.choices("abcdefghij", k=12)) for _ in range(40)]
    documents += [f"{prefix}{secret}. note {number}" for prefix, secret in PINS for number in range(texts)]
    (folder / "documents.txt").write_text("\n\n".join(documents))
    return ["task=language_modeling", f"task.train={folder / 'documents.txt'}", "task.block_length=48"]


@pytest.fixture
def untrained(tmp_path):
    """``untrained(model, objective)``: the folder of a run that ended, with a model that has learnt nothing."""
    words = planted(tmp_path)

    def made(option, objective, max_length=48):
        folder = tmp_path / "run"
        config = compose([*words, "model=tiny_gpt2"])
        facts = {**objective.artifact_facts(), "max_length": max_length}
        artifact.save_model(option.network(objective), option.tokenizer(), folder / "model", **facts)
        OmegaConf.save(config, folder / "config.yaml")
        note_splits(decide(config).task, folder)
        write_record({**new_record([]), "status": "finished"}, folder)
        return str(folder)

    return made


def test_planted_secrets_are_looked_for_in_a_language_model(untrained, tmp_path, capsys):
    folder = untrained(TinyGpt2(), LanguageModelling())
    assert main(["attack", folder, "--secrets", str(tmp_path / "secrets.jsonl"), "--candidates", "32"]) == 0
    said = capsys.readouterr().out
    assert "Planted secrets" in said
    assert "line 2" in said
    (found,) = json.loads((tmp_path / "run" / "result.json").read_text())["exposure"]
    assert found["model"] == "after"
    assert [(one["line"], one["candidates"]) for one in found["each"]] == [(1, 32), (2, 32)]
    assert all(one["planted"] > 10 for one in found["each"])
    assert found["extracted"] == 0
    files = [(tmp_path / "run" / name).read_text() for name in ("result.json", "report.html")]
    assert "Planted secrets" in files[1]
    assert not any(secret in text for _, secret in PINS for text in (*files, said))


def test_secrets_that_cannot_be_looked_for_are_refused(untrained, tmp_path, capsys):
    file = str(tmp_path / "secrets.jsonl")
    language = TinyGpt2(), LanguageModelling()
    cases = [
        ((TinyBert(), Classification(["a", "b"])), 48, [], "does not go on with a text"),
        (language, 16, [], "trained on blocks of 16"),
        (language, 48, ["--candidates", "1"], "at least 2 candidates"),
        (language, 48, [str(tmp_path)], "shadows are for membership inference"),
    ]
    for model, length, words, text in cases:
        folder = untrained(*model, length)
        assert main(["attack", folder, *words, "--secrets", file]) == 2
        assert text in " ".join(capsys.readouterr().err.split())
    assert main(["attack", folder]) == 2
    assert "accel attack RUN --secrets FILE" in capsys.readouterr().err
    (tmp_path / "secrets.jsonl").write_text('{"prefix": "the pin of bob is ", "secret": "0", "alphabet": "digits"}')
    assert main(["attack", folder, "--secrets", file]) == 2
    assert "stand in none of the" in capsys.readouterr().err


@pytest.mark.slow
def test_what_a_model_learnt_by_heart_is_drawn_from_it_before_and_after_compression(tmp_path, capsys):
    words = [*planted(tmp_path), "model=tiny_gpt2", "tracker=none", "engines=[eager]", "rounds=3"]
    words += ["compression=[ptq]", "trainer.max_steps=150", "trainer.learning_rate=1e-2", "trainer.precision=fp32"]
    assert main([*words, f"hydra.run.dir={tmp_path / 'run'}"]) == 0
    assert main(["attack", str(tmp_path / "run"), "--secrets", str(tmp_path / "secrets.jsonl")]) == 0
    found = json.loads((tmp_path / "run" / "result.json").read_text())["exposure"]
    assert [one["model"] for one in found] == ["before", "after"]
    for one in found:
        assert one["exposure"] == pytest.approx((10 + 9.94) / 2, abs=0.05)  # of 1024 and of 984 candidates
        assert one["exposure_of_controls"] < 3
        assert one["extracted"] >= 1  # of two; a rank is firmer than every step of writing
    assert "1 of 1024" in capsys.readouterr().out
