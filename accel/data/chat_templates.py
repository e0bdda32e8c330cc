"""How the turns of a conversation become one text: the model's own template, or one that the task names. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accel.errors import DataError

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""For models that have its two tokens and no template."""
PLAIN = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token + '\n' }}"
    "{% else %}{{ message['role'] | capitalize + ': ' + message['content'] + '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For any model: names as people write them, and the end token that the tokenizer has."""
TEMPLATES: Mapping[str, str] = {"chatml": CHATML, "plain": PLAIN}
"""By what ``task.template`` calls them."""
SUFFIX = ".jinja"


def is_template(name: str) -> bool:
    """Whether it names one of ``TEMPLATES``, or could be a file."""
    return name in TEMPLATES or name.endswith(SUFFIX)


def template_of(name: str | None) -> str | None:
    """The template that ``task.template`` names; None where the model's own is meant.

    Raises:
        DataError: the file cannot be read.
    """
    if name is None or name in TEMPLATES:
        return TEMPLATES.get(name or "")
    try:
        return Path(name).expanduser().read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"task.template={name} cannot be read ({reason}). Give a file of a chat template, or one of "
            f"{', '.join(TEMPLATES)}."
        ) from None
