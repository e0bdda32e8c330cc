"""Objectives, by the name that an exported model states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from accel.core.objective import Objective
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling

if TYPE_CHECKING:
    from accel.core.meta import Meta

OBJECTIVES: Mapping[str, type[Objective]] = {cls.name: cls for cls in (Classification, LanguageModelling)}
"""By the name that an exported model states."""


def objective_of(meta: Meta) -> Objective:
    """What an exported model predicts."""
    return OBJECTIVES[meta.objective].of(meta)
