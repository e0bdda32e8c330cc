"""What was added to a transformer and stays in it: operations that are noted, stored, and replayed when it is loaded.

``accel.json`` lists them in their order, each by its name and its settings. A class of a plug-in is known as soon as
its module was imported, as an objective is: nothing is imported because a file says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from accel.errors import ConfigError, DataError

if TYPE_CHECKING:
    from torch import nn

NAME = "edit"
"""Key of a stored operation's name, beside its settings."""
_NOTED = "accel_edits"
_BY_NAME: dict[str, type[Edit]] = {}


@dataclass(frozen=True, kw_only=True)
class Edit(ABC):
    """An operation on a model that transformers' configuration cannot say; its fields are plain values."""

    name: ClassVar[str]
    """As ``accel.json`` has it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _register(cls)

    @abstractmethod
    def change(self, model: nn.Module) -> None:
        """Add, in place, new parts to a model; the weights that they have in the end are loaded afterwards."""

    def apply(self, model: nn.Module) -> nn.Module:
        """The model with the new parts, noted on it. What is noted already is not done again."""
        if self not in edits_of(model):
            self.change(model)
            setattr(model, _NOTED, (*edits_of(model), self))
        return model

    def stored(self) -> dict[str, Any]:
        """As ``accel.json`` has it."""
        return {NAME: self.name, **asdict(self)}


def edits_of(model: nn.Module) -> tuple[Edit, ...]:
    """Everything that was added to a model, in its order."""
    return getattr(model, _NOTED, ())


def stored_edits(model: nn.Module) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [edit.stored() for edit in edits_of(model)]


def replay(model: nn.Module, stored: Iterable[Mapping[str, Any]]) -> nn.Module:
    """Do again, in place, what ``stored_edits`` noted.

    Raises:
        DataError: an operation that nobody has defined, or with settings that it does not have.
    """
    for values in stored:
        _read(values).apply(model)
    return model


def _read(values: Mapping[str, Any]) -> Edit:
    settings = dict(values)
    kind = _BY_NAME.get(name := settings.pop(NAME, ""))
    if kind is None:
        raise DataError(
            f"The model has an edit {name!r}, and accel knows {', '.join(sorted(_BY_NAME))}. If a module of yours "
            f"defines it, name that module: --plugin MODULE (in Python, import it first)."
        )
    try:
        return kind(**settings)
    except TypeError as error:
        raise DataError(f"The model has an edit {name!r} that this version cannot read: {error}.") from None


def _register(cls: type[Edit]) -> None:
    """A class that is made anew, as a module is imported again, takes the place of itself."""
    known = _BY_NAME.setdefault(cls.name, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ConfigError(
            f"{cls.__module__}.{cls.__qualname__} is called {cls.name!r} as {known.__module__}.{known.__qualname__} "
            f"is: a model that states this name could be of either. Give it another name."
        )
    _BY_NAME[cls.name] = cls
