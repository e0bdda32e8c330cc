import pytest

from accel.inference.columns import text_columns_of


@pytest.mark.parametrize(
    ("config", "columns"),
    [
        ("task: {text: review}", ["review"]),
        ("task: {text: [question, answer]}", ["question", "answer"]),
        ("task: {max_length: 64}", ["text"]),
        ("task: {text: 5}", ["5"]),
        ("[", ["text"]),
        ("", ["text"]),
    ],
)
def test_the_run_says_its_columns_to_its_model_too(tmp_path, config, columns):
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "model").mkdir()
    assert text_columns_of(tmp_path) == columns
    assert text_columns_of(tmp_path / "model") == columns


def test_a_model_without_a_run(tmp_path):
    assert text_columns_of(tmp_path) == ["text"]
