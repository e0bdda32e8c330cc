"""Which faults are injected and survived: one row each, proven by the tests that are marked ``fault("R1")``.

``python -m tests.faults`` writes the page that ``accel help reliability`` prints and ``faults.json`` beside it. Given
pytest's reports (``pytest --junitxml=REPORT.xml``), it also counts the cases of each row that were run and survived;
without, it keeps the counts of before.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCS = ROOT / "accel" / "docs"
PAGE, TABLE = DOCS / "reliability.md", DOCS / "faults.json"


@dataclass(frozen=True)
class Row:
    """One kind of fault."""

    id: str
    fault: str
    goal: str
    control: str
    """What is taken away to see that the test would notice."""


@dataclass
class Proof:
    """The tests of a row, and what became of them."""

    tests: list[str] = field(default_factory=list)
    injected: int | None = None
    """Cases that were run; None where they were not, this time."""
    survived: int | None = None


ROWS = (
    Row("R1", "a run is resumed", "same weights and losses, no example twice or never", "the seed of the step"),
    Row("R2", "kill -9 at any moment of a run", "the model of the run that nobody killed", "another seed"),
    Row("R3", "kill -9 within a save", "no torn checkpoint", "written in place, some are torn"),
    Row("R4", "a signal to stop", "saved after the step, a documented exit code, goes on", "a run nobody stopped"),
    Row("R5", "the disk fills while a checkpoint is written", "the old one is whole, told with path and space",
        "a disk with room"),
    Row("R6", "a folder that cannot be written, or vanishes", "refused before the first step, or the run fails",
        "a folder that can"),
    Row("R7", "a damaged file: cut, a flipped bit, zeros, a lost, swapped or edited part",
        "found; the one before is used and said", "without digests a flipped bit passes"),
    Row("R8", "saves, kills, damages and clean-ups in any order", "the newest whole checkpoint stays",
        "the one before is removed first"),
    Row("R9", "the same command again", "the same weights; with another seed others", "another seed"),
    Row("R10", "one of two processes is killed", "all end in time and say which; the run goes on",
        "another run has another digest"),
    Row("R11", "a run goes on in a tracker", "one run, no step twice", "a run with another id"),
    Row("R12", "saved by two processes, resumed by one", "same order of examples, same weights", "a part is missing"),
    Row("R13", "resumed with other data or settings", "dangerous changes refused by name, harmless ones accepted",
        "each setting has its valid twin"),
    Row("S1", "jobs of a sweep die in every way", "the others finish; exit code, cause and log are told",
        "jobs that end well"),
    Row("S2", "the sweep is killed at random moments", "no finished job again, none lost", "steps are counted"),
    Row("S3", "two sweeps in one folder, two runs in one folder", "nothing overwritten, one is refused",
        "the lock of a dead one is free"),
    Row("S4", "many jobs and kills", "each job done exactly once", "steps are counted by process"),
    Row("S5", "the journal of a search is cut at any byte", "loads and goes on, nothing finished is lost",
        "the stock backend does not survive"),
    Row("S6", "a killed trial", "taken up again", "a trial that lives"),
    Row("S7", "a job alone, in a sweep, in parallel, in any order", "the same result", "other seeds differ"),
    Row("S8", "a job fails", "its own log has the traceback", "a job that ends well"),
    Row("P12", "privacy settings that cannot be", "refused before the model is loaded", "the valid twin passes"),
    Row("X1", "configurations that name code", "none of it runs", "without the look Hydra builds them"),
    Row("X2", "pickles on every way that loads", "none of it runs", "an unsafe load runs it"),
    Row("X3", "model folders that choose code", "none of it runs", "a sound folder loads"),
    Row("X4", "names that leave the folder", "no file outside of the run's folder", "the run's own files are there"),
    Row("X5", "secrets in the environment, the command and the configuration", "in no sink, and no innocent word is cut",
        "without the door they get through"),
    Row("X6", "formulas and scripts in labels, names and cells", "inert", "the check of pages can fail"),
    Row("X7", "unsafe releases of packages", "cannot be installed", "a range that is too wide is seen"),
    Row("X8", "a network that nobody asked for", "no packet leaves the machine", "a look-up is seen"),
    Row("X9", "overrides and files of noise", "no traceback, no hang", "a planted error is seen"),
    Row("N1", "NaN or infinity in loss, gradient or weights", "stopped before the update; the checkpoint is finite",
        "a sound run goes on"),
    Row("N2", "a spike of the loss or the gradient", "found at its step, no false alarm", "no threshold, nothing found"),
    Row("N3", "one process, DDP, FSDP2, accumulation", "the same weights", "gradients that are not summed"),
    Row("N4", "accumulation over unequal batches", "the same step", "a mean of means"),
    Row("N5", "an exported graph against torch", "the same logits and answers", "a nudged weight"),
    Row("N6", "fake quantization against the converted model", "equal to the bit", "a changed scale"),
    Row("N7", "zeros of a mask", "zero after training, resume and export", "a mask that is not put on again"),
    Row("N8", "metrics by batch size and number of processes", "the same", "examples are counted once"),
    Row("N9", "weights saved and loaded", "equal to the bit, shared weights shared", "another folder is told"),
    Row("B1", "bad input and bad settings", "told with key, reason and remedy, no traceback", "the valid twin passes"),
    Row("B2", "one-edit typos", "the right word first", "an unrelated word gets none"),
    Row("B3", "every pair of options", "works or is refused with a reason", "a refusal goes away with its rule"),
    Row("B4", "refusals of accel check", "fast, without torch", "the check of imports can fail"),
)  # fmt: skip


def marked(text: str) -> Iterator[tuple[str, str]]:
    """(row, test) of each marker in the source of a test file."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
                    yield from ((ast.literal_eval(word), node.name) for word in decorator.args)


def proofs() -> dict[str, Proof]:
    """By row, in the order of the table; rows that no test names have none."""
    found: dict[str, Proof] = {row.id: Proof() for row in ROWS}
    for file in sorted(TESTS.rglob("test_*.py")):
        for row, test in marked(file.read_text("utf8")):
            found.setdefault(row, Proof()).tests.append(f"{file.relative_to(ROOT).as_posix()}::{test}")
    return found


def outcomes(reports: Sequence[Path]) -> Mapping[str, list[bool]]:
    """By test, whether each of its cases passed; what was skipped was not run."""
    found: dict[str, list[bool]] = defaultdict(list)
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            if case.find("skipped") is None:
                name = f"{str(case.get('classname')).replace('.', '/')}.py::{str(case.get('name')).split('[')[0]}"
                found[name].append(case.find("failure") is None and case.find("error") is None)
    return found


def counted(proof: Proof, run: Mapping[str, list[bool]]) -> Proof:
    """With the cases that reports tell of."""
    cases = [passed for test in proof.tests for passed in run.get(test, ())]
    return Proof(proof.tests, len(cases), sum(cases)) if cases else proof


def kept() -> dict[str, Proof]:
    """What tests there are now, with the counts of the table as it is."""
    before = {row["id"]: row for row in json.loads(TABLE.read_text("utf8"))} if TABLE.is_file() else {}
    return {
        id_: Proof(proof.tests, before.get(id_, {}).get("injected"), before.get(id_, {}).get("survived"))
        for id_, proof in proofs().items()
    }


def table(found: Mapping[str, Proof]) -> str:
    """For machines."""
    return json.dumps([{**asdict(row), **asdict(found[row.id])} for row in ROWS], indent=1) + "\n"


def page(found: Mapping[str, Proof]) -> str:
    """For readers."""
    lines = [
        "# Reliability: faults injected and survived",
        "",
        "What is done to accel in its tests, what has to come of it, and how each test shows that it would notice.",
        "Written by `python -m tests.faults` from the tests that are marked with a row's name; the same table for",
        "machines is `faults.json` beside this page. *Survived* counts cases of the last report that was given to it; a",
        "case may itself be many trials. `make test-full` runs all of them at full counts (the variables KILLS, SEEDS,",
        "ROUNDS and STEPS say how many).",
        "",
        "| | fault | what has to come of it | control | survived | tests |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        proof = found[row.id]
        cases = "not counted yet" if proof.injected is None else f"{proof.survived} of {proof.injected}"
        files = ", ".join(f"`{name}`" for name in sorted({test.split("::")[0] for test in proof.tests}))
        lines.append(f"| {row.id} | {row.fault} | {row.goal} | {row.control} | {cases} | {files} |")
    return "\n".join([*lines, ""])


def main(reports: Sequence[str]) -> None:
    """Write both."""
    run = outcomes([Path(report) for report in reports])
    found = {id_: counted(proof, run) for id_, proof in kept().items()}
    TABLE.write_text(table(found), "utf8")
    PAGE.write_text(page(found), "utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
