import pytest

from accel.redact import HIDDEN, is_secret_name, redact, redact_text


@pytest.mark.parametrize(
    "name", ["api_key", "hf_token", "password", "secret", "wandb_api_key", "accessKey", "auth", "token"]
)
def test_names_that_hold_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["use_cls_token", "num_memory_tokens", "pad_token", "tokenizer", "key", "batch_tokens", "monkey"]
)
def test_names_that_do_not(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "hf_" + "aB3" * 10,
        "sk-" + "x1" * 12,
        "ghp_" + "a" * 36,
        "AKIA" + "A1B2" * 4,
        "0123456789abcdef" * 2 + "01234567",
    ],
)
def test_values_that_are_secrets_go_wherever_they_stand(value):
    text = str(redact({"a": [value, {"b": f"run with {value} now"}], "c": value}))
    assert value not in text
    assert text.count(HIDDEN) == 3


def test_urls_and_assignments():
    assert redact_text("https://me:pass@host/x") == f"https://{HIDDEN}@host/x"
    assert "hunter2" not in redact_text("db.password=hunter2 seed=1")
    assert "seed=1" in redact_text("db.password=hunter2 seed=1")


def test_nothing_else_changes():
    values = {"seed": 1, "names": ["a", "b"], "text": "batch_tokens=1024", "none": None}
    assert redact(values) == values
