import pytest

from accel.cli import main
from accel.docs.show import overview, print_markdown


def test_help_prints_a_topic(capsys):
    assert main(["help", "lora"]) == 0
    assert capsys.readouterr().out.startswith("# tuning=lora")


def test_help_alone_names_commands_and_pages(capsys):
    assert main(["help"]) == 0
    out = capsys.readouterr().out
    assert "accel check" in out
    assert overview() in out


@pytest.mark.parametrize(("words", "said"), [(["help", "prun"], "'prune'"), (["help", "a", "b"], "One topic")])
def test_a_mistake_is_told(capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_terminal_gets_set_text(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_markdown("# Title\n\n**bold** text")
    assert "**" not in capsys.readouterr().out
