import pytest

from accel.ops.sparse.pattern import Pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("unstructured", Pattern()),
        ("2:4", Pattern(neighbours=4, kept=2)),
        ("1:16", Pattern(neighbours=16, kept=1)),
        ("32x32", Pattern(rows=32, columns=32)),
        ("4x1", Pattern(rows=4, columns=1)),
        ("4:4", None),
        ("0:4", None),
        ("2-4", None),
        ("1x1", None),
        ("x4", None),
        ("block", None),
        ("", None),
    ],
)
def test_the_grammar(text, pattern):
    assert Pattern.parse(text) == pattern


def test_only_n_of_m_demands_a_sparsity():
    assert [p.sparsity for t in ("1:4", "4x1", "unstructured") if (p := Pattern.parse(t))] == [0.75, None, None]
    assert [p.structured for t in ("1:4", "4x1", "unstructured") if (p := Pattern.parse(t))] == [True, True, False]


def test_a_matrix_that_cannot_be_cut_does_not_fit():
    tile = Pattern(rows=4, columns=8)
    assert tile.fits(8, 16)
    assert not tile.fits(6, 16)
    assert not tile.fits(8, 12)
    assert not Pattern(neighbours=4, kept=2).fits(8, 6)
