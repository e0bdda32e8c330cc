import json

import pytest

from accel.analysis.attribution import Attribution
from accel.analysis.explain import PAGE, render
from accel.cli import main
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.weights import artifact


@pytest.mark.parametrize(
    ("words", "text"),
    [(["nowhere", "text"], "is no folder"), (["."], "nothing to explain"), ([".", "text"], "holds no exported model")],
)
def test_mistakes_are_told(words, text, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["explain", *words]) == 2
    assert text in capsys.readouterr().err


def test_prints_json_lines_and_writes_a_page(tmp_path, capsys):
    model = TinyBert()
    artifact.save_model(
        model.network(Classification(["bad", "good"])),
        model.tokenizer(),
        tmp_path,
        label_names=["bad", "good"],
        max_length=32,
    )
    assert main(["explain", str(tmp_path), "rude crew", "客服"]) == 0
    said = capsys.readouterr()
    assert f"Page: {tmp_path / 'explain.html'}" in said.err
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [a["text"] for a in answers] == ["rude crew", "客服"]
    assert set(answers[0]) == {"text", "label", "score", "tokens", "attributions", "gap"}
    page = (tmp_path / PAGE).read_text("utf8")
    assert page.count("<section>") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert main(["explain", str(tmp_path), "x", "--html", str(tmp_path / "no" / "page.html")]) == 2


def test_hostile_tokens_are_text():
    page = render(
        [Attribution("t", {"label": "<script>x</script>", "score": 0.5}, ["<img src=x onerror=alert(1)>"], [1.0], 0.0)]
    )
    assert "<script>x" not in page
    assert "<img" not in page
