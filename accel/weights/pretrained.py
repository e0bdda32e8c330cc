"""Loading weights, tokenizers and configurations: the one place that touches ``from_pretrained``.

Weights come from safetensors only and no code of a model folder is ever run. Keys of a folder's configuration that
choose code (``auto_map``, ``*_implementation*``, ``trust_remote_code``) are dropped before transformers sees them
(CVE-2026-4372, CVE-2026-5241).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.errors import DataError, nearest

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

DEPENDED_ON = ("*.safetensors", "*.json", "*.txt", "*.model")
"""Files of a model's folder that say what it computes from a text, and where it comes from."""
TOKENIZER = "tokenizer.json"
NEW_HEAD = "accel_new_head"
"""Attribute of a network with the names of what its checkpoint lacks of a head that checkpoints usually have."""
CHOOSES_CODE = ("auto_map", "trust_remote_code", "custom_pipelines")


def check_folder(folder: Path, key: str) -> None:
    """Fail before any cost when a folder is no loadable model.

    Raises:
        DataError: names the folder, what is missing and the remedy.
    """
    if not folder.is_dir():
        siblings = [p.name for p in folder.parent.glob("*") if p.is_dir()] if folder.parent.is_dir() else []
        close = nearest(folder.name, siblings)
        hint = f"Did you mean {folder.parent / close[0]}?" if close else "Give the folder that holds config.json."
        raise DataError(f"{key}={folder}: there is no such folder. {hint}")
    config = read_config(folder, key)
    if not list(folder.glob("*.safetensors")):
        pickled = sorted(p.name for p in folder.glob("*.bin"))
        because = f"only pickled weights ({', '.join(pickled)})" if pickled else "no *.safetensors"
        raise DataError(
            f"{key}={folder} holds {because}: accel loads weights from safetensors only, because a pickle can run "
            f"code. Convert them once with transformers' save_pretrained(…) in a place you trust."
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt", "tokenizer.model", "vocab.json")):
        raise DataError(f"{key}={folder} has no tokenizer: copy tokenizer.json of the same model into the folder.")
    _check_weights(folder)
    _check_pieces(folder, key, config)


def _check_weights(folder: Path) -> None:
    """By their headers, which say how long a file must be."""
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as error:
            raise DataError(f"{file} cannot be read ({error}): copy it again from where the model came from.") from None


def _check_pieces(folder: Path, key: str, config: Mapping[str, Any]) -> None:
    """That the tokenizer can be read, and that the embedding has a row for each of its pieces."""
    file, rows = folder / TOKENIZER, config.get("vocab_size")
    if not file.is_file():
        return
    pieces = max(_vocabulary(file).values(), default=-1) + 1
    if isinstance(rows, int) and pieces > rows:
        raise DataError(
            f"{key}={folder}: its tokenizer has {pieces} pieces, and its embedding {rows} rows, so some texts could "
            f"not be looked up. Copy both from the same model."
        )


def _vocabulary(file: Path) -> Mapping[str, int]:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(file)).get_vocab()
    except Exception as error:  # the library raises nothing narrower
        raise DataError(f"{file} cannot be read ({error}): copy it again from where the model came from.") from None


def read_config(folder: Path, key: str) -> dict[str, Any]:
    """A model folder's config.json as plain values.

    Raises:
        DataError: it is missing, broken, or names no model_type.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf8"))
    except FileNotFoundError:
        raise DataError(f"{key}={folder} has no config.json: it is not the folder of a Hugging Face model.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}): copy it again from where the model came from.") from None
    if not isinstance(config, dict) or not config.get("model_type"):
        raise DataError(f'{file} names no model_type, so accel cannot tell the architecture. Add it, e.g. "bert".')
    return config


def folder_shape(folder: Path, key: str) -> Shape:
    """The sizes that a model folder's config.json states; the weights need not be there.

    Raises:
        DataError: it is missing, broken, or does not say.
    """
    from accel.core.shape import Shape

    return Shape.from_config(read_config(folder, key), str(folder / "config.json"))


def folder_fingerprint(folder: Path) -> str:
    """sha256 over the names and bytes of the weights, the configuration, the tokenizer, and what was noted of them."""
    total = hashlib.sha256()
    for file in sorted(file for kind in DEPENDED_ON for file in folder.glob(kind)):
        total.update(file.name.encode())
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer; a model without a padding token pads with its end token.

    Raises:
        DataError: it cannot be read.
    """
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the tokenizers library raises nothing narrower for a file that it cannot read
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(
            f"The tokenizer in {folder} cannot be read ({reason}): copy its files again from where the model came from."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return text_is_text(tokenizer)


def text_is_text(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer, for which a text that spells ``[SEP]`` or ``</s>`` holds these letters and no special token.

    Otherwise whoever writes a text could end it, mask it, or pad it. The setting goes with the tokenizer's folder.
    """
    tokenizer.split_special_tokens = True
    tokenizer.init_kwargs["split_special_tokens"] = True
    return tokenizer


def load_config(folder: Path, key: str) -> PretrainedConfig:
    """The folder's configuration without the keys that choose code."""
    from transformers import CONFIG_MAPPING

    values = {k: v for k, v in read_config(folder, key).items() if not _chooses_code(k)}
    family = values.pop("model_type")
    if family not in CONFIG_MAPPING:
        raise DataError(
            f"{key}={folder}: the installed transformers knows no architecture {family!r}. Choose a model whose "
            f"model_type it has, such as bert, roberta, distilbert, gpt2 or t5."
        )
    try:
        return CONFIG_MAPPING[family].from_dict(values)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(f"{key}={folder}: config.json is none of a {family} ({error}). Copy it again.") from error


def _chooses_code(name: str) -> bool:
    return name in CHOOSES_CODE or "_implementation" in name


def load_network(folder: Path, objective: Objective, key: str, *, new_head: bool = True) -> nn.Module:
    """A network for the objective over the pretrained body in ``folder``: fp32 and in train mode.

    Args:
        new_head: whether it gets a head of random weights where the folder has none for the objective.

    Raises:
        DataError: the architecture has no such head, or the weights are damaged, do not fit, or lack a head that
            may not be new.
    """
    from safetensors import SafetensorError

    config = objective.configured(load_config(folder, key))
    try:
        with quiet():
            model, found = objective.auto_class().from_pretrained(
                folder,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # a head for other labels is replaced; the body is checked below
                output_loading_info=True,
            )
    except (SafetensorError, RuntimeError, OSError, ValueError, ImportError) as error:
        first = " ".join(str(error).split())[:300]
        raise DataError(
            f"{key}={folder} does not load for {objective.name}: {first}. Copy the folder again."
        ) from error
    from accel.ops.body import is_of_body

    missing, mismatched = sorted(found["missing_keys"]), sorted(name for name, *_ in found["mismatched_keys"])
    for names, problem in ((mismatched, "the weights do not fit config.json"), (missing, "it lacks weights")):
        of_body = [name for name in names if is_of_body(model, name) and ".pooler." not in name]
        if of_body:
            raise DataError(f"{key}={folder}: {problem} ({of_body[0]}). Copy both from the same model.")
    if not new_head and (missing or mismatched):
        raise DataError(
            f"{key}={folder} lacks weights of its head ({[*missing, *mismatched][0]}), so its answers would be random. "
            f"Give a model that was fine-tuned and saved whole."
        )
    if objective.head_is_pretrained:
        setattr(model, NEW_HEAD, tuple(missing))
    if getattr(model.config, "pad_token_id", None) is None:  # GPT-2's: its classifier cannot tell padding from text
        model.config.pad_token_id = load_tokenizer(folder).pad_token_id
    return ready(model)


def ready(model: nn.Module) -> nn.Module:
    """fp32, plain ``nn.Linear`` everywhere, and in train mode: ``from_pretrained`` leaves dropout off."""
    from accel.ops.conv1d import linearize

    return linearize(model.float()).train()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and load reports: a new head is expected here."""
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
