import json
import sys

import pytest

from accel.config import redact as redact_module
from accel.config.redact import (
    HIDDEN,
    Guarded,
    Redactor,
    guarded_streams,
    is_secret_name,
    learn,
    printable,
    printable_json,
    redact,
    redact_text,
)

NAMES_OF_SECRETS = [
    "api_key",
    "API_KEY",
    "apiKey",
    "OPENAI_API_KEY",
    "openai.api_key",
    "api_keys",
    "API_KEY_2",
    "api-key",
    "apikey",
    "token",
    "HF_TOKEN",
    "hf_token",
    "access_token",
    "refresh_token",
    "GITHUB_TOKEN",
    "SLACK_BOT_TOKEN",
    "auth_token",
    "password",
    "PASSWORD",
    "db_password",
    "passwd",
    "DB_PWD",
    "PGPASSWORD",
    "passphrase",
    "secret",
    "client_secret",
    "SECRET_KEY",
    "clientSecret",
    "aws_secret_access_key",
    "AWS_ACCESS_KEY",
    "access_key",
    "accessKey",
    "private_key",
    "SSH_PRIVATE_KEY",
    "credential",
    "credentials",
    "connection_string",
    "CONNECTION_STRING",
    "auth",
    "basic_auth",
    "dsn",
    "SENTRY_DSN",
    "account_key",
    "signing_key",
    "password_old",
    "secrets",
    "passwords",
    "webhook_url",
    "TEST_PASSWORD",
    "API_KEY_PROD",
    "wandb_api_key",
    "license_key",
]
INNOCENT_NAMES = [
    "image_token",
    "max_tokens",
    "batch_tokens",
    "pad_token_id",
    "tokenizer",
    "kept_tokens",
    "secret_santa",
    "use_cls_token",
    "num_memory_tokens",
    "pad_token",
    "eos_token",
    "bos_token",
    "unk_token",
    "mask_token",
    "cls_token",
    "sep_token",
    "decoder_start_token",
    "additional_special_tokens",
    "tokens",
    "token_count",
    "token_type_ids",
    "tokenize",
    "monkey",
    "key",
    "keys",
    "keyboard",
    "sort_key",
    "primary_key",
    "author",
    "authors",
    "authority",
    "public_key_size",
    "password_length",
    "passwordless",
    "secretary",
    "api",
    "access",
    "private",
    "register_token",
    "ms_per_token",
    "last_token",
    "first_token",
    "special_token",
    "tokens_per_second",
    "credentials_file",
    "auth_required",
    "video_token",
    "ssh_auth_sock",
]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP"
SHAPES = {
    "hf_" + "aB3" * 10: "aB3aB3",
    "sk-" + "x1" * 12: "x1x1",
    "sk-ant-api03-" + "x1" * 12: "x1x1",
    "sk_live_" + "4eC39" * 4: "4eC39",
    "ghp_" + "a" * 36: "aaaa",
    "gho_" + "b1" * 18: "b1b1",
    "github_pat_" + "c2" * 20: "c2c2",
    "glpat-" + "d3" * 10: "d3d3",
    "AKIA" + "A1B2" * 4: "A1B2",
    "ASIA" + "A1B2" * 4: "A1B2",
    "xoxb-123456789012-abcdef": "abcdef",
    "AIza" + "Sy-9" * 9: "Sy-9",
    "npm_" + "e5" * 18: "e5e5",
    "SG." + "f6" * 11 + "." + "g7" * 20: "g7g7",
    JWT: "dBjftJeZ4CVP",
    "Authorization: Bearer abc123def456": "abc123def456",
    "Basic dXNlcjpwYXNz": "dXNlcjpwYXNz",
    "postgres://user:pass9word@host/db": "pass9word",
    "https://me:pass@host/x": "me:pass",
    "https://ghtoken123@github.com/x": "ghtoken123",
    "mysql://u:p@ss/w0rd@host:3306/db": "w0rd",
    "redis://:hunter2@cache:6379": "hunter2",
    "db.password=hunter2 seed=1": "hunter2",
    "--api-key=abcd": "abcd",
    "+task.api_key='a b c9'": "b c9",
    '{"api_key": "abcd"}': "abcd",
    "{api_key: abcd}": "abcd",
    "API_KEY=abcd python": "abcd",
    "export HF_TOKEN=abcd": "abcd",
    "https://host/x?access_token=abcd&x=1": "abcd",
    "AccountName=x;AccountKey=abcd==;": "abcd",
    "password: hunter2": "hunter2",
    "api_key=${oc.env:KEY,abcd}": "abcd",
    "wandb_v1_" + "h8" * 12: "h8h8",
    "local-" + "0123456789" * 4: "0123456789",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----": "MIIEabc",
    "-----BEGIN PRIVATE KEY-----\nMIIEabc": "MIIEabc",
    "https://hooks.slack.com/services/T00/B00/XXXX": "XXXX",
    'error: "{\\"api_key\\": \\"abcd\\"}"': "abcd",
    "ya29." + "i9" * 12: "i9i9",
    "pypi-" + "j1" * 20: "j1j1",
}
INNOCENT_TEXTS = (
    "batch_tokens=1024", "pad_token=[PAD]", "tokenizer=bert", "outputs/2026-11-28/19-43-11", "sha256 " + "ab12" * 16,
    "commit 0123456789abcdef0123456789abcdef01234567", "http://localhost:8080/a@b", "https://host/path?x=1",
    "ssh://git@github.com/x", "me@example.org", "task=airline", "skip-connections-everywhere-in-this-net",
    "Unexpected token: the end", "secret_santa=anna", "compression=[prune,qat]", "lr=1e-5", "api_key=null", "password=",
    "a token is a piece of a word", "mask_token: [MASK]", "sk-learn", "hf_hub", "basic needs", "bearer of news",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch):
    monkeypatch.setattr(redact_module, "_learned", set())


def test_the_tables_are_as_long_as_was_promised():
    assert len(NAMES_OF_SECRETS) >= 41
    assert len(INNOCENT_NAMES) >= 40
    assert len(SHAPES) >= 41


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_names_that_hold_secrets(name):
    assert is_secret_name(name)
    assert redact({"a": [{name: "x"}]}) == {"a": [{name: HIDDEN}]}


@pytest.mark.parametrize("name", INNOCENT_NAMES)
def test_names_that_do_not(name):
    assert not is_secret_name(name)
    assert redact({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(("text", "secret"), SHAPES.items())
def test_shapes_go_wherever_they_stand(text, secret):
    shown = redact({"a": [text, {"b": f"run with {text} now"}], text: 1})
    assert secret not in str(shown).replace(text, "") or text in shown
    assert secret not in redact_text(text)
    assert secret not in redact_text(f"run with {text} now")
    json.loads(json.dumps(shown))


@pytest.mark.parametrize("text", INNOCENT_TEXTS)
def test_innocent_texts_stay(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "value", ["Zq9!vTr4#", "correct horse battery staple", 'quo"ted<&9', "päss9wörd", "0123456789" * 4]
)
def test_the_value_of_a_variable_with_a_secrets_name_is_found_everywhere(value, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", value)
    for written in (
        value,
        json.dumps({"x": value}),
        repr(value),
        f"run {value} end",
        f"<p>{redact_module.escape(value)}",
    ):
        assert HIDDEN in redact_text(written)
        assert value not in redact_text(written)
    monkeypatch.delenv("MY_API_KEY")
    assert redact_text(f"run {value} end") == f"run {value} end"


@pytest.mark.parametrize("value", ["1", "abc", "123456", "disabled", "/etc/hosts", "~/key.json", "tokens"])
def test_a_number_a_common_word_and_a_path_are_not_looked_for(value, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", value)
    assert redact_text(f"run {value} end") == f"run {value} end"


def test_the_password_of_a_database_is_found_without_its_url(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://u:Zq9vTr4@host/db")
    assert redact_text("no user with Zq9vTr4") == f"no user with {HIDDEN}"


def test_what_the_command_line_and_the_configuration_call_a_secret_is_found_in_messages():
    learn(["+task.api_key='Zq9vTr4'", "+x={password: Yq8vTr3}"], {"a": [{"credentials": {"b": "Xq7vTr2"}}]})
    assert redact_text("Zq9vTr4, Yq8vTr3 and Xq7vTr2") == f"{HIDDEN}, {HIDDEN} and {HIDDEN}"


def test_what_is_empty_or_a_switch_stays():
    values = {"password": None, "auth": True, "token": "", "seed": 1, "names": ["a", "b"], "none": None}
    assert redact(values) == values
    assert redact({"credentials": {"user": "a", "n": [1]}}) == {"credentials": {"user": HIDDEN, "n": [HIDDEN]}}


def test_redacting_twice_changes_nothing():
    for text in SHAPES:
        assert redact_text(redact_text(text)) == redact_text(text)


def test_control_characters_of_others_are_taken_out():
    found = printable({"\x1b[2Ja": ["b\x9b31m\u202e", "zeile\n\tzwei", 1], "c": {"d": "\x1b]0;owned\x07"}})
    assert found == {"[2Ja": ["b31m", "zeile\n\tzwei", 1], "c": {"d": "]0;owned"}}


def test_streams_let_nothing_through_and_come_back(capsys):
    before = sys.stdout
    with guarded_streams():
        print("password=hunter2 \x1b[2J\rseite")
        print("password=hunter3", file=sys.stderr)
        assert isinstance(sys.stdout, Guarded)
    assert sys.stdout is before
    shown = capsys.readouterr()
    assert shown.out == f"password={HIDDEN} [2J\rseite\n"
    assert "hunter3" not in shown.err


def test_a_traceback_lets_nothing_through(capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(ValueError, match="hunter2"), guarded_streams():
        raise ValueError("password=hunter2")
    sys.excepthook(*sys.exc_info()) if sys.exc_info()[0] else sys.excepthook(
        ValueError, ValueError("password=hunter2"), None
    )
    shown = capsys.readouterr().err
    assert HIDDEN in shown
    assert "hunter2" not in shown


def test_without_the_redactor_everything_is_there(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(Redactor, "text", lambda self, text: text)
    assert redact_text("password=hunter2") == "password=hunter2"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "plain \\" 航班 \\\\ \\n"}', {"a": 'plain " 航班 \\ \n'}),
        ('["\\u001b[2Jx", "\\rx", "\\bx", "\\u202ex"]', ["[2Jx", "x", "x", "x"]),
        ('{"\x7fk": "\u202ev"}', {"k": "v"}),
    ],
)
def test_json_of_somebody_else_is_printable(text, value):
    assert printable_json(text) == value
