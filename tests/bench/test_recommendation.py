"""Whether rankings are scored as others score them: RecBole's documented BPR, and simple recommenders of MovieLens.

    pip install --no-deps recbole==1.2.1        (its data files are read, its code is never run)
    pytest -s tests/bench/test_recommendation.py      (BENCH_SEEDS and BENCH_EPOCHS change how long it takes)

RecBole documents recall@10 .2523, MRR@10 .4855, nDCG@10 .2920 and hit@10 .7953 of BPR on ml-100k: the ratings of each
user drawn 80/10/10, all items ranked but those of training and validation. Which ratings are drawn is worth half of the
limit (.2801 and .2847 on two others), so the split is the very one that RecBole draws: it seeds torch with 2020 and
shuffles the rows of the file before it deals them out. BENCH_SEEDS are those of training. The last-one-out figures are those of users'
last ratings where equal times are put in order by the number of the film, as a plain sort does; ``task=movielens`` puts
them in a random order, and the figures of both show what that is worth.
"""

import os

import pytest
import torch

from accel.data.examples import Tally
from accel.data.interactions import in_order
from accel.data.splits import lot
from accel.errors import DataError
from accel.objective.recommendation import Held
from accel.ops.ranking import Ranked
from accel.ops.recommend.bpr import MOST_EPOCHS, bpr
from accel.ops.recommend.counted import Taken, ease, item_knn, popularity, recent_popularity
from accel.task.movielens import Movielens

SEEDS = tuple(int(s) for s in os.environ.get("BENCH_SEEDS", "0").split(","))
EPOCHS = int(os.environ.get("BENCH_EPOCHS", MOST_EPOCHS))
DOCUMENTED = {"recall@10": 0.2523, "MRR@10": 0.4855, "nDCG@10": 0.2920, "hit@10": 0.7953}
"""RecBole, docs/source/get_started/started/general.rst."""
SPLIT_SEED = 2020
"""Of RecBole, recbole/properties/overall.yaml."""
LAST = {"popularity": 0.0246, "recent popularity": 0.0272, "EASE": 0.0365}
"""nDCG@10 of plain scripts, each with a standard error of .004."""


@pytest.fixture(scope="module")
def ratings():
    task = Movielens()
    try:
        rows = task.ratings()
    except DataError:
        pytest.skip("the package recbole is not installed")
    films = task.films().number()
    people = {user: n for n, user in enumerate(sorted({row.user for row in rows}))}
    return rows, people, films


def drawn(rows, people, films, seed=SPLIT_SEED):
    """(train, validation, test) as [pairs, 2]: tenths of each user's ratings, rounded down as RecBole does."""
    parts = ([], [], [])
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    of_user = {user: [] for user in people}
    for n in order.tolist():
        of_user[rows[n].user].append((people[rows[n].user], films[rows[n].item]))
    for pairs in of_user.values():
        tenth = len(pairs) // 10 or 1
        cuts = len(pairs) - 2 * tenth, len(pairs) - tenth
        for part, some in zip(parts, (pairs[: cuts[0]], pairs[cuts[0] : cuts[1]], pairs[cuts[1] :]), strict=True):
            part.extend(some)
    return [torch.tensor(part) for part in parts]


def table(pairs, shape):
    found = torch.zeros(shape, dtype=torch.bool)
    found[tuple(pairs.T)] = True
    return found


def as_recbole(recommend, before, coming):
    """Recall is of all that is to come, and MRR ends with the tenth place."""
    scores = recommend(torch.arange(len(before)), before).masked_fill(before, -torch.inf)
    found = Ranked.of(scores, coming)
    inside = ((10 - found.above).clamp(min=0).minimum(found.level) / found.level).double()
    recalled = torch.zeros(found.num_queries, dtype=torch.float64).index_add(0, found.query, inside) / found.counts
    first = torch.full((found.num_queries,), 10**6).scatter_reduce(0, found.query, found.above, "amin")
    mrr = torch.where(first < 10, 1 / (first + 1.0), 0.0)
    names = ("recall@10", "MRR@10", "nDCG@10", "hit@10")
    values = (recalled.mean(), mrr.mean(), found.ndcg(10), found.hits(10).mean())
    return {name: float(value) for name, value in zip(names, values, strict=True)}


@pytest.mark.parametrize("seed", SEEDS)
def test_bpr_reaches_what_recbole_documents(ratings, seed, figures):
    rows, people, films = ratings
    shape = (len(people), len(films))
    assert (len(rows), *shape) == (100_000, 943, 1682)
    train, validation, test = drawn(rows, people, films)
    taken, tables = Taken(*train.T.contiguous(), *shape), [table(part, shape) for part in (train, validation, test)]

    def quality(recommend):
        return as_recbole(recommend, tables[0], tables[1])["MRR@10"]

    def tested(recommend):
        return as_recbole(recommend, tables[0] | tables[1], tables[2])

    for name, recommend in (("popularity", popularity), ("item-kNN", item_knn), ("EASE", ease)):
        figures.value(f"drawn 80/10/10, {name}, nDCG@10, seed {seed}", tested(recommend(taken))["nDCG@10"], "")
    found = tested(bpr(taken, quality, seed=seed, most_epochs=EPOCHS))
    for name, value in found.items():
        figures.value(f"drawn 80/10/10, BPR, {name}, seed {seed}", value, "", roof=DOCUMENTED[name])
        figures.value(f"documented, BPR, {name}", DOCUMENTED[name], "")
    assert found["nDCG@10"] == pytest.approx(DOCUMENTED["nDCG@10"], abs=0.01)


def of_users(rows, people):
    found = {user: [] for user in people}
    for row in rows:
        found[row.user].append(row)
    return found


def last_one_out(users, films):
    """(who took what in training, whose last items are to come) of each user's items in order."""
    named = [(n, [films[row.item] for row in taken], taken) for n, taken in enumerate(users)]
    train = [(n, film, row.time) for n, items, taken in named for film, row in zip(items[:-2], taken[:-2], strict=True)]
    who, what, when = zip(*train, strict=True)
    taken = Taken(torch.tensor(who), torch.tensor(what), len(named), len(films), torch.tensor(when).double())
    before = [items[:-1] for _, items, _ in named]
    return taken, Held(torch.arange(len(named)), [items[-1:] for _, items, _ in named], before, len(films))


def test_the_last_film_by_simple_recommenders(ratings, figures):
    rows, people, films = ratings
    sorted_by = {
        "equal times by number": lambda row: (row.time, int(row.item)),
        "equal times at random": lambda row: (row.time, lot((row.user, row.item), "0/order")),
    }
    found = {}
    for order, key in sorted_by.items():
        users = [sorted(own, key=key) for own in of_users(rows, people).values()]
        taken, held = last_one_out(users, films)
        for name, kind in (("popularity", popularity), ("recent popularity", recent_popularity), ("EASE", ease)):
            found[order, name] = held.report(kind(taken)).metrics["ndcg_at_10"]
            figures.value(f"last one out, {order}, {name}, nDCG@10", found[order, name], "")
    for name, value in LAST.items():
        assert found["equal times by number", name] == pytest.approx(value, abs=0.004)
        assert found["equal times at random", name] > value + 0.008
    ours = in_order(rows, 0, Tally())
    assert [row.item for row in ours["1"]] == [
        row.item for row in sorted((r for r in rows if r.user == "1"), key=sorted_by["equal times at random"])
    ]
