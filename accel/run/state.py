"""What every phase of a run knows and writes: the plan, the folder, the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.config.redact import redact, redact_text
from accel.core.metric import quality_of
from accel.core.plan import Plan
from accel.core.seen import Seen
from accel.core.tracker import RunInfo
from accel.process.ranks import Ranks, SingleProcess
from accel.report.record import new_record, read_record
from accel.report.settings import named

RUN_ID = "run_id"


@dataclass
class RunState:
    """A plan on its way through a folder."""

    plan: Plan
    config: Mapping[str, Any]
    """The composed configuration, secrets redacted."""
    folder: Path
    overrides: Sequence[str]
    resume: bool = False
    ranks: Ranks = field(default_factory=SingleProcess)
    seen: tuple[Seen, ...] = ()
    """What its weights have seen and will see, noted before the first step."""
    record: dict[str, Any] = field(init=False)
    earlier: dict[str, Any] | None = field(init=False)
    """The record of the run that goes on."""

    def __post_init__(self) -> None:
        self.earlier = read_record(self.folder) if self.resume else None
        self.record = new_record(self.overrides)
        self.record |= {
            "name": self.plan.name,
            "group": self.plan.group,
            "seed": self.plan.seed,
            "choices": self.plan.choices(),
            "settings": named(self.config, self.plan.choices()),
        }

    @property
    def leads(self) -> bool:
        """Whether this process writes: rank 0 alone does."""
        return self.ranks.place.leads

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Note how long a phase takes, also of one that is stopped or fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.record["timings"][phase] = round(time.perf_counter() - start, 2)

    def info(self) -> RunInfo:
        """What a tracker is told."""
        choices = self.plan.choices()
        tags = tuple(
            f"{group}:{name}"
            for group, chosen in choices.items()
            for name in (chosen if isinstance(chosen, list) else [chosen])
        )
        return RunInfo(
            run_id=self.run_id(),
            name=redact_text(self.plan.name),
            group=redact_text(self.plan.group),
            job_type="+".join(c.option_name() for c in self.plan.compression) or self.plan.tuning.option_name(),
            tags=tags,
            config=redact(named(self.config, choices)),
            folder=self.folder,
            quality=quality_of(self.record),
        )

    def run_id(self) -> str:
        """Made once per folder, so that a resumed run continues the same run."""
        import secrets

        file = self.folder / RUN_ID
        if not file.is_file():
            file.write_text(secrets.token_hex(4))
        return file.read_text().strip()
