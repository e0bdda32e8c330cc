"""What is read of invented mails: plain, HTML, in parts, encoded, and broken."""

import pytest

from accel.data.mail import text_of_html, text_of_mail

MAILS = {
    "plain": (b"From: a\nDate: Thu, 1 Aug 2002\nSubject: Hi  there\n\nSee\n  you.\n", "Hi there\nSee you."),
    "as mbox has it": (b"From x  Thu Aug 22 2002\nSubject: Hi\n\nSee you.", "Hi\nSee you."),
    "without a subject": (b"From: a\n\nSee you.", "See you."),
    "without a text": (b"Subject: Hi\n\n", "Hi"),
    "nothing": (b"", ""),
    "html": (
        b"Subject: Hi\nContent-Type: text/html\n\n<html><head><title>T</title><style>p {}</style></head>"
        b"<p>See <b>you</b> &amp; me<script>x()</script>",
        "Hi\nSee you & me",
    ),
    "quoted printable": (
        b"Subject: =?utf-8?q?caf=C3=A9?=\nContent-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: quoted-printable\n\nd=C3=A9j=\n=C3=A0",
        "café\ndéjà",
    ),
    "an unknown character set": (b"Subject: Hi\nContent-Type: text/plain; charset=none-such\n\ncaf\xe9", "Hi\ncafé"),
    "bytes that are no text": (b"Subject: Hi\nContent-Type: text/plain; charset=utf-8\n\ncaf\xe9", "Hi\ncaf�"),
    "a subject of no base64": (b"Subject: =?utf-8?b?a?=\n\nSee you.", "=?utf-8?b?a?=\nSee you."),
}
PARTS = b"""Subject: Hi
Content-Type: multipart/%s; boundary=x

--x
Content-Type: text/html

<p>of HTML</p>
--x
Content-Type: text/plain

%s
--x
Content-Type: text/plain
Content-Disposition: attachment

attached
--x
Content-Type: image/png

abc
--x--
"""


@pytest.mark.parametrize("name", MAILS)
def test_the_subject_and_the_text_are_read_and_no_other_header(name):
    content, text = MAILS[name]
    assert text_of_mail(content) == text


def test_of_parts_the_plain_text_is_read_and_html_where_there_is_none():
    assert text_of_mail(PARTS % (b"alternative", b"of plain text")) == "Hi\nof plain text"
    assert text_of_mail(PARTS % (b"mixed", b"  ")) == "Hi\nof HTML"


def test_html_is_read_as_far_as_it_goes():
    assert text_of_html("<body><p>one<td>two</i>").split() == ["one", "two"]
    assert text_of_html("<script>never closed").strip() == ""
