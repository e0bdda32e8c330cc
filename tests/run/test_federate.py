import pytest

from accel.cli import main
from accel.errors import ConfigError
from accel.federated.secret import VARIABLE
from accel.run import federate as command
from accel.run.federate import serving
from accel.strategy.federated import Federated


def test_serving_is_a_run_that_listens(tmp_path):
    words = serving(["0.0.0.0:7070", "--secret-file", str(tmp_path / "s"), "model=tiny_bert", "strategy.clients=2"])
    assert words == ["strategy=federated", "strategy.listen='0.0.0.0:7070'",
                     f"strategy.secret_file='{tmp_path / 's'}'", "model=tiny_bert", "strategy.clients=2"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give secret, serve or join"),
        (["dance"], "give secret, serve or join"),
        (["join"], "required"),
        (["join", "nowhere"], "no HOST:PORT"),
        (["serve", "nowhere"], "no HOST:PORT"),
        (["join", "h:1", "tuning=lora"], "aggregator decides"),
        (["join", "h:1", "--nonsense"], "no flag and no setting"),
        (["join", "h:1", "--wait-s", "0"], "more than 0"),
        (["join", "h:1", "--tls-ca", "none.pem"], "cannot be used"),
    ],
)
def test_a_mistake_is_told(words, said, capsys, monkeypatch):
    monkeypatch.setenv(VARIABLE, "s" * 32)
    assert main(["federate", *words]) == 2
    assert said in capsys.readouterr().err


def test_without_a_secret_nobody_joins_or_serves(monkeypatch, capsys):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert main(["federate", "join", "127.0.0.1:9"]) == 2
    assert "accel federate secret FILE" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="accel federate secret FILE"):
        Federated(listen="127.0.0.1:0").check_machine()
    Federated().check_machine()  # a simulation needs none


def test_a_secret_is_made(tmp_path, capsys):
    assert main(["federate", "secret", str(tmp_path / "s")]) == 0
    assert (tmp_path / "s").read_text().strip() not in capsys.readouterr().out


def test_the_run_is_given_to_whoever_runs():
    ran = []
    assert command.main(["serve", "h:1", "seed=1"], lambda words: ran.append(words) or 7) == 7
    assert ran[0][-1] == "seed=1"
    with pytest.raises(ConfigError):
        command.main(["serve"], ran.append)
