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
from accel.core.language_task import LanguageTask
from accel.core.option import Objection, Option, typed
from accel.core.privacy import Privacy
from accel.core.task import TokenTask
from accel.core.technique import Technique
from accel.core.tuning import Adapter, FrozenBody, HeadOnly, Prompt, Tuning
from accel.strategy.federated import Federated
from accel.strategy.fsdp import Fsdp
from accel.strategy.tensor_parallel import TensorParallel
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
        (LanguageTask, Vocabulary),
        "a language model must be able to say every piece, and with fewer of them its figures mean something else",
        "leave vocabulary out",
    ),
    Rule(
        (LanguageTask, HeadOnly),
        "the head of a language model is its table of pieces, which most models share with the frozen embedding",
        "tuning=lora or tuning=full",
    ),
    Rule(
        (TokenTask, Prompt),
        "every position is scored, and those of the prompt have no next token to say, and no tag",
        "tuning=lora or tuning=adapter",
    ),
    Rule(
        (Prune, Adapter),
        "heads and channels are scored and cut by the weights they consist of, and an adapter leaves those frozen",
        "tuning=full, or leave prune out",
    ),
    Rule(
        (Prune, FrozenBody),
        "heads and channels are scored by the gradients of the weights they consist of, and this tuning freezes them",
        "tuning=full, or compression.prune.score=magnitude or activation",
        unless=lambda prune, tuning: not prune.needs_gradients,
    ),
    Rule(
        (Prune, Mask),
        "removing channels moves the weights of a row together, and N of M neighbours or a tile are not that any more",
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
        "movement is taken from the gradients of the weights, and this tuning freezes them",
        "tuning=full, or compression.mask.score=magnitude",
        unless=lambda mask, tuning: not mask.needs_gradients,
    ),
    Rule(
        (Privacy, Mask),
        "movement and the inputs of weights come from the private examples, and the privacy accountant does not see it",
        "compression.mask.score=magnitude, or compression.mask.score=wanda with compression.mask.public_text=FILE",
        unless=lambda privacy, mask: mask.sees_no_private_example,
    ),
    Rule(
        (Qat, Adapter),
        "the weight is rounded together with the adapter that will be merged into it, and no merged weight can leave "
        "out a part of the adapter's input",
        "tuning.dropout=0",
        unless=lambda qat, adapter: adapter.input_dropout == 0,
    ),
    Rule(
        (Ptq, Qat),
        "both end in the same rounded layers, one with training and one without",
        "compression=[qat] for quality, or compression=[ptq] where training cannot round",
    ),
    Rule(
        (Privacy, Prune),
        "the scores come from the dense baseline and from gradients of the private examples, which the "
        "privacy accountant does not see: what is kept would leak them",
        "compression.prune.start=pretrained with compression.prune.score=activation and "
        "compression.prune.public_text=FILE, or with compression.prune.score=magnitude",
        unless=lambda privacy, prune: prune.sees_no_private_example,
    ),
    Rule(
        (Privacy, Fsdp),
        "every record's gradient is clipped against the whole model's, and a process holds only a part of it",
        "strategy=ddp",
    ),
    Rule(
        (Privacy, Layers),
        "the remaining layers start from the dense baseline, which is trained on the private data without privacy",
        "compression.layers.start=pretrained",
        unless=lambda privacy, layers: layers.sees_no_private_example,
    ),
    Rule(
        (Privacy, Vocabulary),
        "which pieces are kept tells which words the private examples hold, and the privacy accountant does not see it",
        "compression.vocabulary.from_task=false with compression.vocabulary.public_text=FILE",
        unless=lambda privacy, vocabulary: vocabulary.sees_no_private_example,
    ),
    Rule(
        (Privacy, Distill),
        "the teacher is the dense baseline, which is trained on the private data without privacy: its answers leak it",
        "compression.distill.teacher=FOLDER of a model trained on data that privacy.public_data names, or "
        "compression.distill.teacher=pretrained with compression.distill.logits_weight=0",
        unless=lambda privacy, distill: distill.sees_no_private_example,
    ),
    Rule(
        (Privacy, Quantization),
        "which layers are spared is measured on private examples, and the privacy accountant does not see it",
        "compression.qat.spare=0 or compression.ptq.spare=0",
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
        "some of what it trains is no layer whose gradient of each record is known",
        "tuning=lora, tuning=adapter or tuning=bitfit",
        unless=lambda privacy, tuning: tuning.sampled,
    ),
    Rule(
        (Tuning, TensorParallel),
        "a process computes a part of each layer, and what this tuning adds needs the whole of it",
        "tuning=lora, or strategy=ddp",
        unless=lambda tuning, strategy: tuning.splits,
    ),
    Rule(
        (Tuning, Fsdp),
        "it reads its parameters outside of their layer's forward pass, and a process then holds a part of each",
        "tuning=lora, or strategy=ddp",
        unless=lambda tuning, strategy: tuning.shards,
    ),
    Rule(
        (Distill, Prompt),
        "attention relations compare the student's tokens with the teacher's one by one, and the prompt is more tokens",
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
        "it does not say that it sees no private example, and the privacy accountant sees nothing but gradients",
        "privacy=none, or leave it out",
        unless=lambda privacy, compression: compression.sees_no_private_example,
    ),
    Rule(
        (Privacy, TensorParallel),
        "every record's gradient is clipped against the whole layers', and a process computes its heads and channels",
        "strategy=ddp",
    ),
    Rule(
        (Qat, TensorParallel),
        "int8 scales are those of a whole row of weights and of a whole token, and a process has a part of either",
        "strategy=ddp or strategy=fsdp, or compression=[ptq]",
    ),
    Rule(
        (Prune, TensorParallel),
        "these scores listen to what all heads and channels say, and a process hears its own",
        "compression.prune.score=first_order, movement or magnitude, or strategy=ddp",
        unless=lambda prune, strategy: not prune.listens,
    ),
    Rule(
        (Mask, TensorParallel),
        "Wanda's scores listen to all inputs of a layer, and a process hears its own",
        "compression.mask.score=magnitude or movement, or strategy=ddp",
        unless=lambda mask, strategy: not mask.listens,
    ),
    Rule(
        (Distill, TensorParallel),
        "attention relations compare all queries, keys and values, and a process computes its own heads",
        "compression.distill.relations_weight=0, or strategy=ddp",
        unless=lambda distill, strategy: not distill.relations_weight,
    ),
    Rule(
        (Privacy, Federated),
        "its guarantee is for records of which every step draws its own from all, and clients train on theirs in turn",
        "privacy=none, or strategy=ddp",
    ),
    Rule(
        (Federated, Prune),
        "heads and channels are scored on examples or gradients, which are at the clients, or begin with the dense "
        "baseline, which is trained on all examples together: a server has neither",
        "compression.prune.start=pretrained with compression.prune.score=magnitude, or with "
        "compression.prune.score=activation and compression.prune.public_text=FILE",
        unless=lambda federated, prune: prune.sees_no_private_example,
    ),
    Rule(
        (Federated, Mask),
        "movement and the inputs of weights are at the clients, and all of them must have the same zeros",
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
        "which pieces are kept follows from the words of all clients, who would have to show theirs",
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
        "which layers are spared is measured on examples, which are at the clients",
        "compression.qat.spare=0 or compression.ptq.spare=0",
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
        "it does not say that it looks at no example, and a server of clients has none",
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
