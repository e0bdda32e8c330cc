"""Few plans that hold every allowed pair with one option: each chooses as many options as go together."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from accel.config.compose import compose
from accel.plan.decide import assemble, objections_to
from accel.plan.matrix import Cell, accompanied


def partners(cells: Iterable[Cell], option: str) -> list[str]:
    """Whatever may be chosen together with an option."""
    pairs = [(c.first, c.second) for c in cells if c.works and option in (c.first, c.second)]
    return [second if first == option else first for first, second in pairs]


def cover(cells: Collection[Cell], option: str) -> list[list[str]]:
    """Plans that all choose the option, and together each of its partners; greedily, so few of them."""
    left, plans = partners(cells, option), []
    while left:
        plan = [option, left[0]]
        for other in left[1:]:
            if _go_together(cells, plan, other):
                plan.append(other)
        plans.append(plan)
        left = [other for other in left if other not in plan]
    return plans


def overrides(options: Iterable[str]) -> list[str]:
    """As a user types them: what stands in brackets is one list."""
    found: dict[str, list[str]] = {}
    for group, name in (option.split("=") for option in options):
        found.setdefault(group, []).append(name)
    return [f"{group}={_listed(names)}" for group, names in found.items()]


def _listed(names: list[str]) -> str:
    return f"[{','.join(name.strip('[]') for name in names)}]" if names[0].startswith("[") else names[0]


def _go_together(cells: Collection[Cell], plan: list[str], other: str) -> bool:
    """Every pair does, and all of them do."""
    allowed = {frozenset((c.first, c.second)) for c in cells if c.works}
    pairs = all(frozenset((one, other)) in allowed for one in plan)
    return pairs and not list(objections_to(assemble(compose(overrides(accompanied([*plan, other]))))))
