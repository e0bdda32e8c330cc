"""The templates that a task may name, and files of them."""

import pytest

from accel.data.chat_templates import CHATML, PLAIN, is_template, template_of
from accel.errors import DataError
from accel.model._tiny import byte_tokenizer

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
]
WRITTEN = {
    "chatml": "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    "hello<|im_end|>\n",
    "plain": "System: Be kind.\nUser: hi\nAssistant: hello[SEP]\n",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_writes_what_it_says(name):
    tokenizer = byte_tokenizer(segments=False)
    tokenizer.chat_template = template_of(name)
    assert tokenizer.apply_chat_template(CHAT, tokenize=False) == WRITTEN[name]
    asked = tokenizer.apply_chat_template(CHAT[:2], tokenize=False, add_generation_prompt=True)
    assert WRITTEN[name].startswith(asked)


def test_names_files_and_the_models_own(tmp_path):
    file = tmp_path / "mine.jinja"
    file.write_text("{{ messages }}")
    assert (template_of(None), template_of("chatml"), template_of("plain")) == (None, CHATML, PLAIN)
    assert template_of(str(file)) == "{{ messages }}"
    assert is_template("plain")
    assert is_template("a/b.jinja")
    assert not is_template("b.txt")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
def test_a_file_that_cannot_be_read_is_told(tmp_path, content):
    file = tmp_path / "mine.jinja"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"mine\.jinja cannot be read.*chatml, plain"):
        template_of(str(file))
