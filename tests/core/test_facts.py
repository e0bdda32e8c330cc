""""""

from __future__ import annotations

import pytest

from accel.core.facts import Evidence


def test_records_cannot_be_changed():
    with pytest.raises(AttributeError):
        Evidence(acted=True, figures={}).acted = False
