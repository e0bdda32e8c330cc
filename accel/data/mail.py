"""What somebody reads of an e-mail: its subject and its text. No torch.

The other headers are left out: they name people, and dates and servers give away what a model should find in the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from html.parser import HTMLParser

UNSEEN = frozenset({"script", "style", "title"})
"""Elements of HTML whose text is not in the page."""


def text_of_mail(content: bytes) -> str:
    """The subject, a line break, and the text as one line; the HTML's where there is no plain one.

    What is no text of its character set is replaced, attachments are left out. No mail is refused.
    """
    mail = message_from_bytes(content)
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text" and _is_shown(part)]
    plain = _one_line(_decoded(part) for part in parts if part.get_content_subtype() != "html")
    html = (text_of_html(_decoded(part)) for part in parts if part.get_content_subtype() == "html")
    return f"{_one_line([_subject(mail)])}\n{plain or _one_line(html)}".strip()


def _is_shown(part: Message) -> bool:
    return part.get_content_disposition() != "attachment"


def _subject(mail: Message) -> str:
    told = str(mail.get("Subject", ""))
    try:
        pieces = decode_header(told)
    except MessageError:  # no valid base64
        return told
    return "".join(piece if isinstance(piece, str) else _as_text(piece, charset) for piece, charset in pieces)


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return _as_text(content, part.get_content_charset())


def _as_text(content: bytes, charset: str | None) -> str:
    """Bytes in a character set that may be none, or unknown."""
    try:
        return content.decode(charset or "latin-1", "replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def _one_line(texts: Iterable[str]) -> str:
    """Without white space that only sets lines apart, or half characters."""
    return " ".join(" ".join(texts).split()).encode("utf8", "replace").decode("utf8")


class _Shown(HTMLParser):
    """Gathers the text that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_in = ""
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.hidden_in = self.hidden_in or (tag if tag in UNSEEN else "")

    def handle_endtag(self, tag: str) -> None:
        self.hidden_in = "" if tag == self.hidden_in else self.hidden_in

    def handle_data(self, data: str) -> None:
        if not self.hidden_in:
            self.texts.append(data)


def text_of_html(html: str) -> str:
    """What is shown of a page; whatever is wrong with it is read as far as it goes."""
    reader = _Shown()
    reader.feed(html)
    reader.close()
    return " ".join(reader.texts)
