"""What the record says of a federation: how good the model is at each client, and what joining brought them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from accel.core.console import Console
from accel.core.objective import Objective
from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.errors import DataError
from accel.objective.scores import Report
from accel.run.fit import fit
from accel.strategy.federated import Federated

WORST = 0.1
"""Share of the clients that the worst decile is."""
POOLED, ALONE, ALONE_ON_ALL = "pooled", "alone", "alone_on_all"


@dataclass(frozen=True)
class Bars:
    """What is reached without a federation."""

    qualities: Mapping[str, float]
    alone: Mapping[str, float]
    """By client: of a model that has seen its examples alone, on its own examples of the test split."""


def bars(plan: Plan, data: Prepared, console: Console, score: Callable[[nn.Module], Report]) -> Bars | None:
    """Train each client alone, and all examples together; None where the plan does not ask for it.

    Args:
        score: scores a model on the test split.

    Raises:
        DataError: the quality is not that of examples one by one.
    """
    if not isinstance(plan.strategy, Federated) or not plan.strategy.bars:
        return None
    strategy, owners = plan.strategy, data.train.owners
    own = strategy.clients_of(data.test, plan.seed)
    shares = strategy.clients_of(data.train, plan.seed, trains=True)

    def parts(plain: Plan, some: Prepared, title: str) -> np.ndarray:
        model = fit(plain, some, console, title=title, searched=False).model.float().eval()
        for technique in plain.techniques:
            model = technique.export(model).eval()
        return _parts(data, score(model))

    pooled = parts(strategy.plain(plan, owners, len(shares)), replace(data, validation=_none_of(data)), "pooled")
    mine, on_all, alone = np.zeros_like(pooled), [], {}
    for name, share in shares.items():
        some = replace(data, train=data.train.part(share), validation=_none_of(data))
        found = parts(strategy.plain(plan, owners), some, f"client {name} alone")
        on_all.append(_ratio(found))
        test = own.get(name, np.array([], dtype=int))
        mine[test] = found[test]
        if found[test, 1].sum() > 0:
            alone[name] = _ratio(found[test])
    return Bars({POOLED: _ratio(pooled), ALONE: _ratio(mine), ALONE_ON_ALL: float(np.mean(on_all))}, alone)


def _none_of(data: Prepared) -> Any:
    """One example, which says nothing: nobody looks at the validation split on the way."""
    return data.validation.part(np.arange(1))


def federation(
    plan: Plan, data: Prepared, after: Report, evidence: Mapping[str, Any], found: Bars | None
) -> dict[str, Any] | None:
    """The record's figures; of private clients none by name, and of owners elsewhere none that they did not send.

    Args:
        evidence: of the strategy.
        found: where the plan asked for it.
    """
    if not isinstance(plan.strategy, Federated):
        return None
    moved = evidence["bytes_up"] + evidence["bytes_down"]
    told = {"rounds": evidence["rounds"], "bytes_per_round": moved / max(1, evidence["rounds"])}
    clients = {} if plan.privacy is not None else _by_client(plan, data, after)
    if clients:
        told |= {"clients": clients, **_worst(clients, data.objective)}
    if found is not None:
        told["bars"] = dict(found.qualities)
        for name in clients.keys() & found.alone.keys():  # an F1 may have nothing to count in one of both
            clients[name][ALONE] = found.alone[name]
    return told


def _by_client(plan: Plan, data: Prepared, after: Report) -> dict[str, Any]:
    """By name, of those that have examples in the test split."""
    shares = plan.strategy.clients_of(data.test, plan.seed)
    if not shares or after.kept is None or (parts := data.objective.parts_of_quality(after.kept, data.test)) is None:
        return {}
    return {
        name: {"examples": len(share), "quality": _ratio(parts[share])}
        for name, share in shares.items()
        if parts[share, 1].sum() > 0
    }


def _worst(clients: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    """The mean over the tenth of clients where the model is worst."""
    ranked = sorted((c["quality"] for c in clients.values()), reverse=not objective.quality.higher_is_better)
    worst = ranked[: max(1, round(WORST * len(ranked)))]
    return {"worst_decile": float(np.mean(worst)), "worst_decile_clients": len(worst)}


def _parts(data: Prepared, report: Report) -> np.ndarray:
    parts = None if report.kept is None else data.objective.parts_of_quality(report.kept, data.test)
    if parts is None:
        raise DataError(
            f"strategy.bars=true: {data.objective.quality.title} is not made up of single examples, so that of a "
            f"client's own cannot be told. Use strategy.bars=false."
        )
    return parts


def _ratio(parts: np.ndarray) -> float:
    upper, lower = parts.sum(axis=0)
    return float(upper / lower) if lower else float("nan")
