"""Which two options cannot work together, why, and what to use instead.

One table: the refusal, ``accel matrix``, the table in the README and one test per pair all come from it.
A rule names classes, never strings; a base class stands for everything derived from it, a user's own options included.
Of the rules that forbid the same two options the first one speaks: the special ones stand before the general ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from accel.compression._quantization import Quantization
from accel.compression.distill import Distill
from accel.compression.layers import Layers
from accel.compression.mask import Mask
from accel.compression.prune import Prune
from accel.compression.ptq import Ptq
from accel.compression.qat import Qat
from accel.compression.vocabulary import Vocabulary
from accel.core.compression import Compression
from accel.core.language_task import CausalTask
from accel.core.option import Objection, Option, typed
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import TokenTask
from accel.core.technique import Technique
from accel.core.tuning import Adapter, FrozenBody, HeadOnly, Prompt, Tuning
from accel.privacy.dpfedavg import Dpfedavg
from accel.strategy.ddp import Ddp
from accel.strategy.federated import Federated
from accel.strategy.fsdp import Fsdp
from accel.strategy.tensor_parallel import TensorParallel
from accel.task._answers import SpanTask
from accel.task._pairs import PairTask
from accel.task.multi_label import MultiLabel
from accel.task.regression import Regression


@dataclass(frozen=True)
class Rule:
    """Two classes that must not meet in one plan."""

    forbids: tuple[type[Option], type[Option]]
    because: str
    instead: str
    unless: Callable[[Any, Any], bool] | None = None
    """Whether the two, in the order of ``forbids``, have settings with which they may meet."""

    def objections(self, options: list[Option]) -> Iterator[Objection]:
        """One objection for each pair of options that this rule forbids."""
        first, second = self.forbids
        for a in (o for o in options if isinstance(o, first)):
            for b in (o for o in options if isinstance(o, second)):
                if self.unless is None or not self.unless(a, b):
                    what = f"{typed(a)}  with  {typed(b)}"
                    yield Objection(what, self.because, self.instead, avoidable=self.unless is not None)


RULES: tuple[Rule, ...] = (
    Rule(
        (CausalTask, Vocabulary),
        "a language model predicts every token of its vocabulary, and its scores over fewer tokens do not compare",
        "leave vocabulary out",
    ),
    Rule(
        (CausalTask, HeadOnly),
        "the head of a language model is its output embedding, which most models tie to the frozen input embedding",
        "tuning=lora or tuning=full",
    ),
    Rule(
        (TokenTask, Prompt),
        "every position needs a target, and those of the prompt have neither a next token nor a tag",
        "tuning=lora or tuning=adapter",
    ),
    Rule(
        (PairTask, Prompt),
        "a text's vector is the mean over its own tokens, and a prompt adds tokens that belong to no text",
        "tuning=lora or tuning=adapter",
    ),
    Rule(
        (PairTask, HeadOnly),
        "a text's vector comes straight from the body: there is no head that could learn",
        "tuning=lora or tuning=full",
    ),
    Rule(
        (Privacy, PairTask),
        "a pair's negatives are the other pairs of its batch, so no record has a gradient of its own that is clipped",
        "privacy=none",
    ),
    Rule(
        (PairTask, TensorParallel),
        "negatives are gathered from all processes, and those that split a layer have the same pairs",
        "strategy=ddp or strategy=fsdp",
    ),
    Rule(
        (Federated, PairTask),
        "a pair's negatives are the other pairs of the whole batch, and examples stay at the clients",
        "strategy=ddp",
    ),
    Rule(
        (Privacy, SpanTask),
        "a context may have many windows, and the threshold is chosen on private examples and stored in the model: "
        "neither is bounded for each record",
        "privacy=none",
    ),
    Rule(
        (Prune, Adapter),
        "heads and channels are scored and removed by their own weights, and an adapter leaves those frozen",
        "tuning=full, or leave prune out",
    ),
    Rule(
        (Prune, FrozenBody),
        "heads and channels are scored by the gradients of their own weights, and this tuning freezes them",
        "tuning=full, or compression.prune.score=magnitude or activation",
        unless=lambda prune, tuning: not prune.needs_gradients,
    ),
    Rule(
        (Prune, Mask),
        "removing channels shifts the weights of a row, so N of M neighbours or the tiles of a mask no longer line up",
        "compression.mask.pattern=unstructured, or leave prune out",
        unless=lambda prune, mask: not mask.layout.structured,
    ),
    Rule(
        (Mask, Adapter),
        "the adapter is merged into the weight after training and fills the zeros again",
        "tuning=full, or leave mask out",
    ),
    Rule(
        (Mask, FrozenBody),
        "movement scores are computed from the gradients of the weights, and this tuning freezes them",
        "tuning=full, or compression.mask.score=magnitude",
        unless=lambda mask, tuning: not mask.needs_gradients,
    ),
    Rule(
        (Privacy, Mask),
        "movement scores and activations come from private examples, which the privacy accountant does not count",
        "compression.mask.score=magnitude, or compression.mask.score=wanda with compression.mask.public_text=FILE",
        unless=lambda privacy, mask: mask.sees_no_private_example,
    ),
    Rule(
        (Qat, Adapter),
        "the weight is fake-quantized together with the adapter that will be merged into it, and a merged weight "
        "cannot drop a part of the adapter's input",
        "tuning.dropout=0",
        unless=lambda qat, adapter: adapter.input_dropout == 0,
    ),
    Rule(
        (Qat, Tuning),
        "while this tuning trains, the weights are in four bits: what would be rounded to int8 is only made at the end",
        "compression=[ptq], which rounds the merged weights, or tuning=lora",
        unless=lambda qat, tuning: not tuning.rounds_body,
    ),
    Rule(
        (Ptq, Qat),
        "both end in the same quantized layers, one with training and one without",
        "compression=[qat] for quality, or compression=[ptq] to quantize after training alone",
    ),
    Rule(
        (Privacy, Prune),
        "the scores come from the dense baseline and from gradients of the private examples, which the "
        "privacy accountant does not count: which units are kept would leak them",
        "compression.prune.start=pretrained with compression.prune.score=activation and "
        "compression.prune.public_text=FILE, or with compression.prune.score=magnitude",
        unless=lambda privacy, prune: prune.sees_no_private_example,
    ),
    Rule(
        (Privacy, Layers),
        "the remaining layers start from the dense baseline, which is trained on the private data without privacy",
        "compression.layers.start=pretrained",
        unless=lambda privacy, layers: layers.sees_no_private_example,
    ),
    Rule(
        (Privacy, Vocabulary),
        "which tokens are kept reveals words of private examples, which the privacy accountant does not count",
        "compression.vocabulary.from_task=false with compression.vocabulary.public_text=FILE",
        unless=lambda privacy, vocabulary: vocabulary.sees_no_private_example,
    ),
    Rule(
        (Privacy, Distill),
        "the teacher is the dense baseline, trained on the private data without privacy: its predictions leak it",
        "compression.distill.teacher=FOLDER of a model trained on data that privacy.public_data names, or "
        "compression.distill.teacher=pretrained with compression.distill.logits_weight=0",
        unless=lambda privacy, distill: distill.sees_no_private_example,
    ),
    Rule(
        (Privacy, Quantization),
        "private examples decide which layers stay in full precision, which the privacy accountant does not count",
        "compression.qat.full_precision=0 or compression.ptq.full_precision=0",
        unless=lambda privacy, quantization: quantization.sees_no_private_example,
    ),
    Rule(
        (Privacy, Regression),
        "the mean and the standard deviation of the private numbers are stored in the model, and the privacy "
        "accountant does not see it",
        "task.mean and task.std as the unit of the numbers suggests them: of stars from 1 to 5, 3 and 1.5",
        unless=lambda privacy, task: task.sees_no_private_example,
    ),
    Rule(
        (Privacy, MultiLabel),
        "thresholds are chosen on private examples and stored in the model, and the privacy accountant does not see it",
        "task.threshold=0.5",
        unless=lambda privacy, task: task.sees_no_private_example,
    ),
    Rule(
        (Privacy, Tuning),
        "per-example gradients of some of the parameters that it trains are not known",
        "tuning=lora, tuning=adapter or tuning=bitfit",
        unless=lambda privacy, tuning: tuning.sampled or privacy.protects_clients,
    ),
    Rule(
        (Tuning, TensorParallel),
        "each process computes a part of every layer, and what this tuning adds needs the whole layer",
        "tuning=lora, or strategy=ddp",
        unless=lambda tuning, strategy: tuning.splits,
    ),
    Rule(
        (Tuning, Fsdp),
        "it reads its parameters outside their layer's forward pass, where each process holds only a part of them",
        "tuning=lora, or strategy=ddp",
        unless=lambda tuning, strategy: tuning.shards,
    ),
    Rule(
        (Tuning, Federated),
        "it decides by the gradient of each step, and the server sees updates of many steps, each client its own steps",
        "tuning=lora, or strategy=ddp",
        unless=lambda tuning, strategy: not tuning.reads_gradients,
    ),
    Rule(
        (Distill, Prompt),
        "the student's tokens are compared with the teacher's one by one, and the prompt adds tokens to the student's",
        "compression.distill.relations_weight=0 compression.distill.hidden_weight=0",
        unless=lambda distill, tuning: not distill.relations_weight and not distill.hidden_weight,
    ),
    Rule(
        (Privacy, Technique),
        "it needs the dense baseline, which is trained on the private data without privacy",
        "privacy=none, or leave it out",
        unless=lambda privacy, technique: not (technique.needs_baseline or technique.starts_from_baseline),
    ),
    Rule(
        (Privacy, Compression),
        "it does not declare that it uses no private example, and the privacy accountant counts gradients only",
        "privacy=none, or leave it out",
        unless=lambda privacy, compression: compression.sees_no_private_example,
    ),
    Rule(
        (Privacy, TensorParallel),
        "each record's gradient is clipped by its norm over whole layers; each process computes only its own part",
        "strategy=ddp",
    ),
    Rule(
        (Qat, TensorParallel),
        "int8 scales are computed per row of weights and per token; each process holds only a part of either",
        "strategy=ddp or strategy=fsdp, or compression=[ptq]",
    ),
    Rule(
        (Prune, TensorParallel),
        "the scores need the activations of all heads and channels; each process holds only its own",
        "compression.prune.score=first_order, movement or magnitude, or strategy=ddp",
        unless=lambda prune, strategy: not prune.needs_activations,
    ),
    Rule(
        (Mask, TensorParallel),
        "Wanda's scores need all inputs of a layer; each process holds only its own",
        "compression.mask.score=magnitude or movement, or strategy=ddp",
        unless=lambda mask, strategy: not mask.needs_activations,
    ),
    Rule(
        (Distill, TensorParallel),
        "attention relations need the queries, keys and values of all heads; each process computes only its own",
        "compression.distill.relations_weight=0, or strategy=ddp",
        unless=lambda distill, strategy: not distill.relations_weight,
    ),
    Rule(
        (Dpfedavg, Strategy),
        "it protects whole clients of a federated run, and this strategy pools the records of all",
        "strategy=federated, or privacy=dpsgd, which protects records",
        unless=lambda privacy, strategy: isinstance(strategy, Federated),
    ),
    Rule(
        (Privacy, Fsdp),
        "what computes its clipped sums needs them whole in each process, which holds only a part of the model",
        "privacy=dpsgd with privacy.engine=bookkeeping, or strategy=ddp",
        unless=lambda privacy, strategy: privacy.shards,
    ),
    Rule(
        (Privacy, Fsdp),
        "sums are added up before their noise, and rounded to bf16 a record moves them by more than its bound",
        "strategy.reduce_dtype=fp32",
        unless=lambda privacy, strategy: not strategy.rounds_sums,
    ),
    Rule(
        (Privacy, Ddp),
        "clipped sums are added up before their noise, in the format of the weights: what is set here would not act",
        "strategy.compress=none",
        unless=lambda privacy, strategy: not strategy.rounds_sums,
    ),
    Rule(
        (Privacy, Federated),
        "its guarantee holds for steps that sample from all records, and each client trains on its own",
        "privacy=dpfedavg, which protects whole clients, or strategy=ddp",
        unless=lambda privacy, federated: privacy.protects_clients,
    ),
    Rule(
        (Federated, Prune),
        "heads and channels are scored on examples or gradients, which stay at the clients, or start from the dense "
        "baseline, which is trained on all examples together: the server has neither",
        "compression.prune.start=pretrained with compression.prune.score=magnitude, or with "
        "compression.prune.score=activation and compression.prune.public_text=FILE",
        unless=lambda federated, prune: prune.sees_no_private_example,
    ),
    Rule(
        (Federated, Mask),
        "movement scores and activations stay at the clients, and all of them need the same mask",
        "compression.mask.score=magnitude, or compression.mask.score=wanda with compression.mask.public_text=FILE",
        unless=lambda federated, mask: mask.sees_no_private_example,
    ),
    Rule(
        (Federated, Layers),
        "the remaining layers start from the dense baseline, which is trained on all examples together",
        "compression.layers.start=pretrained",
        unless=lambda federated, layers: layers.sees_no_private_example,
    ),
    Rule(
        (Federated, Vocabulary),
        "which tokens are kept depends on the texts of all clients, which stay at the clients",
        "compression.vocabulary.from_task=false with compression.vocabulary.public_text=FILE",
        unless=lambda federated, vocabulary: vocabulary.sees_no_private_example,
    ),
    Rule(
        (Federated, Distill),
        "the teacher is the dense baseline, which is trained on all examples together",
        "compression.distill.teacher=FOLDER of a model trained on public data, or compression.distill.teacher="
        "pretrained with compression.distill.logits_weight=0",
        unless=lambda federated, distill: distill.sees_no_private_example,
    ),
    Rule(
        (Federated, Quantization),
        "examples decide which layers stay in full precision, and examples stay at the clients",
        "compression.qat.full_precision=0 or compression.ptq.full_precision=0",
        unless=lambda federated, quantization: quantization.sees_no_private_example,
    ),
    Rule(
        (Federated, Technique),
        "it needs the dense baseline, which is trained on all examples together",
        "strategy=ddp, or leave it out",
        unless=lambda federated, technique: not (technique.needs_baseline or technique.starts_from_baseline),
    ),
    Rule(
        (Federated, Compression),
        "it does not declare that it uses no example, and the server has none",
        "strategy=ddp, or leave it out",
        unless=lambda federated, compression: compression.sees_no_private_example,
    ),
)


def clashes(options: list[Option]) -> list[Objection]:
    """One objection per pair of options that must not meet; of several, one that no setting avoids, else the first."""
    found = [objection for rule in RULES for objection in rule.objections(options)]
    firmest: dict[str, Objection] = {}
    for objection in sorted(found, key=lambda o: o.avoidable):
        firmest.setdefault(objection.what, objection)
    return [o for o in found if firmest[o.what] is o]
