"""Pages that are written from the options themselves, and from the figures that were measured."""

import json
import re
from pathlib import Path

import pytest

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


README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf8")


def shown_in_template():
    text = generate.RESULTS.read_text("utf8")
    return {(found["benchmark"], found["name"]) for found in generate.SHOWN.finditer(text)}


def test_every_figure_that_is_stored_is_shown_and_says_where_it_was_measured():
    assert set(generate.figures()) == shown_in_template()
    assert all(figure["machine"] for figure in generate.figures().values())


def test_no_figure_of_the_tables_of_results_is_typed():
    """Beside labels of rows and what a benchmark was asked for, a table holds what it found."""
    rows = [line for line in generate.RESULTS.read_text("utf8").splitlines() if line.startswith("| ")]
    assert len(rows) > 15
    assert not [row for row in rows if re.search(r"\d\.\d", generate.SHOWN.sub("", row))]


def test_a_ratio_is_that_of_its_two_sides():
    """Sides are rounded, so to two in a hundred."""
    found = {name: figure["value"] for (benchmark, name), figure in generate.figures().items() if benchmark == "demo"}
    ratios = {name: value for name, value in found.items() if name.endswith(", change to eager")}
    assert len(ratios) == 4
    for name, value in ratios.items():
        what = name.split(", change to eager")[0]
        dense, after = found[f"{what}, dense, eager"], found[f"{what}, after"]
        assert value == pytest.approx(max(dense, after) / min(dense, after), rel=0.02), name
    for what in ("accuracy", "macro F1"):
        change = 100 * (found[f"{what}, after"] - found[f"{what}, dense"])
        assert found[f"{what}, change, points"] == pytest.approx(change, abs=0.02)


def test_the_readme_has_the_figures_of_results():
    """A row that stands on both pages is the same, and so is the sentence on the language model."""
    rows = {line.split("|")[1].strip(): line for line in generate.results().splitlines() if line.startswith("| ")}
    both = [line for line in README.splitlines() if line.startswith("| ") and line.split("|")[1].strip() in rows]
    both = [line for line in both if line.split("|")[1].strip()]
    assert len(both) == 9
    assert both == [rows[line.split("|")[1].strip()] for line in both]
    int4 = {name: figure["value"] for (benchmark, name), figure in generate.figures().items() if "int4" in benchmark}
    sizes = f"{int4['dense, bytes to ship']:.1f} to {int4['after, bytes to ship']:.1f} MB"
    assert (
        f"{sizes}, perplexity {int4['dense, perplexity']:.1f} to {int4['trained with rounding, perplexity']:.1f}"
        in (" ".join(README.split()))
    )


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A file of figures and a page of one."""
    monkeypatch.setattr(generate, "FIGURES", tmp_path / "stored.json")
    monkeypatch.setattr(generate, "RESULTS", tmp_path / "page")
    old = {"machine": "old", "benchmark": "speed", "name": "dense", "value": 3.0, "unit": "ms"}
    generate.FIGURES.write_text(json.dumps([old]))
    generate.RESULTS.write_text("It takes {{speed|dense|.2f}} ms.")
    return old


def test_figures_of_a_new_benchmark_take_the_place_of_those_that_are_shown(stored, tmp_path):
    assert generate.results() == "It takes 3.00 ms."
    generate.RESULTS.write_text("It takes {{speed|dense|.2f}} ms, then {{speed|cut|.1f}}.")
    more = [{**stored, "machine": "new", "value": 2.5}, {**stored, "name": "cut"}, {**stored, "name": "of no page"}]
    (tmp_path / "bench.json").write_text(json.dumps(more))
    generate.take(tmp_path / "bench.json")
    assert generate.results() == "It takes 2.50 ms, then 3.0."
    assert len(generate.figures()) == 2


def test_figures_of_two_machines_are_no_page(stored, tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps([stored, {**stored, "machine": "new"}]))
    with pytest.raises(ValueError, match="twice"):
        generate.take(tmp_path / "bench.json")


def test_a_figure_that_is_not_stored_is_no_page(stored):
    generate.RESULTS.write_text("{{speed|another|.2f}}")
    with pytest.raises(KeyError):
        generate.results()
