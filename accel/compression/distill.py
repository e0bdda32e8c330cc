"""Lets a larger model teach: the student matches its predictions, hidden states and attention relations.

What it does: adds to the task's loss the distance to the teacher's softened logits, to its hidden states (layer by
    layer, or each of the teacher's to the student's nearest) and to its attention relations (which tokens look alike
    to the last layer's queries, keys and values: for a student of any width). By default the teacher is the dense
    baseline: the same model fine-tuned without compression, trained once and reused. Another run's folder, or that of
    any model that transformers saved, can teach too if it has the student's tokenizer and, where its predictions teach,
    the task's labels; and so can the model as it was pretrained.
    Texts of ``task.unlabelled`` have its answers alone, of which it must be sure enough (``confidence``).
    The teacher is kept outside the student's parameters, checkpoints and strategy.
Use it when: another technique takes capacity away (prune, qat) and you want the accuracy back.
What it costs: one forward pass of the teacher per step, about a third more time; one dense training the first time.
Composes with: everything; with privacy when the teacher is public (the dense baseline saw the private data).
Off switch: ``compression.distill.logits_weight=0 compression.distill.hidden_weight=0``, as relations are by default.
Reference: Hinton et al. 2015 (arXiv 1503.02531); Jiao et al. 2020, TinyBERT (arXiv 1909.10351) for hidden states; Xia
    et al. 2022, CoFi (arXiv 2204.00408) for the nearest layer; Wang et al. 2021, MiniLMv2 (arXiv 2012.15828) for
    relations.

    accel compression=[prune,distill] compression.distill.temperature=2
    accel compression=[distill] compression.distill.hidden_weight=0 compression.distill.relations_weight=1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.compression import Compression
from accel.core.facts import Evidence, Facts, History, Loss
from accel.core.meta import META
from accel.core.option import Objection
from accel.core.technique import Stage
from accel.errors import DataError
from accel.ops.distill import BELIEVED, DISTANCES
from accel.ops.distill.terms import Terms
from accel.weights.meta import answers_of, artifact_folder, read_meta

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.plan import Plan


BASELINE, PRETRAINED = "baseline", "pretrained"
WEIGHTS = ("logits_weight", "hidden_weight", "relations_weight", "task_weight")


@dataclass(kw_only=True)
class Distill(Terms, Compression):
    """Knowledge distillation from the dense baseline."""

    stage: ClassVar[Stage] = Stage.DISTILL
    said_freely: ClassVar[tuple[str, ...]] = (DISTANCES,)
    learns_without_labels: ClassVar[bool] = True
    changes_model: ClassVar[bool] = False
    teacher: str = BASELINE
    """baseline, pretrained (hidden states only: its head is new), or the folder of a finished run or of any model that
    transformers saved."""

    @property
    def needs_baseline(self) -> bool:
        return self.teacher == BASELINE

    @property
    def sees_no_private_example(self) -> bool:
        """Whether the teacher was not trained for this run; ``privacy.public_data`` names what another has seen."""
        return not self.needs_baseline

    @property
    def needs_pretrained(self) -> bool:
        return self.teacher == PRETRAINED

    @property
    def against_compiling(self) -> str:
        return (
            "it reads hidden states and attention inside the layers"
            if self.hidden_weight or self.relations_weight
            else ""
        )

    def weights(self) -> list[tuple[str, Path]]:
        named = self.needs_baseline or self.needs_pretrained
        return [] if named else [(f"{self.key}.teacher", artifact_folder(self.teacher))]

    @property
    def instead_of_weights(self) -> str:
        return f"{self.key}.teacher=pretrained with {self.key}.logits_weight=0"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.temperature <= 0:
            yield self.out_of_range("temperature", "positive", "2")
        for name in WEIGHTS:
            if getattr(self, name) < 0:
                yield self.out_of_range(name, "at least 0", "1")
        if not 0 <= self.confidence <= 1:
            yield self.out_of_range("confidence", "a probability, in [0, 1]", "0.6")
        if self.relation_heads is not None and self.relation_heads < 1:
            yield self.out_of_range("relation_heads", "at least 1", "null")
        if self.needs_pretrained and self.logits_weight > 0:
            yield Objection(
                f"{self.key}.teacher=pretrained  with  {self.key}.logits_weight={self.logits_weight}",
                "a pretrained model's head is new, so only its layers can teach, not its predictions",
                f"{self.key}.logits_weight=0",
            )
        for key, folder in self.weights():
            if not any((folder / file).is_file() for file in (META, "config.json")):
                yield Objection(
                    f"{key}={self.teacher}",
                    f"{folder} holds no model ({META} or config.json is missing)",
                    "baseline, pretrained, or the folder of a finished run such as outputs/DATE/TIME or of a model",
                )
        if not any(getattr(self, name) for name in WEIGHTS):
            yield Objection(f"{self.key} with all weights 0", "the loss would be zero", f"{self.key}.task_weight=1")

    def check_data(self, tokenizer: PreTrainedTokenizerBase, objective: Objective, max_length: int) -> None:
        from accel.ops.distill.teacher import load_teacher
        from accel.weights.pretrained import check_folder, load_tokenizer, read_config

        for key, folder in self.weights():
            check_folder(folder, key)
            if self.logits_weight > 0:
                self._require_same_answers(*answers_of(folder, key), objective)
                self._require_same_units(folder, objective)
            self._require_same_pieces(load_tokenizer(folder), tokenizer)
            self._require_room(read_config(folder, key), max_length)
            load_teacher(folder, self.key, self, objective)  # what it lacks is told before a baseline is trained

    def _require_same_answers(self, predicts: str, known: Sequence[str], objective: Objective) -> None:
        layers_alone = f"or {self.key}.logits_weight=0, which learns from its layers alone"
        if predicts not in objective.teachers:
            raise DataError(
                f"{self.key}.teacher={self.teacher} is a model of {predicts}, and the task is {objective.name}. Give a "
                f"teacher of the same task, {layers_alone}."
            )
        asked = list(objective.label_names)
        if list(known) != asked:
            raise DataError(
                f"{self.key}.teacher={self.teacher} predicts the labels {', '.join(known[:5])}, and the task has "
                f"{', '.join(asked[:5])}: the same labels in the same order are needed. Give a teacher of the same "
                f"task, {layers_alone}. If they are the same under other names, change the names in that folder "
                f"({META}, or else id2label in config.json)."
            )

    def _require_same_units(self, folder: Path, objective: Objective) -> None:
        from accel.objective.registry import objective_of

        if (folder / META).is_file() and not objective.may_imitate(objective_of(read_meta(folder))):
            raise DataError(
                f"{self.key}.teacher={self.teacher} predicts {objective.name} on another scale than the task's "
                f"({read_meta(folder).answering} and {objective.answering()}), so the same number means something "
                f"else. Set the task's scale to the teacher's, or {self.key}.logits_weight=0."
            )

    def _require_room(self, config: Mapping[str, Any], max_length: int) -> None:
        room = config.get("max_position_embeddings") or config.get("n_positions") or max_length
        if room < max_length:
            raise DataError(
                f"{self.key}.teacher={self.teacher} reads at most {room} tokens, and the task's texts have up to "
                f"{max_length}. Shorten them (task.max_length={room}, or task.block_length of a language model), or "
                f"give another teacher."
            )

    def _require_same_pieces(self, teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase) -> None:
        theirs, ours = teacher.get_vocab(), student.get_vocab()
        other = next((piece for piece, number in ours.items() if theirs.get(piece) != number), None)
        if other is not None:
            raise DataError(
                f"{self.key}.teacher={self.teacher} has another vocabulary than the student (no token {other!r} "
                f"with the same number), so it would be shown nonsense. Give a teacher with the student's tokenizer, "
                f"trained without compression=[vocabulary]."
            )
        if teacher.pad_token_id != student.pad_token_id:
            raise DataError(
                f"{self.key}.teacher={self.teacher} knows padding by {teacher.pad_token!r}, and the student pads with "
                f"{student.pad_token!r}, which the teacher would read as text. Give both the same pad_token."
            )

    def adapt_loss(self, loss: Loss, model: nn.Module, facts: Facts) -> Loss:
        from accel.ops.distill.teacher import distilled

        folder = {BASELINE: facts.baseline, PRETRAINED: facts.pretrained}.get(self.teacher)
        return distilled(loss, model, folder or artifact_folder(self.teacher), self.key, self, facts)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        del model
        taught = history.get(DISTANCES, [])
        terms = {name: values for name, values in history.items() if name.startswith("distill_") and name != DISTANCES}
        told = terms or {DISTANCES: taught}  # a private run tells no distances
        return Evidence(
            acted=bool(taught) and any(any(value > 0 for value in values) for values in told.values()),
            figures={
                f"{name}_{when}": values[at]
                for name, values in {**terms, **_believed(history)}.items()
                for when, at in (("first", 0), ("last", -1))
            },
            expected="a distance to the teacher in the loss of at least one step",
        )


def _believed(history: History) -> dict[str, list[float]]:
    return {BELIEVED: history[BELIEVED]} if BELIEVED in history else {}
