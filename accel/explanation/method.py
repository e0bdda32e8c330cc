"""How an answer is told apart by word: the base of every method, which are the modules of ``methods/``. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ClassVar

from accel.explanation import methods

if TYPE_CHECKING:
    from torch import Tensor

    from accel.explanation.question import Question


@dataclass(frozen=True)
class Told:
    """An answer, told apart."""

    values: Tensor
    """[units]."""
    gap: float | None = None
    """Their sum minus the difference that all units make together; None where they are no parts of it."""
    steps: int | None = None
    """Points on the way from nothing to the text, where there is one."""


class Method(ABC):
    """Base of every method; a class is known by the name of its module."""

    means: ClassVar[str]
    """What a word's number is, as the page says it."""
    has_sign: ClassVar[bool] = True
    """Whether words may speak against the answer."""
    is_complete: ClassVar[bool] = False
    """Whether the numbers promise to add up to the difference."""
    known: ClassVar[dict[str, type[Method]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Method.known[cls.name()] = cls

    @classmethod
    def name(cls) -> str:
        """As ``--method`` takes it."""
        return cls.__module__.rpartition(".")[2]

    @abstractmethod
    def __call__(self, question: Question) -> Told:
        """Tell the question's number apart by unit."""


def names() -> list[str]:
    """Of all methods; none is imported."""
    return sorted(module.name for module in iter_modules(methods.__path__))


def method_of(name: str) -> Method:
    """By its name."""
    import_module(f"{methods.__name__}.{name}")
    return Method.known[name]()
