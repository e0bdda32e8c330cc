"""Who took what and when: from rows to each user's items in order, and what of them is held out. No torch.

The last item of a user is tested on, the one before it chooses between models, and the rest is trained on. Where times
are equal, or there are none, a keyed hash of user and item decides the order, never the order of the file or of the
items' names: whoever sorts by item after time puts items with high numbers last, which are rare ones in most data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accel.data import Dataset
from accel.data.examples import Example, Tally, dataset_of
from accel.data.splits import lot
from accel.errors import DataError

NOBODY = -1
"""The number of the side that an example lacks."""
FEWEST = 3
"""Items of a user of whom one is tested on and one validated on."""
Strata = tuple[tuple[str, str], ...]
"""Column and value, of each column by which users are grouped."""
BETWEEN = "; "
"""Between the items of a history."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One user took one item."""

    user: str
    item: str
    time: float = 0.0
    """In seconds; the same for all where nobody knows."""
    where: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Every item's text, and what it is called in a history."""

    texts: dict[str, str]
    names: dict[str, str]
    file: str = ""

    def number(self) -> dict[str, int]:
        """Of each item, in the order of the file."""
        return {item: place for place, item in enumerate(self.texts)}

    def require(self, rows: Iterable[Interaction], path: str) -> None:
        """Refuse what somebody took and nobody describes.

        Raises:
            DataError: naming the line of the interaction.
        """
        unknown = [row for row in rows if row.item not in self.texts]
        if unknown:
            items = {row.item for row in unknown}
            raise DataError(
                f"{path}, {unknown[0].where}: the item {unknown[0].item!r} has no text in {self.file}, as "
                f"{len(items)} item{'s' * (len(items) > 1)} in {len(unknown)} rows. Add it there, or remove the rows."
            )


@dataclass(frozen=True)
class RankingDataset(Dataset):
    """Histories and the items to come, and who took what in training.

    ``labels`` of training are ``[user, item]``. Of the other splits there are the users, ``[user, NOBODY, [items to
    come], [items taken before]]``, and behind them the whole catalogue, ``[NOBODY, item]``: an empty text stands for
    what an example lacks.
    """

    users: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 [pairs]: of training, all of them; which of them are learned from is another matter."""
    items: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 [pairs]."""
    times: np.ndarray | None = None
    """float64 [pairs], in seconds; None where nobody knows."""
    num_users: int = 0
    num_items: int = 0


def in_order(rows: Iterable[Interaction], seed: int, tally: Tally) -> dict[str, list[Interaction]]:
    """Each user's items, the oldest first; of a repeated one only the first counts."""
    users = defaultdict[str, list[Interaction]](list)
    for row in rows:
        users[row.user].append(row)
    found = {user: _once(sorted(taken, key=lambda row: _place(row, seed))) for user, taken in sorted(users.items())}
    repeated = sum(map(len, users.values())) - sum(map(len, found.values()))
    if repeated:
        tally.duplicates += repeated
        tally.notes.append(f"{repeated} repeated interactions of a user with the same item: the first of them counts")
    return found


def _place(row: Interaction, seed: int) -> tuple[float, float]:
    return row.time, lot((row.user, row.item), f"{seed}/order")


def _once(taken: Sequence[Interaction]) -> list[Interaction]:
    first: dict[str, Interaction] = {}
    for row in taken:
        first.setdefault(row.item, row)
    return list(first.values())


def last_one_out(
    users: Mapping[str, Sequence[Interaction]],
    catalogue: Catalogue,
    tally: Tally,
    *,
    history: int,
    pairs_per_user: int,
    source: str,
    timed: bool,
    groups: Mapping[str, Strata] | None = None,
) -> RankingDataset:
    """Three splits.

    Args:
        history: items of a user that the network reads, the latest first.
        pairs_per_user: of how many of a user's items the network learns to say them before, the latest ones.
        source: what to name in messages.
        timed: whether the times are times.
        groups: of each user, between which figures are compared.

    Raises:
        DataError: nobody has enough items.
    """
    tested = [user for user, taken in users.items() if len(taken) >= FEWEST]
    _require_some(tested, users, source)
    if short := len(users) - len(tested):
        tally.notes.append(
            f"{short} users with fewer than {FEWEST} items are learned from, and neither validated nor tested on"
        )
    tally.notes.append(
        f"validation and test have {len(tested)} users each, and the {len(catalogue.texts)} items that are ranked"
    )
    number, user_number = catalogue.number(), {user: place for place, user in enumerate(users)}
    labels: list[list[object]] = []

    def example(texts: tuple[str, str], label: list[object], strata: Strata = ()) -> Example:
        labels.append(label)
        return Example(texts, str(len(labels) - 1), strata=strata)

    def grouped(user: str) -> Strata:
        return groups[user] if groups else ()

    def told(taken: Sequence[Interaction]) -> str:
        return history_text([catalogue.names[row.item] for row in taken], history)

    def training() -> Iterator[Example]:
        for user, taken in users.items():
            kept = kept_for_training(taken)
            for place in range(max(1, len(kept) - pairs_per_user), len(kept)):
                item = kept[place].item
                pair = (told(kept[:place]), catalogue.texts[item])
                yield example(pair, [user_number[user], number[item]], grouped(user))

    def held_out(from_the_end: int) -> Iterator[Example]:
        for user in tested:
            before, now = users[user][:-from_the_end], users[user][-from_the_end]
            seen = sorted(number[row.item] for row in before)
            label: list[object] = [user_number[user], NOBODY, [number[now.item]], seen]
            yield example((told(before), ""), label, grouped(user))
        yield from (example(("", text), [NOBODY, number[item]]) for item, text in catalogue.texts.items())

    splits = [list(training()), list(held_out(2)), list(held_out(1))]
    made = dataset_of(splits, lambda e: labels[int(e.label)], [], tally)
    kept = [row for taken in users.values() for row in kept_for_training(taken)]
    return RankingDataset(
        **{name: getattr(made, name) for name in made.__dataclass_fields__},
        users=np.array([user_number[row.user] for row in kept]),
        items=np.array([number[row.item] for row in kept]),
        times=np.array([row.time for row in kept]) if timed else None,
        num_users=len(users),
        num_items=len(number),
    )


def kept_for_training(taken: Sequence[Interaction]) -> Sequence[Interaction]:
    """All but the last two, where a user has enough to hold two out."""
    return taken[:-2] if len(taken) >= FEWEST else taken


def history_text(names: Sequence[str], most: int) -> str:
    """The latest items first, so that what is cut off is the oldest."""
    return BETWEEN.join(reversed(names[-most:]))


def _require_some(tested: Sequence[str], users: Mapping[str, Sequence[Interaction]], source: str) -> None:
    if not tested:
        most = max(map(len, users.values()), default=0)
        raise DataError(
            f"{source}: none of the {len(users)} users has {FEWEST} different items (the most are {most}), and one is "
            f"needed to learn from, one to validate and one to test on. Add interactions."
        )
