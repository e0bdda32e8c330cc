"""The teacher's side of distillation: a frozen model that no optimizer, checkpoint or strategy ever sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from accel.core.facts import Facts, Loss
from accel.core.meta import META
from accel.errors import DataError
from accel.ops.distill import BELIEVED, DISTANCES
from accel.ops.distill.losses import full, hidden_distance, match_layers, nearest_distance
from accel.ops.distill.relations import Distance, distance_of
from accel.ops.distill.terms import Terms
from accel.ops.inputs import IMPORTANCE, without_answers

if TYPE_CHECKING:
    from accel.core.objective import Objective


def distilled(loss: Loss, model: nn.Module, folder: Path, key: str, wanted: Terms, facts: Facts) -> Loss:
    """The loss with the teacher's terms added; each is logged under its name, ``distill_logits`` and so on.

    Args:
        model: the student, as every technique has left it.
        key: where the settings stand, for messages.

    Raises:
        DataError: the teacher lacks weights, or its hidden states are of another width.
        RunError: relations are asked for where accel does not know the attention.
    """
    teacher = load_teacher(folder, key, wanted, facts.objective).eval().requires_grad_(False)
    if wanted.hidden_weight > 0:
        _require_equal_width(model, teacher, folder)
    return Loss(
        compute=_Distilled(
            loss,
            teacher,
            _terms(model, teacher, wanted, facts.objective),
            wanted,
            wanted.confidence if facts.num_unlabelled else None,
        ),
        forward_args={**loss.forward_args, "output_hidden_states": wanted.hidden_weight > 0},
    )


def load_teacher(folder: Path, key: str, wanted: Terms, objective: Objective) -> nn.Module:
    """A model that accel exported, or one that transformers saved.

    Raises:
        DataError: it lacks weights that are needed.
    """
    from accel.weights.artifact import load_model
    from accel.weights.pretrained import load_network

    if (folder / META).is_file():
        return load_model(folder)
    with torch.random.fork_rng(devices=[]):  # a head that is made and not used must not move the student's dropout
        return load_network(folder, objective, f"{key}.teacher", new_head=wanted.logits_weight == 0)


def _require_equal_width(student: nn.Module, teacher: nn.Module, folder: Path) -> None:
    ours, theirs = (int(m.config.hidden_size) for m in (student, teacher))  # type: ignore[union-attr, arg-type]
    if ours != theirs:
        raise DataError(
            f"compression.distill.hidden_weight compares hidden states, and those of compression.distill.teacher="
            f"{folder} have width {theirs}, the student's {ours}. Use compression.distill.hidden_weight=0 "
            f"compression.distill.relations_weight=1, which fits any width."
        )


def _tokens(batch: Mapping[str, Tensor]) -> Tensor:
    return batch["attention_mask"]


@dataclass(frozen=True)
class _Term:
    weight: float
    distance: Distance
    places: Callable[[Mapping[str, Tensor]], Tensor] = _tokens
    """The tokens of a batch that it is about."""
    of_answers: bool = False
    """Whether it compares answers, of which some may not be believed."""


def _terms(student: nn.Module, teacher: nn.Module, wanted: Terms, objective: Objective) -> dict[str, _Term]:
    """What the student is told besides its labels, by the name that it is logged under."""
    terms = {
        "distill_logits": _Term(
            wanted.logits_weight,
            partial(_logits, objective=objective, temperature=wanted.temperature),
            objective.places,
            of_answers=True,
        ),
        "distill_hidden": _Term(wanted.hidden_weight, MATCHES[wanted.hidden_match.name]),
    }
    if wanted.relations_weight > 0:
        distance = distance_of(student, teacher, wanted.relation_heads)
        terms["distill_relations"] = _Term(wanted.relations_weight, distance)
    return {name: term for name, term in terms.items() if term.weight > 0}


class _Distilled:
    """Holds the teacher by a plain attribute of a plain object: it is in nobody's ``state_dict``."""

    def __init__(
        self,
        loss: Loss,
        teacher: nn.Module,
        terms: Mapping[str, _Term],
        wanted: Terms,
        confidence: float | None = None,
    ) -> None:
        self.loss = loss
        self.teacher = teacher
        self.terms = terms
        self.task_weight = wanted.task_weight
        self.needs_hidden = wanted.hidden_weight > 0
        self.confidence = confidence
        """From which on an answer to a text without a label is imitated; None where all texts have labels."""

    def __call__(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        terms = self.loss.compute(outputs, batch)
        taught = self._answers(batch)
        kept = None if self.confidence is None else believed(taught.logits, batch[IMPORTANCE], self.confidence)
        parts = {name: _distance(term, outputs, taught, batch, kept) for name, term in self.terms.items()}
        total = self.task_weight * terms["loss"]
        for name, value in parts.items():
            total = total + self.terms[name].weight * value
        distances = torch.tensor(float(len(parts)), device=total.device)
        told = {} if kept is None else {BELIEVED: kept.double().mean()}
        return {**terms, **parts, **told, DISTANCES: distances, "task_loss": terms["loss"], "loss": total}

    @torch.no_grad()
    def _answers(self, batch: Mapping[str, Tensor]) -> Any:
        inputs = without_answers(batch)
        device = inputs["input_ids"].device
        if next(self.teacher.parameters()).device != device:
            self.teacher.to(device)
        return self.teacher(**inputs, output_hidden_states=self.needs_hidden)


def believed(logits: Tensor, importance: Tensor, confidence: float) -> Tensor:
    """Bool [batch]: texts with a label, and those of whose answer the teacher is sure.

    Args:
        logits: the teacher's [batch, labels].
        importance: [batch], 0 where there is no label.
    """
    return (importance > 0) | (full(logits).softmax(-1).amax(-1) >= confidence)


def _distance(term: _Term, student: Any, teacher: Any, batch: Mapping[str, Tensor], kept: Tensor | None) -> Tensor:
    """A mean over all texts of the batch, to which those that are not believed add nothing."""
    mask = term.places(batch)
    if kept is None or not term.of_answers:
        return term.distance(student, teacher, mask)
    if not kept.any():
        return student.logits.sum() * 0.0
    ours, theirs = (SimpleNamespace(logits=outputs.logits[kept]) for outputs in (student, teacher))
    return term.distance(ours, theirs, mask[kept]) * kept.float().mean()


def _logits(student: Any, teacher: Any, mask: Tensor, *, objective: Objective, temperature: float) -> Tensor:
    ours, theirs = (objective.predictions(outputs.logits, mask) for outputs in (student, teacher))
    return objective.imitation(ours, theirs, temperature)


def _hidden_evenly(student: Any, teacher: Any, mask: Tensor) -> Tensor:
    ours, theirs = layers_of(student), layers_of(teacher)
    pairs = match_layers(len(ours) - 1, len(theirs) - 1)
    return hidden_distance([ours[i] for i, _ in pairs], [theirs[j] for _, j in pairs], mask)


def _hidden_nearest(student: Any, teacher: Any, mask: Tensor) -> Tensor:
    return nearest_distance(layers_of(student)[1:], layers_of(teacher)[1:], mask)


MATCHES: Mapping[str, Distance] = {"evenly": _hidden_evenly, "nearest": _hidden_nearest}
"""How the layers of student and teacher are paired, by the setting's name."""


def layers_of(outputs: Any) -> tuple[Tensor, ...]:
    """The hidden states over the input's tokens: an encoder-decoder model keeps them under another name."""
    hidden = getattr(outputs, "hidden_states", None)
    return hidden if hidden is not None else outputs.encoder_hidden_states
