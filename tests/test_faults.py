"""The table of faults is what the tests say: no row without a test, no test for a row that is not there."""

import pytest

from tests.faults import PAGE, ROWS, TABLE, Proof, counted, kept, marked, outcomes, page, proofs, table

WANTED = [*(f"R{n}" for n in range(1, 14)), *(f"S{n}" for n in range(1, 9)), "P12"]
WANTED += [*(f"X{n}" for n in range(1, 10)), *(f"N{n}" for n in range(1, 10)), *(f"B{n}" for n in range(1, 5))]


def test_every_fault_has_its_row_and_every_row_a_test():
    found = proofs()
    assert [row.id for row in ROWS] == WANTED
    assert [id_ for id_, proof in found.items() if not proof.tests] == []
    assert set(found) == set(WANTED)


def test_the_page_and_the_table_are_as_the_tests_have_them():
    """``python -m tests.faults`` writes them."""
    assert PAGE.read_text("utf8") == page(kept())
    assert TABLE.read_text("utf8") == table(kept())


def test_a_marker_is_found_wherever_it_stands():
    text = """
@pytest.mark.slow
@pytest.mark.fault("R1", "R9")
@pytest.mark.parametrize("a", [1])
def test_it(a): ...
@pytest.mark.slow
def test_other(): ...
"""
    assert list(marked(text)) == [("R1", "test_it"), ("R9", "test_it")]


@pytest.mark.parametrize(("xml", "expected"), [("", (2, 2)), ("<failure/>", (2, 1)), ("<skipped/>", (1, 1))])
def test_cases_are_counted_by_what_became_of_them(tmp_path, xml, expected):
    case = '<testcase classname="tests.a.test_b" name="test_it[{}]">{}</testcase>'
    (tmp_path / "r.xml").write_text(f"<testsuite>{case.format(1, '')}{case.format(2, xml)}</testsuite>")
    proof = counted(Proof(["tests/a/test_b.py::test_it"], 7, 7), outcomes([tmp_path / "r.xml"]))
    assert (proof.injected, proof.survived) == expected
    assert counted(proof, {}) == proof
