import json

import pytest

from accel.cli import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one command with two seeds, long enough to learn their 144 texts by heart."""
    import csv
    import random

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
