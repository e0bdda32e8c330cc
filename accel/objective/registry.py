"""Objectives, by the name that an exported model states: those of accel, and those of modules that a user named."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TypeVar

from accel.core.meta import META
from accel.core.objective import Objective, known_objectives
from accel.errors import DataError
from accel.weights.meta import read_meta

if TYPE_CHECKING:
    from accel.core.meta import Meta

Kind = TypeVar("Kind", bound=Objective)


def _know_ours() -> None:
    """Their classes are known once their modules are imported."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")


_know_ours()


def objective_of(meta: Meta) -> Objective:
    """What an exported model predicts.

    Nothing is imported for it: an ``accel.json`` comes from anywhere.

    Raises:
        DataError: no class of that name is known, or it must know more than is there.
    """
    known = known_objectives()
    if meta.objective not in known:
        raise DataError(
            f"{META} states the objective {meta.objective!r}, and accel knows {', '.join(sorted(known))}. If a module "
            f"of yours defines it, name that module: --plugin MODULE (in Python, import it first)."
        )
    try:
        return known[meta.objective].of(meta)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{META} does not say what a model of {meta.objective} must know to answer. Copy the folder again, whole."
        ) from None


def require(folder: Path, kind: type[Kind]) -> Kind:
    """What an exported model predicts, which must be of a kind.

    Raises:
        DataError: it predicts something else.
    """
    meta = read_meta(folder)
    objective = objective_of(meta)
    if not isinstance(objective, kind):
        raise DataError(
            f"{folder} holds a model of {meta.objective}, which gives texts no labels, nor other answers. "
            f"{objective.instead_of_predicting}accel.weights.artifact.load_model loads it, and transformers' "
            f"{objective.auto_class().__name__} does if it was neither cut nor rounded."
        )
    return objective
