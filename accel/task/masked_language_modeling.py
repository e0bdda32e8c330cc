"""Let an encoder read texts like yours before it is fine-tuned on few labels: it learns to find hidden words.

What it does: reads .txt (a blank line ends a document), CSV, TSV, JSON lines or Parquet with a text column, removes
    repeated documents, splits by document, and cuts long ones into blocks. Of each block whole words are hidden, other
    ones in every epoch (under privacy and at clients always the same): 80 % of their tokens by the mask, 10 % by
    another token, 10 % not at all. Whenever something is scored the hidden words are the same, so losses compare. A
    checkpoint without a head for it gets a new one, tied to the embeddings, which is said. Then go on from the run's
    folder: its body is the start of any other task.
Use it when: you have many texts of a field and few labels, and the pretrained model has hardly seen the field.
What it costs: a training of its own; the classifier's pooler, where the model has one, begins anew afterwards.
Composes with: encoders (BERT, RoBERTa, DistilBERT); every compression but vocabulary, every tuning but head.
Off switch: fine-tune at once.
Reference: Devlin et al. 2019 (arXiv 1810.04805); Gururangan et al. 2020 (arXiv 2004.10964) for going on in a field;
    whole words as in Cui et al. 2021 (arXiv 1906.08101), by letters and digits together and ideographs one by one.

    accel task=masked_language_modeling task.train=notes.txt model=minilm trainer.epochs=1
    accel task=text_classification task.train=labels.csv model=local model.path=outputs/DATE/TIME
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.family import family_of
from accel.core.metric import OF_MASKED, Metric
from accel.core.option import Objection
from accel.data import Dataset
from accel.task.language_modeling import LanguageModeling

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class MaskedLanguageModeling(LanguageModeling):
    """Texts from files, of which words are hidden."""

    fraction: float = 0.15
    """Of the tokens, that are hidden."""

    def predicts(self) -> type[Objective]:
        from accel.objective.masked_language_modeling import MaskedLanguageModelling

        return MaskedLanguageModelling

    def metrics(self) -> tuple[Metric, ...]:
        return OF_MASKED

    def objective(self, dataset: Dataset) -> Objective:
        del dataset
        return self.predicts()(self.fraction)  # type: ignore[call-arg]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 < self.fraction < 1:
            yield self.out_of_range("fraction", "between 0 and 1: a share of the tokens", "0.15")

    def objections_to_model(self, family: str) -> Iterator[Objection]:
        found = family_of(family)
        if found.causal or found.encoder_decoder:
            yield Objection(
                f"task={self.option_name()}  with a {family} model",
                f"what stands on both sides of a hidden word has to be read, and a {family} does not",
                "model=minilm or another encoder, or task=language_modeling for models that continue texts",
            )
