"""Questions about short and long contexts as a tiny model reads them, and networks that know everything or nothing."""

import torch

from accel.data import Split
from accel.data.collate import Collator
from accel.data.tokenized import Tokenized
from accel.model.tiny_bert import TinyBert
from accel.objective.spans import Spans

LENGTH, STRIDE = 32, 8
LONG = "the river near the river was great and bright number 989 and the lamp was cold and bob was rude"
TEXTS = [("who", LONG), ("who is it", "ann met bob"), ("where", "nobody was there"), ("what", "a b c d e f g h")]
LABELS = [
    [[LONG.index("bob"), LONG.index("bob") + 3], [LONG.index("lamp"), LONG.index("lamp") + 4]],
    [[0, 3]],
    [],
    [[4, 5]],
]
OBJECTIVE = Spans(stride=STRIDE, longest=12, threshold=0.0)


def tokenized(some=range(4), option=TinyBert):
    split = Split([TEXTS[n] for n in some], [LABELS[n] for n in some])
    found = OBJECTIVE.encode(split, option().tokenizer(), LENGTH)
    return Tokenized(
        found.input_ids, split.labels, found.token_type_ids, targets=found.targets, texts=split.texts
    ), found


def collated(data, some):
    return Collator(0, OBJECTIVE.targets, OBJECTIVE.rows)([data[n] for n in some])


def noise(batch, seed=0, scale=1.0):
    shape = (*batch["input_ids"].shape, 2)
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def perfect(batch):
    """Logits of a network that knows everything."""
    rows = torch.arange(len(batch["labels"]))
    logits = torch.full((*batch["input_ids"].shape, 2), -8.0)
    logits[rows, batch["labels"][:, 3], 0] = logits[rows, batch["labels"][:, 4], 1] = 8.0
    return logits


def scored(data, batches, make, objective=OBJECTIVE):
    scores = objective.scores(data)
    for batch in batches:
        scores.update(make(batch), batch["labels"])
    return scores.compute()
