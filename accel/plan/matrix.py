"""Every pair of technique options: works, or refused because …; decided by the plans themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from accel.config.compose import compose, options_of
from accel.core.groups import list_groups, technique_groups
from accel.core.option import Objection
from accel.core.plan import Plan
from accel.errors import ConfigError, ExitCode
from accel.plan.decide import assemble, objections_to

MODELS = ("tiny_bert", "tiny_gpt2", "tiny_llama", "tiny_t5")
"""One of each architecture class: encoder, decoder, encoder-decoder."""
TASKS = (
    "airline",
    "chitchat",
    "chitchat_replies",
    "masked_language_modeling",
    "chinese_ner",
    "regression",
    "multi_label",
    "reply_retrieval",
    "movielens",
    "population",
    "seq2seq",
)
"""One of each kind of objective: a label, the next token, that of a reply, a hidden token, a tag for each word, a
number, several labels, a vector, one for each user, a part of a text, a text."""
COMPANY = {
    "task=chitchat": ("model=tiny_gpt2",),
    "task=chitchat_replies": ("model=tiny_gpt2",),
    "task=seq2seq": ("model=tiny_t5", "engines=[eager]"),
    "privacy=dpfedavg": ("strategy=federated",),
}
"""What an option is looked at with where nothing else of those groups is chosen: the default model is an encoder, which
no task that writes can use, files hold no writing, and only a federated run has clients to protect."""
FILES = {
    "task=regression": "task.train=ratings.csv",
    "task=multi_label": "task.train=topics.csv",
    "task=masked_language_modeling": "task.train=documents.txt",
    "task=seq2seq": "task.train=pairs.csv",
}
"""What a task without data of its own is looked at with; nobody reads it."""
USAGE = "accel matrix [--markdown]: every pair of options, works or refused because …"


@dataclass(frozen=True)
class Cell:
    """A pair of options and what the plan with both says."""

    first: str
    second: str
    objections: tuple[Objection, ...]

    @property
    def works(self) -> bool:
        return not self.objections

    @property
    def firmest(self) -> Objection:
        """Of a refused pair: what no setting avoids, else the first objection."""
        return min(self.objections, key=lambda o: o.avoidable)


def words() -> list[str]:
    """Every technique option as a user types it, one task of each kind and one model of each class."""
    techniques = [
        f"{group}=[{option}]" if group in list_groups() else f"{group}={option}"
        for group in technique_groups()
        for option in options_of(group)
        if option != "none"
    ]
    return [*(f"task={name}" for name in TASKS), *(f"model={name}" for name in MODELS), *techniques]


def accompanied(chosen: Sequence[str]) -> list[str]:
    """The choices, with what some cannot do without, and with a file for a task that needs one; first, so that they may
    be replaced.
    """
    groups = set(map(_group, chosen))
    company = (other for word in chosen for other in COMPANY.get(word, ()) if _group(other) not in groups)
    return [*company, *(FILES[word] for word in chosen if word in FILES), *chosen]


def cells() -> Iterator[Cell]:
    """All pairs that can be typed together: of different groups, or both in a list group."""
    for first, second in combinations(words(), 2):
        if together(first, second) is not None:
            yield Cell(first, second, tuple(objections_to(joined([first, second]))))


def joined(chosen: Sequence[str]) -> Plan:
    """The plan with all of the choices, which may be chosen together; composing it is slow."""
    plan, decided = _alone(chosen[0]), _groups_of(chosen[0], alone=True)
    for word in chosen[1:]:
        plan = _joined(plan, _alone(word), _groups_of(word) - decided)
        decided |= _groups_of(word, alone=True)
    return plan


@cache
def _alone(word: str) -> Plan:
    return assemble(compose(accompanied([word])))


def _groups_of(word: str, *, alone: bool = False) -> set[str]:
    """What a choice decides: its own group, and those of its company; alone, its own where others cannot add to it."""
    if alone:
        return {_group(word)} - {*list_groups()}
    return set(map(_group, (word, *COMPANY.get(word, ()))))


def _joined(plan: Plan, other: Plan, groups: Collection[str]) -> Plan:
    """A plan with what another one chose of some groups, beside its own choices where several techniques add up."""
    for group in groups:
        chosen, adds_up = getattr(other, group), group in list_groups() and group in technique_groups()
        plan = replace(plan, **{group: (*getattr(plan, group), *chosen) if adds_up else chosen})
    return plan


def _group(word: str) -> str:
    return word.split("=")[0]


def together(first: str, second: str) -> list[str] | None:
    """The overrides that choose both, or None when a group has room for one only."""
    (group_a, a), (group_b, b) = first.split("="), second.split("=")
    if group_a != group_b:
        return accompanied([first, second])
    if group_a in list_groups():
        return [f"{group_a}=[{a.strip('[]')},{b.strip('[]')}]"]
    return None


def main(arguments: Sequence[str]) -> int:
    """``accel matrix``."""
    unknown = [a for a in arguments if a != "--markdown"]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is not understood. {USAGE}")
    found = list(cells())
    print(markdown(found) if arguments else text(found))  # noqa: T201 - the command's own output
    return ExitCode.DONE


def text(found: Sequence[Cell]) -> str:
    """One line per pair, refused ones with their reason."""
    lines = [
        f"{cell.first:<22} {cell.second:<24} " + ("works" if cell.works else f"refused: {cell.firmest.because}")
        for cell in found
    ]
    works = sum(cell.works for cell in found)
    return "\n".join([*lines, f"{len(found)} pairs: {works} work, {len(found) - works} are refused."])


def markdown(found: Sequence[Cell]) -> str:
    """A grid of marks with numbered reasons below, for the documentation."""
    names = words()
    marks = {frozenset((c.first, c.second)): c for c in found}
    reasons: list[str] = []
    rows = [f"| | {' | '.join(f'`{n}`' for n in names)} |", "|---" * (len(names) + 1) + "|"]
    rows += [
        f"| `{row}` | " + " | ".join(_mark(marks.get(frozenset((row, c))), reasons) for c in names) + " |"
        for row in names
    ]
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, start=1)]
    return "\n".join([*rows, "", *notes])


def _mark(cell: Cell | None, reasons: list[str]) -> str:
    if cell is None:
        return ""
    if cell.works:
        return "works"
    objection = cell.firmest
    refused, mark = ("Refused with default settings", "if") if objection.avoidable else ("Refused", "no")
    reason = f"{refused} because {objection.because}. Instead: {objection.instead}."
    if reason not in reasons:
        reasons.append(reason)
    return f"{mark} ({reasons.index(reason) + 1})"
