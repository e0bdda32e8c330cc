"""Ways for private weights, teachers, texts, tokenizers, caches and resumes to be taken for public: all are refused.

Each way has words that begin it and words that do what the refusal says, typed as it says it. The models are folders
with a real note and no weights: nothing is trained.
"""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from accel.compression.distill import Distill
from accel.compression.vocabulary import Vocabulary
from accel.config.compose import compose
from accel.core.meta import META, Meta
from accel.core.plan import Plan
from accel.core.seen import Seen
from accel.errors import PlanError
from accel.model.local import Local
from accel.model.tiny_bert import TinyBert
from accel.plan.decide import assemble, check_resumed, decide
from accel.privacy.dpsgd import Dpsgd
from accel.run.baseline import dense_plan
from accel.task.airline import Airline
from accel.task.text_classification import TextClassification
from accel.weights.provenance import begin, read_note, seen_by, spent

STATED = {"private": True, "epsilon": 3.0, "delta": 1e-5, "unit": "one record"}
PRIVATE = "privacy=dpsgd"
PRETRAINED_TEACHES = ["compression.distill.teacher=pretrained", "compression.distill.logits_weight=0"]


@dataclass
class Place:
    """Files, and model folders that were trained on them."""

    root: Path

    @property
    def cache(self) -> str:
        return f"cache={self.root / 'cache'}"

    def file(self, name: str, rows: list[tuple[str, str]]) -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([("text", "label"), *rows])
        return path

    def words(self, file: Path, *more: str) -> list[str]:
        model = [] if any(word.startswith("model=") for word in more) else ["model=tiny_bert"]
        return ["task=text_classification", f"task.train={file}", *model, self.cache, *more]

    def plan(self, file: Path, *, model: Path | None = None, **options) -> Plan:
        """The plan of a run on a file."""
        start = TinyBert() if model is None else Local(path=str(model))
        task = TextClassification(train=str(file))
        return replace(plain_plan(), task=task, model=start, cache=self.root / "cache", **options)

    def model(self, name: str, file: Path, **options) -> Path:
        """What that run would have exported."""
        return self.noted(name, seen_by(self.plan(file, **options)))

    def noted(self, name: str, seen) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True)
        (folder / META).write_text(json.dumps(asdict(Meta(["a", "b"], 16, trained_on=tuple(seen)))))
        (folder / "config.json").write_text('{"model_type": "bert"}')
        return folder

    @property
    def secret(self) -> Path:
        return self.root / "priv" / "train.csv"

    @property
    def public(self) -> Path:
        return self.root / "pub" / "train.csv"


@cache
def plain_plan() -> Plan:
    return assemble(compose(["model=tiny_bert", "task=airline"]))


def private_rows() -> list[tuple[str, str]]:
    return [(f"patient {i} came in with a cough on day {i * i}", "ab"[i % 2]) for i in range(40)]


@pytest.fixture
def place(tmp_path):
    found = Place(tmp_path)
    found.file("priv/train.csv", private_rows())
    found.file(
        "pub/train.csv", [(f"everybody knows that {i} is a number of kind {i % 7}", "ab"[i % 2]) for i in range(40)]
    )
    return found


def start(folder: Path) -> list[str]:
    return ["model=local", f"model.path={folder}"]


def teacher(folder: Path) -> list[str]:
    return ["compression=[distill]", f"compression.distill.teacher={folder}"]


def said(what: Path | str) -> str:
    return f"privacy.public_data=[{what}]"


@dataclass
class Way:
    """Words that pass private things for public; the words that the refusal gives instead; what the refusal is for."""

    words: list[str]
    instead: list[str]
    because: str
    whatever_is_said: bool = False
    """Whether it is refused also when the folder is said to be public."""


def a_copy(place: Place) -> Way:
    copy = place.root / "elsewhere.csv"
    shutil.copy(place.secret, copy)
    folder = place.model("m", copy)
    return Way(start(folder), ["model=minilm"], "same data", whatever_is_said=True)


def another_order_and_other_columns(place: Place) -> Way:
    rows = [("text", "id", "label"), *((text, f"{i}", label) for i, (text, label) in enumerate(private_rows()))]
    file = place.root / "exported.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([rows[0], *reversed(rows[1:])])
    return Way(start(place.model("m", file)), ["model=minilm"], "same data", whatever_is_said=True)


def one_row_among_public_ones(place: Place) -> Way:
    rows = [(f"quite another text of number {i}", "ab"[i % 2]) for i in range(500)]
    file = place.file("mixed.csv", [*rows, private_rows()[7]])
    return Way(start(place.model("m", file)), ["model=minilm"], r"same data \(mixed.csv\)", whatever_is_said=True)


def one_hop_over_public_data(place: Place) -> Way:
    first = place.model("first", place.secret)
    second = place.model("second", place.public, model=first)
    return Way(start(second), ["model=minilm"], "same data", whatever_is_said=True)


def a_teacher_of_a_teacher(place: Place) -> Way:
    first = place.model("first", place.secret)
    second = place.model("second", place.public, compression=(Distill(teacher=str(first)),))
    third = place.model("third", place.public, model=second)
    return Way(teacher(third), PRETRAINED_TEACHES, "same data", whatever_is_said=True)


def an_epsilon_that_was_spent(place: Place) -> Way:
    seen = seen_by(place.plan(place.secret, privacy=Dpsgd()), "some run")
    first = place.noted("first", spent(seen, "some run", STATED))
    second = place.model("second", place.public, model=first)
    return Way(start(second), ["model=minilm"], r"train.csv \(epsilon 3, delta 1e-05\).*add up", whatever_is_said=True)


def the_same_name(place: Place) -> Way:
    """A note of an older version, which has a name and nothing else."""
    folder = place.noted("old", ())
    note = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps({**note, "trained_on": "train.csv"}))
    return Way([*start(folder), said(place.public)], [said(f"{place.public},{folder}")], "not declared public")


def a_packaged_task_by_an_old_note(place: Place) -> Way:
    folder = place.noted("old", [Seen("airline")])
    place.file("priv/train.csv", [row.cells for row in islice(Airline().rows(), 30)])
    return Way(start(folder), ["model=minilm"], "same data", whatever_is_said=True)


def no_note_at_all(place: Place) -> Way:
    folder = place.model("m", place.secret)
    (folder / META).unlink()
    return Way(start(folder), [said(folder)], "not declared public")


def no_note_one_hop_ago(place: Place) -> Way:
    first = place.model("first", place.secret)
    (first / META).unlink()
    second = place.model("second", place.public, model=first)
    words = [*start(second), said(place.public)]
    return Way(words, [said(f"{place.public},{second}")], "first")


def another_machine(place: Place) -> Way:
    folder = place.model("m", place.secret)
    (place.root / "cache").rename(place.root / "their cache")
    return Way(start(folder), [said(folder)], "not declared public")


def a_damaged_cache(place: Place) -> Way:
    folder = place.model("m", place.secret)
    (file,) = (place.root / "cache" / "provenance").glob("*.rows")
    file.write_bytes(b"")
    return Way(start(folder), [said(folder)], "not declared public")


def the_dense_baseline_in_the_cache(place: Place) -> Way:
    """As ``accel.run.baseline`` notes it: of the plan without its compression and privacy."""
    folder = place.noted("cache/baselines/0123/model", seen_by(dense_plan(place.plan(place.secret))))
    return Way(teacher(folder), PRETRAINED_TEACHES, "same data", whatever_is_said=True)


def a_tokenizer_of_private_texts(place: Place) -> Way:
    """Public weights whose pieces were chosen by the private file."""
    folder = place.model("m", place.public, compression=(Vocabulary(public_text=str(place.secret)),))
    return Way([*start(folder), said(place.public)], ["model=minilm"], "same data", whatever_is_said=True)


WEIGHTS = [
    a_copy,
    another_order_and_other_columns,
    one_row_among_public_ones,
    one_hop_over_public_data,
    a_teacher_of_a_teacher,
    an_epsilon_that_was_spent,
    the_same_name,
    a_packaged_task_by_an_old_note,
    no_note_at_all,
    no_note_one_hop_ago,
    another_machine,
    a_damaged_cache,
    the_dense_baseline_in_the_cache,
    a_tokenizer_of_private_texts,
]


@pytest.mark.parametrize("way", WEIGHTS, ids=lambda way: way.__name__)
def test_weights_that_may_know_the_private_data_are_refused_with_a_remedy_that_works(place, way: Callable):
    found: Way = way(place)
    words = place.words(place.secret, PRIVATE, *found.words)
    with pytest.raises(PlanError, match=found.because) as refused:
        decide(compose(words))
    text = " ".join(str(refused.value).split())
    assert all(word in text for word in found.instead), text
    kept = [w for w in words if w.split("=")[0] not in {i.split("=")[0] for i in found.instead} | {"model.path"}]
    if not any(word.startswith("model") for word in found.instead):
        kept += [w for w in found.words if w.startswith("model.path")]
    assert decide(compose([*kept, *found.instead]))
    if found.whatever_is_said:
        for folder in [
            word.split("=")[1] for word in found.words if word.startswith(("model.path", "compression.distill."))
        ]:
            with pytest.raises(PlanError, match="same data"):
                decide(compose([*(w for w in words if not w.startswith("privacy.public")), said(folder)]))


@pytest.mark.parametrize("choose", [start, teacher])
def test_weights_of_public_data_are_accepted_once_it_is_said_to_be_public(place, choose):
    """Negative control of the ways above: the same words with nothing private behind them."""
    first = place.model("first", place.public)
    second = place.model("second", place.public, model=first)
    with pytest.raises(PlanError, match="not declared public"):
        decide(compose(place.words(place.secret, PRIVATE, *choose(second))))
    for what in (place.public, second, place.file("more.csv", [*_rows(place.public), ("one more row", "a")])):
        assert decide(compose(place.words(place.secret, PRIVATE, *choose(second), said(what))))
    fewer = place.file("fewer.csv", _rows(place.public)[1:])
    with pytest.raises(PlanError, match="not declared public"):
        decide(compose(place.words(place.secret, PRIVATE, *choose(second), said(fewer))))


def _rows(file: Path) -> list[tuple[str, ...]]:
    with file.open(newline="") as stream:
        return [tuple(row) for row in csv.reader(stream)][1:]


def the_file(place: Place) -> Path:
    return place.secret


def a_link(place: Place) -> Path:
    link = place.root / "corpus.txt"
    link.symlink_to(place.secret)
    return link


def its_lines(place: Place) -> Path:
    """Lines of the CSV file under another name, in another order."""
    file = place.root / "corpus.txt"
    file.write_text("\n".join(reversed(place.secret.read_text().splitlines())))
    return file


def one_text(place: Place) -> Path:
    file = place.root / "corpus.txt"
    file.write_text("\n".join([*(f"line {i} of a book" for i in range(300)), f"  {private_rows()[3][0].upper()}!"]))
    return file


CHOSEN_BY_TEXT = {
    "vocabulary": ["compression=[vocabulary]", "compression.vocabulary.from_task=false"],
    "prune": ["compression=[prune]", "compression.prune.start=pretrained", "compression.prune.score=activation"],
    "mask": ["compression=[mask]", "compression.mask.score=wanda"],
}


@pytest.mark.parametrize(
    ("option", "way"),
    [*((name, the_file) for name in CHOSEN_BY_TEXT), *(("vocabulary", way) for way in (a_link, its_lines, one_text))],
)
def test_a_public_text_that_holds_private_texts_is_refused(place, option, way):
    key = f"compression.{option}.public_text"
    words = place.words(place.secret, PRIVATE, *CHOSEN_BY_TEXT[option])
    with pytest.raises(PlanError, match=rf"in the private data[^~]*{key}=tweets"):
        decide(compose([*words, f"{key}={way(place)}"]))
    assert decide(compose([*words, f"{key}=tweets"]))
    assert decide(compose([*words, f"{key}={place.public}"]))  # negative control


def test_the_task_itself_is_no_public_text():
    words = ["task=airline", PRIVATE, *CHOSEN_BY_TEXT["vocabulary"]]
    with pytest.raises(PlanError, match=r"in the private data[^~]*public_text=tweets"):
        decide(compose([*words, "compression.vocabulary.public_text=airline"]))
    assert decide(compose([*words, "compression.vocabulary.public_text=tweets"]))


def test_a_text_that_cannot_be_read_is_refused_before_any_cost(place):
    words = place.words(place.secret, PRIVATE, *CHOSEN_BY_TEXT["prune"])
    with pytest.raises(PlanError, match=r"neither a file nor a task[^~]*public_text=tweets"):
        decide(compose([*words, "compression.prune.public_text=tweet"]))


def test_a_public_task_that_holds_the_private_rows_is_refused(place):
    words = place.words(
        place.file("records.csv", [row.cells for row in islice(Airline(to_airlines=False).rows(), 5)]), PRIVATE
    )
    with pytest.raises(PlanError, match=r"texts of it are in the private data[^~]*privacy.public_task=null"):
        decide(compose([*words, "privacy.public_task=tweets"]))
    assert decide(compose([*words, "privacy.public_task=null"]))
    assert decide(compose([*words, "privacy.public_task=airline"]))  # negative control


def test_what_is_said_to_be_public_must_be_there(place):
    with pytest.raises(PlanError, match="no task, no file and no folder"):
        decide(compose(place.words(place.secret, PRIVATE, said("clinic.csv"))))


def resumed(place: Place, before: Path, now: Path, model: Path | None = None, public: Sequence[str] = ()) -> None:
    folder = place.root / "run"
    folder.mkdir(exist_ok=True)
    privacy = Dpsgd(public_data=tuple(public))
    begin(place.plan(before, model=model, privacy=privacy), folder, "run", resumed=False)
    check_resumed(place.plan(now, model=model, privacy=privacy), folder)


def test_a_private_run_does_not_go_on_from_weights_of_other_data(place):
    with pytest.raises(PlanError, match=r"began with other data \(train.csv\)[^~]*the data that it began with"):
        resumed(
            place,
            place.secret,
            place.file("others.csv", [(f"someone else, {i} years", "ab"[i % 2]) for i in range(40)]),
        )
    resumed(place, place.secret, place.secret)


def test_a_private_run_goes_on_from_its_public_start(place):
    folder = place.model("m", place.public)
    resumed(place, place.secret, place.secret, folder, [str(folder)])


def test_a_private_run_does_not_go_on_where_nobody_noted_anything(place):
    (place.root / "run").mkdir()
    with pytest.raises(PlanError, match="do not say which records"):
        check_resumed(place.plan(place.secret, privacy=Dpsgd()), place.root / "run")
    check_resumed(place.plan(place.secret), place.root / "run")  # nothing is promised without privacy


def test_a_resumed_folder_has_seen_both_files_and_each_is_known_by_its_content(place):
    folder = place.root / "run"
    folder.mkdir()
    begin(place.plan(place.public), folder, "r", resumed=False)
    begin(place.plan(place.secret), folder, "r", resumed=True)
    entries = read_note(folder)
    assert entries is not None
    assert [entry.name for entry in entries] == ["train.csv", "train.csv"]
    assert entries[0].fingerprint != entries[1].fingerprint
    with pytest.raises(PlanError, match="same data"):
        decide(compose(place.words(place.secret, PRIVATE, *start(place.noted("m", entries)), said(place.public))))
