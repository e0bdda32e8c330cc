"""The limits that there are."""

import pytest

from accel.docs.topics import pages
from accel.errors import ConfigError
from accel.gate.candidate import Candidate
from accel.gate.limits import LIMITS, limit_named
from accel.report.records import find
from tests.gate_records import put


def test_the_page_has_every_limit():
    assert all(f"| `{limit.key}` |" in pages()["gate"].read_text("utf8") for limit in LIMITS)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.key)
def test_the_name_says_which_side_is_good_and_the_limit_itself_is_kept(limit):
    assert limit.key.startswith("min_" if limit.more_is_better else "max_")
    assert limit.keeps(1.0, 1.0)
    assert limit.keeps(2.0, 1.0) == limit.more_is_better
    assert not limit.keeps(float("nan"), 1.0)


def test_a_metric_of_the_record_is_a_limit_in_its_own_direction(tmp_path):
    ((run,), _) = find([put(tmp_path)])
    assert limit_named("quality", Candidate(run)).key == "accuracy"
    assert limit_named("macro_f1", Candidate(run)).more_is_better
    assert not limit_named("loss", Candidate(run)).more_is_better
    with pytest.raises(ConfigError, match="'max_drop'"):
        limit_named("max_dorp", Candidate(run))
