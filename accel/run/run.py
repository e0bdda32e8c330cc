"""One run: data, dense baseline, training, export, measurement, record. The one place that runs a plan."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from accel.checkpoint.resume import note_data, note_splits, require_same_data, way_on
from accel.config.redact import redact, redact_text
from accel.core.console import Console
from accel.errors import AccelError, ExitCode, Interrupted, LostError, RefusedError
from accel.plan.inputs import check_devices, check_files, read_inputs
from accel.process.ranks import Elsewhere
from accel.process.stop_requests import StopRequests
from accel.report.record import CONFIG, RESULT, write_record
from accel.run.claim import claim
from accel.run.state import RunState

if TYPE_CHECKING:
    from accel.data import Dataset

PLAN = "plan.txt"


class Run(RunState):
    """Runs the plan from its data to its record."""

    def execute(self) -> ExitCode:
        """Run everything and leave a record, whatever happens.

        Returns:
            The exit code of the contract; user mistakes and failures are told, not raised.
        """
        console = Console(self.folder, rank=self.ranks.place.rank)
        start = time.perf_counter()
        with StopRequests(deferred=False) as requests:
            code, together = self._outcome(console)
            requests.deferred = self.leads  # whoever only waits for rank 0 may be stopped
            self.record["seconds"] = round(time.perf_counter() - start, 3)
            if self.leads:
                self._close(console, code)
            try:
                code = self.ranks.leave(code, together=together)
            except Interrupted as error:
                code = self._ended(console, error)
        console.close()
        return code

    def _outcome(self, console: Console) -> tuple[ExitCode, bool]:
        """The exit code, and whether all processes come to it by themselves."""
        try:
            self._stages(console)
        except (AccelError, Interrupted) as error:
            return self._ended(console, error), error.together
        except KeyboardInterrupt:  # not in the main thread
            return self._ended(console, Interrupted("Stopped by SIGINT.", ExitCode.SIGINT)), False
        except Exception as error:
            text = f"{type(error).__name__}: {error}\nThe traceback is in {console.path}."
            return self._ended(console, AccelError(text)), False
        return ExitCode.DONE, True

    def _ended(self, console: Console, error: AccelError | Interrupted) -> ExitCode:
        if isinstance(error, Elsewhere):
            return error.exit_code
        message = str(error)
        if isinstance(error, LostError):
            message = self.ranks.first_failure() or message
        if isinstance(error, LostError | Interrupted):
            message = f"{message} {self._way_on()}"
        if not (self.leads or error.together):
            self.ranks.failed(str(error))
        self.record |= {"status": error.status, "error": message}
        console.record_traceback()
        console.say(f"\n{error.status.capitalize()}: {message}")
        if self.ranks.place.leads_node and not self.leads:
            print(redact_text(f"On {socket.gethostname()}: {message}"), file=sys.__stderr__)
        return error.exit_code

    def _way_on(self) -> str:
        if self.leads:
            return way_on(self.folder)
        return "How to go on is said by rank 0, whose machine has the checkpoints."

    def _stages(self, console: Console) -> None:
        if self.leads and not self.resume:
            self._prepare_folder()
        console.say(redact_text(self.plan.describe(console.width)))
        if self.plan.strategy.saves_parts:
            self.ranks.share(self.folder)
        with self.ranks.after_leader("ready"):
            with self.timed("data"):
                dataset = self._load_data(console)
            if self.leads:
                self._hold_to_data(dataset)
            if self.plan.tracker is not None and self.leads:
                self.plan.tracker.check()
            from accel.run.phases import (  # torch comes here, after everything that may refuse
                make_ready,
                train_and_finish,
            )

            ready = make_ready(self, dataset, console)
        train_and_finish(self, dataset, ready, console)

    def _hold_to_data(self, dataset: Dataset) -> None:
        """A run that goes on leaves its folder as it was until it is sure to be the same run."""
        if not self.resume:
            note_data(self.plan, dataset, self.folder)
            return
        require_same_data(self.plan, dataset, self.folder)
        self._prepare_folder()

    def _prepare_folder(self) -> None:
        import yaml

        (self.folder / CONFIG).write_text(
            yaml.safe_dump(redact(dict(self.config)), sort_keys=False, allow_unicode=True), "utf8"
        )
        if not self.resume:
            note_splits(self.plan.task, self.folder)
        text = redact_text(self.plan.describe())
        (self.folder / PLAN).write_text(text + "\n", "utf8")
        self._write_record()

    def _write_record(self) -> None:
        if not self._earlier_stands():
            write_record(self.record, self.folder)

    def _earlier_stands(self) -> bool:
        """What is finished stays on record until more is finished; a refusal has done nothing to what was there."""
        if self.earlier is None or self.record["status"] == "finished":
            return False
        return self.earlier["status"] == "finished" or self.record["status"] == "refused"

    def _load_data(self, console: Console) -> Dataset:
        check_files(self.plan)
        left_out = check_devices(self.plan)
        found = read_inputs(self.plan)
        console.say("\n" + "\n".join([*found.lines(), *left_out]))
        self.record["data"] = {
            **found.sizes(),
            "dropped": found.dataset.dropped,
            "truncated": 0,
            "duplicates": found.dataset.duplicates,
            "notes": found.notes,
        }
        return found.dataset

    def _close(self, console: Console, code: ExitCode) -> None:
        self._write_record()
        if self.record["status"] == "refused":
            return
        from accel.report.html import write_report
        from accel.report.terminal import time_table

        report = write_report(self.folder)
        if self._earlier_stands():
            console.say("\nThe run was finished before it went on: its record is kept as it was then.")
        if (where := time_table(self.record)) is not None:
            console.say(where)
        console.say(f"\nRecord: {self.folder / RESULT}\nReport: {report}")
        self._finish_tracker(console, code)

    def _finish_tracker(self, console: Console, code: ExitCode) -> None:
        """A tracker that fails at the end must not turn a finished run into a failed one; it is told and logged."""
        if self.plan.tracker is None:
            return
        try:
            self.plan.tracker.finish(redact(self.record), self.folder, int(code))
        except Exception as error:
            console.record_traceback()
            console.say(f"The tracker could not be closed ({type(error).__name__}: {error}); the record is complete.")


def make_folder(path: str | Path) -> Path:
    """Create a run's folder; a name that is taken gets a number.

    Raises:
        RefusedError: it cannot be created or written.
    """
    if not str(path).strip() or str(path) == "None":
        raise RefusedError("hydra.run.dir is empty. Give a folder, e.g. hydra.run.dir=/tmp/run, or leave it out.")
    wanted = Path(path).expanduser().absolute()
    if redact_text(str(wanted)) != str(wanted):
        raise RefusedError(
            f"hydra.run.dir={redact_text(str(wanted))} would write a secret into the name of a folder. Give another "
            f"folder, or leave hydra.run.dir out."
        )
    for number in range(1000):
        folder = wanted if number == 0 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir() and not any(folder.iterdir()) and _claimed(folder):
                return folder
            if not folder.is_dir():
                raise RefusedError(f"hydra.run.dir={folder} is a file. Give another folder.") from None
        except OSError as error:
            raise RefusedError(
                f"hydra.run.dir={folder} cannot be created ({error.strerror}). Give a folder you may write to, e.g. "
                f"hydra.run.dir=/tmp/run."
            ) from None
        else:
            if _claimed(folder):
                return folder
    raise RefusedError(f"hydra.run.dir={wanted} exists a thousand times over. Give another folder.")


def _claimed(folder: Path) -> bool:
    try:
        return claim(folder)
    except OSError as error:
        raise RefusedError(
            f"hydra.run.dir={folder} cannot be written ({error.strerror}). Give a folder you may write to."
        ) from None
