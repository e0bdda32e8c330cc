"""Which model reads a language, among those that are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from accel.config.build import build
from accel.config.compose import compose
from accel.core.model import Model
from accel.errors import DataError, RefusedError

ENGLISH = ("English", "no letters")
"""What the models of the presets read."""
LEARNED = {"smollm2": ENGLISH}
"""Languages of models that a task has to have."""
BY_LANGUAGE = {"Chinese": ("e5_small", "bert_base_chinese")}
MULTILINGUAL = ("e5_small",)
"""Of a hundred languages."""


@dataclass(frozen=True)
class Choice:
    """A model, or none where the preset's own suits; ``lacks`` says what must be installed first."""

    name: str = ""
    note: str = ""
    lacks: str = ""

    def require(self) -> None:
        """Before a run.

        Raises:
            DataError: no model on this machine reads the texts.
        """
        if self.lacks:
            raise DataError(self.lacks)


def model_for(language: str, needed: str = "") -> Choice:
    """The first model on this machine that reads a language.

    Args:
        needed: the model that a task has to have, whatever the language is.
    """
    if needed:
        foreign = language not in LEARNED.get(needed, (language,))
        return Choice(needed, f"The texts are {language}, and model={needed} has learned English" * foreign)
    if language in ENGLISH:
        return Choice()
    names = BY_LANGUAGE.get(language, MULTILINGUAL)
    missing = {name: _missing(name) for name in names}
    here = next((name for name, why in missing.items() if not why), "")
    if here:
        return Choice(here, f"The texts are {language}: model={here} reads it, MiniLM was trained on English")
    note = f"The texts are {language}, and no model that reads it is here. {missing[names[0]]}. {_anyway(language)}"
    return Choice(names[0], note, lacks=note)


def _anyway(language: str) -> str:
    """What can be typed without an installation."""
    if language in BY_LANGUAGE:
        return f"Or type model={BY_LANGUAGE[language][-1]}, which is downloaded"
    english = (
        "model=minilm, which was trained on English" if language == "Latin script" else "model=hub model.name=NAME"
    )
    return f"Or type {english}"


@cache
def _missing(name: str) -> str:
    """What a model lacks to be used here and now; empty where nothing."""
    model = build(compose([f"model={name}"]).model, Model, "model")
    if model.to_download():
        return model.to_download()
    try:
        model.check()
    except RefusedError as error:
        return str(error).rstrip(".")
    return ""
