"""Random tiny transformers and a byte tokenizer: every code path of a real model in milliseconds, no download."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.model import Model

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY_SIZE = len(SPECIAL_TOKENS) + 256
PAD, CLS, SEP = 0, 2, 3
MAX_POSITIONS = 512


def byte_tokenizer(*, segments: bool) -> PreTrainedTokenizerBase:
    """One token per UTF-8 byte, so any language works; ``[CLS] a [SEP] b [SEP]``, as BERT's.

    Args:
        segments: whether the model tells the two texts of a pair apart by ``token_type_ids``.
    """
    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    from accel.weights.pretrained import text_is_text

    pieces = [*SPECIAL_TOKENS, *sorted(ByteLevel.alphabet())]
    tokenizer = Tokenizer(WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    by_character = Split(Regex("."), "isolated")
    tokenizer.pre_tokenizer = Sequence([ByteLevel(add_prefix_space=False, use_regex=False), by_character])
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        eos_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=MAX_POSITIONS,
        model_input_names=["input_ids", *(["token_type_ids"] if segments else []), "attention_mask"],
    )
    return text_is_text(made)


@dataclass(kw_only=True)
class Tiny(Model):
    """Random weights, drawn from ``weights_seed`` alone."""

    positions: ClassVar[int] = 0
    """Tokens that it has positions for; 0 where it needs none."""

    width: int = 64
    """Hidden size, divisible by ``num_heads``."""
    num_layers: int = 2
    num_heads: int = 4
    weights_seed: int = 0
    """Not the run's seed: runs that differ in their seed start from the same weights."""

    @abstractmethod
    def config(self) -> PretrainedConfig:
        """The architecture at this size."""

    def shape(self) -> Shape | None:
        from accel.core.shape import Shape

        return Shape.from_config(self.config().to_dict(), f"model={self.option_name()}")

    def usable_positions(self) -> int:
        return self.positions  # its ``shape`` would import transformers

    def fingerprint(self) -> str:
        return f"{self.option_name()} {self.settings()}"

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return byte_tokenizer(segments=self.family() == "bert")

    def network(self, objective: Objective) -> nn.Module:
        """Equal seeds give equal weights, whatever the caller's random state."""
        import torch

        from accel.weights.pretrained import quiet, ready

        with torch.random.fork_rng(devices=[]), quiet():
            torch.manual_seed(self.weights_seed)
            return ready(objective.auto_class().from_config(objective.configured(self.config())))
