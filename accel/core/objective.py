"""What a network predicts: its head, its loss, how its predictions are scored, and what a file must say of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from accel.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.behaviour.kept import Kept
    from accel.core.meta import Meta
    from accel.core.metric import Metric
    from accel.data import Dataset, Split
    from accel.data.tokenized import Collate, Example, Tokenized
    from accel.data.tokens import Encoded
    from accel.objective.scores import Gathering, Report, Scores


class Objective(ABC):
    """What every part of a run asks when it must know what is predicted; the rest of accel never does.

    A class with a ``name`` of its own is known by it from then on, see ``accel/objective/registry.py``.
    """

    name: ClassVar[str]
    """As an exported model's ``accel.json`` has it."""
    metrics: ClassVar[tuple[Metric, ...]]
    """What its reports hold; the first is the quality, by which runs are compared, searched and stopped."""
    evaluation_tokens: ClassVar[int]
    """Padded tokens of a batch that is only scored."""
    keeps: ClassVar[type[Kept] | None] = None
    """What is kept of a split's predictions, to compare two models one by one; by default nothing."""
    unit: ClassVar[str] = "examples"
    """What a prediction is made for, in the plural: texts, words, tokens."""
    instead_of_predicting: ClassVar[str] = ""
    """A sentence that says what to type where a text has no answer of its own."""
    label_names: Sequence[str]
    """Of the labels that an example has; empty where it has none beside its text, or a number."""
    head_is_pretrained: ClassVar[bool] = False
    """Whether checkpoints usually have its head, so that it is worth saying where one has not."""
    more_inputs: ClassVar[tuple[str, ...]] = ()
    """What a network is given beside a text's tokens, by name; it is made of the labels, see ``more``."""
    chooses_one: ClassVar[bool] = False
    """Whether an example has exactly one of the labels."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _register(cls)

    @property
    def quality(self) -> Metric:
        """The first metric."""
        return self.metrics[0]

    @classmethod
    @abstractmethod
    def for_labels(cls, label_names: Sequence[str]) -> Objective:
        """Of data with these labels, which are none where an example has no label but its text or a number."""

    @classmethod
    def of(cls, meta: Meta) -> Objective:
        """What an exported model predicts."""
        return cls.for_labels(meta.label_names)

    @abstractmethod
    def auto_class(self) -> Any:
        """transformers' class that makes the network of any architecture."""

    @abstractmethod
    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        """An architecture's configuration, told what to predict."""

    def reading(self, tokenizer: PreTrainedTokenizerBase) -> Self:
        """Itself, with what it must know of a model's tokenizer to make batches; nothing by default.

        Raises:
            DataError: the tokenizer lacks it.
        """
        del tokenizer
        return self

    def spelled(self, text: str) -> str:
        """A text as the tokenizer is given it; unchanged by default."""
        return text

    def adapted(self, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
        """The tokenizer as the examples need it, and as it is exported; unchanged by default.

        Raises:
            DataError: it cannot be what they need.
        """
        return tokenizer

    @abstractmethod
    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """A split's examples as tokens, none longer than ``max_length``."""

    def encodes_by(self) -> Sequence[Any]:
        """Settings of its own that the tokens depend on, as JSON can hold them; none by default."""
        return ()

    def texts_together(self, num_columns: int) -> int:
        """How many of an example's texts the network reads in one sequence; by default all."""
        return num_columns

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """What the network reads of a batch's examples, one sequence each; by default the examples themselves."""
        return examples

    @abstractmethod
    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """A batch's ``labels``; ``input_ids`` and ``mask`` are [batch, tokens], a row for each of ``examples``.

        An example has a ``label``, whatever its task gives it, or none; and ``targets``, one for each of its tokens,
        where ``encode`` makes them.
        """

    def more(self, labels: Tensor) -> dict[str, Tensor]:
        """A batch's ``more_inputs``, made of its ``labels``; none by default."""
        del labels
        return {}

    @abstractmethod
    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """How many predictions each example of so many tokens adds to a mean."""

    def counts_in(self, split: Tokenized) -> np.ndarray:
        """The same of each example of a split; by default its length tells."""
        return self.counts(split.lengths)

    def places(self, batch: Mapping[str, Tensor]) -> Tensor:
        """[batch, tokens]: the mask by which ``predictions`` finds those that a batch learns; by default all tokens."""
        return batch["attention_mask"]

    @abstractmethod
    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        """[predictions, choices]: those of a network's logits that are scored."""

    @abstractmethod
    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The objective's own loss, a mean over the predictions of a batch."""

    @abstractmethod
    def scores(self, split: Tokenized) -> Scores:
        """What adds up how good predictions of a split are."""

    @abstractmethod
    def details(self, report: Report) -> dict[str, Any]:
        """What the record says of a report beside its metrics."""

    def examined(self, report: Report, model: nn.Module, split: Tokenized, collator: Collate) -> Report:
        """The report of a finished model, with what is found in no batch of the split's own; unchanged by default.

        Validation while a model is trained does without it.
        """
        del model, split, collator
        return report

    def settings(self) -> dict[str, Any]:
        """What it learns and scores by, as JSON can hold it; nothing by default."""
        return {}

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """What the record says of a data set's labels; that there are none by default."""
        del dataset
        return {"labels": [], "label_counts": {}}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """What reading nothing reaches on the test split, by name and metrics; nothing to say by default."""
        del dataset
        return []

    def simple_models(self, dataset: Dataset, seed: int) -> Iterator[tuple[str, Report, int]]:
        """(name, what it reaches on the test split, of how many examples) of simple models; none by default.

        Each is trained as it is asked for. Of an objective that chooses one label accel trains one by itself.
        """
        del dataset, seed
        return iter(())

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names of objectives whose models predict the same thing; its own alone by default."""
        return (self.name,)

    def may_imitate(self, teacher: Objective) -> bool:
        """Whether a teacher of the same name and labels predicts in the same units; by default there are none."""
        del teacher
        return True

    @abstractmethod
    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """How far a student's predictions are from a teacher's, both as ``predictions`` gives them: a mean.

        Args:
            temperature: by which distributions are softened; of no meaning to other predictions.
        """

    @abstractmethod
    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        """[]: how far predictions moved, as ``predictions`` gives them, added up over them."""

    def kept(self, logits: Tensor, labels: Tensor, examples: np.ndarray) -> Kept:
        """Of one batch, for an objective that ``keeps`` something.

        Args:
            logits: the network's.
            labels: the batch's.
            examples: [batch], their numbers in the split.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps nothing")

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """[examples, 2]: what each adds to two sums, of which the quality is the ratio; None where it is no ratio."""
        del kept, split

    def speeds(self, models: Mapping[str, nn.Module]) -> Mapping[str, dict[str, Any]]:
        """By side of the record, what else is measured of running finished models; nothing by default."""
        del models
        return {}

    @property
    def is_fitted(self) -> bool:
        """Whether it knows how to answer from a network's logits; not where the trained network must be seen first."""
        return True

    def gathering(self, split: Tokenized) -> Gathering:
        """What gathers the answers that ``fitted`` reads, of the validation split; by default all of them."""
        from accel.objective.scores import Gathered

        del split
        return Gathered()

    def fitted(self, logits: Tensor, labels: Tensor) -> Self:
        """Itself, with what it reads from a trained network's answers on the validation split; nothing by default.

        Args:
            logits: [examples, choices], in float64, as ``gathering`` gives them.
            labels: of the same shape.
        """
        del logits, labels
        return self

    def answering(self) -> dict[str, Any]:
        """What it must know beside its labels, as JSON can hold it; nothing by default."""
        return {}

    def artifact_facts(self) -> dict[str, Any]:
        """What an exported model must know to be loaded again."""
        known = self.answering()
        return {
            "objective": self.name,
            "label_names": list(self.label_names),
            **({"answering": known} if known else {}),
        }


class Answering(Objective):
    """A trait: every text has an answer of its own, which ``accel predict`` prints and ``accel explain`` explains."""

    instead_of_explaining: ClassVar[str] = ""
    """Where no number of a network's logits stands for the answer: that nothing is explained, and what to type."""

    def outputs(self, model: nn.Module, inputs: Mapping[str, Tensor], temperature: float) -> Tensor:
        """[texts, …]: what answers are read from; a network's logits by default.

        Args:
            temperature: that the logits are divided by.
        """
        return model(**inputs).logits.float() / temperature

    @abstractmethod
    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """What JSON can hold of one text's answer.

        Args:
            logits: the network's, of this text.
            mask: [tokens], 1 at real tokens.
        """

    def answer_to(
        self, text: Sequence[str], logits: Tensor, mask: Tensor, offsets: Sequence[tuple[int, int]]
    ) -> dict[str, Any]:
        """The same for an answer that points into the text; by default it does not.

        Args:
            text: as it was given, one string or two.
            logits: the network's, of this text.
            mask: [tokens], 1 at real tokens.
            offsets: where in ``spelled(text)`` each token begins and ends, in characters.
        """
        del text, offsets
        return self.answer(logits, mask)

    @abstractmethod
    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        """Where in one text's logits the number stands that its answer follows from."""

    def to_explain(
        self,
        text: Sequence[str],
        logits: Tensor,
        mask: Tensor,
        offsets: Sequence[tuple[int, int]],
        asked: Sequence[str] = (),
        columns: Sequence[int | None] = (),
    ) -> list[tuple[str, tuple[int, ...]]]:
        """What it is called, and where it stands in one text's logits, of each number that is to be explained.

        By default that of the answer, or those of the labels that are asked for.

        Args:
            text: as it was given, one string or two.
            logits: the network's, of this text.
            mask: [tokens], 1 at real tokens.
            offsets: where in ``spelled(text)`` each token begins and ends, in characters.
            asked: labels.
            columns: which of the strings each token is of; None where it is of none.

        Raises:
            DataError: there is no such label.
        """
        del text, offsets, columns
        names = list(self.label_names) if logits.shape[-1] == len(self.label_names) else []
        require_known(asked, names)
        place = self.explained(logits, mask)
        if asked:
            return [(name, (*place[:-1], names.index(name))) for name in asked]
        return [(names[place[-1]] if names else "number", place)]


class Labelled(Answering):
    """A trait: examples have labels, and a network is more or less sure of them."""

    @abstractmethod
    def margins(self, logits: Tensor, labels: Sequence[Any]) -> Tensor:
        """[batch]: how sure the network is of the true labels, as ``accel attack`` compares it."""


def require_known(asked: Sequence[str], names: Sequence[str]) -> None:
    """That labels which are asked for are labels that there are.

    Raises:
        DataError: with the nearest one.
    """
    for name in asked:
        if name not in names:
            known = did_you_mean(name, names) if names else "It predicts a number: leave --label out."
            raise DataError(f"This model knows no label {name!r}. {known}")


_BY_NAME: dict[str, type[Objective]] = {}


def _register(cls: type[Objective]) -> None:
    """A class that is made anew, as a module is imported again, takes the place of itself."""
    known = _BY_NAME.setdefault(cls.name, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ConfigError(
            f"{cls.__module__}.{cls.__qualname__} is called {cls.name!r} as {known.__module__}.{known.__qualname__} "
            f"is: a model that states this name could be of either. Give it another name."
        )
    _BY_NAME[cls.name] = cls


def known_objectives() -> Mapping[str, type[Objective]]:
    """Every objective whose module was imported, by the name that an exported model states."""
    return _BY_NAME
