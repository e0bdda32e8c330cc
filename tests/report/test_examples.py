import json

import pytest

from accel.report.examples import EXAMPLES, read_examples, section, write_examples
from accel.report.html import write_report
from tests.report.test_html import HOSTILE, active, full_record

SAID = {"label": "yes", "confidence": 0.9}
FOUND = {"flips": [{"text": ["a SECRETIVE text"], "true": "no", "before": {**SAID, "label": "no"}, "after": SAID}]}
PUBLIC = {"choices": {"privacy": "none"}, "privacy": None}


def page_of(tmp_path, **changes):
    (tmp_path / "result.json").write_text(json.dumps({**full_record(), **PUBLIC, **changes}))
    return write_report(tmp_path).read_text()


def test_the_page_shows_the_texts_of_a_run_without_privacy(tmp_path):
    write_examples(FOUND, PUBLIC, tmp_path)
    page = page_of(tmp_path)
    assert "Changed its mind most" in page
    assert "a SECRETIVE text" in page
    assert '<span class="lost">yes 0.90</span>' in page


@pytest.mark.parametrize(
    "record",
    [
        {"choices": {"privacy": "dpsgd"}, "privacy": None},
        {"choices": {"privacy": "none"}, "privacy": {"private": True, "epsilon": 1.0, "delta": 1e-5, "unit": "a row"}},
        {"choices": {"privacy": "none"}, "privacy": {"private": False}},
        {"choices": {}, "privacy": None},
        {},
    ],
)
def test_nothing_of_a_private_run_is_written_or_shown_and_doubt_counts_as_private(tmp_path, record):
    write_examples(FOUND, record, tmp_path)
    assert not (tmp_path / EXAMPLES).exists()
    (tmp_path / EXAMPLES).write_text(json.dumps(FOUND))  # however it came there
    assert read_examples(record, tmp_path) == {}
    assert "SECRETIVE" not in page_of(tmp_path, **{"choices": {}, "privacy": None, **record})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text_and_long_ones_are_cut(text):
    rows = [{"text": [text * 100], "true": text, "after": {"label": text, "confidence": 0.5}}]
    page = section({"mistakes": rows})
    assert active(page) == []
    assert "…" in page


def test_a_damaged_file_and_none_are_nothing(tmp_path):
    assert read_examples(PUBLIC, tmp_path) == {}
    (tmp_path / EXAMPLES).write_text("{")
    assert read_examples(PUBLIC, tmp_path) == {}
    assert section({}) == ""
