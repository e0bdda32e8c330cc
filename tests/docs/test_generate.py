"""Pages that are written from the options themselves."""

from accel.docs import generate
from accel.docs.topics import option_files, pages


def test_generated_pages_are_up_to_date():
    for name, text in generate.generated().items():
        assert pages()[name].read_text("utf8") == text, f"{name}.md is old: python -m accel.docs.generate"


def test_every_option_is_in_the_page_of_techniques():
    text = pages()["techniques"].read_text("utf8")
    assert all(f"## {option.typed}\n" in text for option in option_files())


def test_what_is_generated_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "PAGES", tmp_path)
    monkeypatch.setattr(generate, "generated", lambda: {"techniques": "new\n"})
    generate.main()
    assert (tmp_path / "techniques.md").read_text("utf8") == "new\n"
