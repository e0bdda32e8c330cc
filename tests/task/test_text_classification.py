"""The task from files: columns, formats, splits given and split off, and what is refused."""

import json
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from accel.config.compose import compose
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.task.text_classification import TextClassification


def write_csv(folder, name, rows, header=("text", "label")):
    file = folder / name
    lines = [",".join(f'"{c}"' for c in row) for row in (header, *rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf8")
    return str(file)


def rows(count, start=0, labels=("no", "yes")):
    return [(f"text {i}", labels[i % len(labels)]) for i in range(start, start + count)]


def objections(**settings):
    return [o.what for o in TextClassification(train="x.csv", **settings).objections(SimpleNamespace())]


def texts(split):
    return set(split.texts)


def test_splits_are_disjoint_and_complete(tmp_path):
    data = TextClassification(train=write_csv(tmp_path, "a.csv", rows(200))).load(seed=0)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [147, 15, 38]
    assert [s.labels.count(1) for s in (data.train, data.validation, data.test)] == [70, 8, 22]
    assert len(texts(data.train) | texts(data.validation) | texts(data.test)) == 200
    assert data.label_names == ["no", "yes"]


def test_the_seed_decides_the_split_and_nothing_else_does(tmp_path):
    task = TextClassification(train=write_csv(tmp_path, "a.csv", rows(100)))
    assert task.load(0) == task.load(0)
    assert task.load(0).fingerprint != task.load(1).fingerprint


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_data(tmp_path, suffix):
    import pyarrow as pa
    import pyarrow.parquet as pq

    examples = [{"text": f"text {i}", "label": i % 2} for i in range(40)]
    file = tmp_path / f"data{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(examples), file)
    elif suffix == ".jsonl":
        file.write_text("".join(json.dumps(e) + "\n" for e in examples))
    else:
        separator = "\t" if suffix == ".tsv" else ","
        file.write_text(
            "\n".join(separator.join(map(str, r)) for r in [["text", "label"], *(e.values() for e in examples)])
        )
    reference = TextClassification(train=write_csv(tmp_path, "r.csv", [e.values() for e in examples])).load(0)
    assert TextClassification(train=str(file)).load(0).fingerprint == reference.fingerprint


def test_chinese_texts_labels_and_column_names(tmp_path):
    file = write_csv(
        tmp_path, "评论.csv", [(f"第{i}条评论", "好评" if i % 2 else "差评") for i in range(40)], ("评论 内容", "标签")
    )
    data = TextClassification(train=file, text="评论 内容", label="标签").load(0)
    assert data.label_names == ["好评", "差评"] == sorted(["差评", "好评"])
    assert all(t[0].startswith("第") for t in data.test.texts)


def test_two_columns_make_pairs(tmp_path):
    pairs = [(f"premise {i // 4}", f"claim {i}", i % 2) for i in range(40)]
    file = write_csv(tmp_path, "pairs.csv", pairs, ("Premise A", "Claim B", "label"))
    data = TextClassification(train=file, text=["Premise A", "Claim B"]).load(0)
    assert {len(t) for t in data.train.texts} == {2}
    assert data.duplicates == 0, "equal premises with other claims are no duplicates"


@pytest.mark.parametrize("given", ["review", ["review"], ["question", "answer"]])
def test_the_config_may_name_one_column_or_a_list(given):
    node = OmegaConf.merge(OmegaConf.structured(TextClassification), {"train": "a.csv", "text": given})
    task = OmegaConf.to_object(node)
    assert isinstance(task, TextClassification)
    assert task.columns() == ([given] if isinstance(given, str) else given)


def test_given_files_are_used_as_they_are(tmp_path):
    task = TextClassification(
        train=write_csv(tmp_path, "train.csv", rows(40)),
        validation=write_csv(tmp_path, "validation.csv", rows(10, 100)),
        test=write_csv(tmp_path, "test.csv", rows(10, 200)),
    )
    data = task.load(0)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [40, 10, 10]
    assert data.notes == []


def test_texts_that_stand_in_two_files_stay_in_the_one_that_judges(tmp_path):
    task = TextClassification(
        train=write_csv(tmp_path, "train.csv", rows(40)),
        validation=write_csv(tmp_path, "validation.csv", rows(20, 30)),
        test=write_csv(tmp_path, "test.csv", rows(10, 46)),
    )
    data = task.load(0)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [30, 16, 10]
    assert data.dropped == 14
    assert data.notes == [
        "4 rows dropped: the text of validation is also in test",
        "10 rows dropped: the text of train is also in validation",
    ]


def test_the_same_file_for_training_and_testing_is_refused(tmp_path):
    file = write_csv(tmp_path, "a.csv", rows(20))
    with pytest.raises(DataError, match=r"task\.train: all of its 20 texts are also in task\.test"):
        TextClassification(train=file, test=file).load(0)


def test_duplicates_are_removed_before_splitting(tmp_path):
    data = TextClassification(train=write_csv(tmp_path, "a.csv", rows(50) * 3)).load(0)
    assert data.duplicates == 100
    assert len(data.train) + len(data.validation) + len(data.test) == 50
    assert texts(data.train).isdisjoint(texts(data.test))


BAD = {
    "missing file": (None, {}, ["task.train=", "no such file"]),
    "text column": (rows(9), {"text": "txt"}, ["task.text=txt", "Did you mean 'text'"]),
    "second text column": (rows(9), {"text": ["text", "txet"]}, ["task.text=txet", "Did you mean 'text'"]),
    "label column": (rows(9), {"label": "lable"}, ["task.label=lable", "Did you mean 'label'"]),
    "empty label": ([*rows(9), ("x", "")], {}, ["line 11", "'label' is missing", "1 of 10", "Fill it in"]),
    "all texts empty": ([("", "a"), (" ", "b")], {}, ["task.text=text", "empty", "Choose another column"]),
    "one class": (rows(9, labels=("a",)), {}, ["task.train=", "one label only (a)", "task.label"]),
    "too few rows": (rows(2), {}, ["no example is left", "Add examples"]),
    "a number for every row": ([(f"t{i}", f"0.{i}1") for i in range(20)], {}, ["no example is left", "every label"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_where_why_and_what_to_do(tmp_path, case):
    content, settings, expected = BAD[case]
    file = write_csv(tmp_path, "a.csv", content) if content else str(tmp_path / "a.csv")
    with pytest.raises(DataError) as caught:
        TextClassification(train=file, **settings).load(0)
    for part in expected:
        assert part in str(caught.value), caught.value


@pytest.mark.parametrize("split", ["validation", "test"])
def test_an_unknown_label_in_another_file_names_label_file_and_line(tmp_path, split):
    other = write_csv(tmp_path, "other.csv", [*rows(4, 100), ("new", "maybe")])
    task = TextClassification(train=write_csv(tmp_path, "a.csv", rows(40)), **{split: other})
    with pytest.raises(DataError) as caught:
        task.load(0)
    for part in (f"task.{split}", "other.csv, line 6", "'maybe'", "no, yes"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"max_length": 1}, "task.max_length=1"),
        ({"max_length": -5}, "task.max_length=-5"),
        ({"test_fraction": 0.0}, "task.test_fraction=0.0"),
        ({"test_fraction": 1.0}, "task.test_fraction=1.0"),
        ({"validation_fraction": float("nan")}, "task.validation_fraction=nan"),
        ({"text": []}, "task.text=[]"),
        ({"text": ["a", "b", "c"]}, "task.text=['a', 'b', 'c']"),
        ({"text": "stars", "label": "stars"}, "task.label=stars"),
    ],
)
def test_settings_out_of_range_are_objected_to(settings, what):
    assert what in objections(**settings)


@pytest.mark.parametrize("settings", [{}, {"max_length": 8}, {"test_fraction": 0.5}, {"text": ["a", "b"]}])
def test_settings_in_range_are_not(settings):
    assert objections(**settings) == []


def grouped(path, documents=40):
    rows = [f"text {i} of {d},{'ab'[i % 2]},document {d}" for d in range(documents) for i in range(6)]
    path.write_text("\n".join(["text,label,document", *rows]))
    return path


def documents_of(split):
    return {texts[0].split(" of ")[1] for texts in split.texts}


def test_a_group_stays_in_one_split(tmp_path):
    path = grouped(tmp_path / "grouped.csv")
    data = TextClassification(train=str(path), split_by="document").load(0)
    parts = [documents_of(split) for split in (data.train, data.validation, data.test)]
    assert sum(map(len, parts)) == 40
    alone = TextClassification(train=str(path)).load(0)
    assert documents_of(alone.train) & documents_of(alone.test)


def test_a_group_of_a_test_file_is_not_trained_on(tmp_path):
    path, test = grouped(tmp_path / "grouped.csv"), tmp_path / "test.csv"
    test.write_text("text,label,document\nanother text,a,document 3\nyet another,b,document 3\n")
    data = TextClassification(train=str(path), test=str(test), split_by="document").load(0)
    assert "3" not in documents_of(data.train) | documents_of(data.validation)
    assert any("6 rows dropped" in note for note in data.notes)


def test_a_row_without_its_group_is_named(tmp_path):
    path = tmp_path / "grouped.csv"
    path.write_text("text,label,document\none,a,first\ntwo,b,\n")
    with pytest.raises(DataError, match=r"line 3: column 'document' of task\.split_by is empty"):
        TextClassification(train=str(path), split_by="document").load(0)


def test_a_group_is_no_label():
    assert objections(split_by="label")
    assert not objections(split_by="document")


def test_every_example_has_its_owner(tmp_path):
    given = [(f"text {i}", ("no", "yes")[i % 2], f"bank {i % 3}") for i in range(60)]
    file = write_csv(tmp_path, "owned.csv", given, header=("text", "label", "bank"))
    train = TextClassification(train=str(file), owner="bank").load(0).train
    assert (
        dict(zip((t[0] for t in train.texts), train.owners, strict=True)).items() <= {t: o for t, _, o in given}.items()
    )
    assert TextClassification(train=str(file)).load(0).train.owners == []
    with pytest.raises(DataError, match="task.owner=shop"):
        TextClassification(train=str(file), owner="shop").load(0)


def test_every_example_has_its_groups_in_every_split(tmp_path):
    given = [(f"text {i}", ("no", "yes")[i % 2], f"city {i % 3}", ("old", "")[i % 5 == 0]) for i in range(90)]
    file = write_csv(tmp_path, "grouped.csv", given, header=("text", "label", "city", "age"))
    data = TextClassification(train=str(file), group=["city", "age"]).load(0)
    cities, ages = ({row[0]: row[n] or "(missing)" for row in given} for n in (2, 3))
    for split in (data.train, data.validation, data.test):
        assert split.strata == {
            "city": [cities[t] for (t,) in split.texts],
            "age": [ages[t] for (t,) in split.texts],
        }
    plain = TextClassification(train=str(file)).load(0)
    assert (plain.test.strata, plain.fingerprint) == ({}, data.fingerprint)
    assert TextClassification(train=str(file), group="city").load(0).test.strata.keys() == {"city"}
    with pytest.raises(DataError, match="task.group=shop"):
        TextClassification(train=str(file), group="shop").load(0)


def test_an_example_without_an_owner_is_refused(tmp_path):
    file = write_csv(tmp_path, "owned.csv", [("a", "x", "bank"), ("b", "y", "")], header=("text", "label", "bank"))
    with pytest.raises(DataError, match="line 3: the owner in column 'bank' is missing"):
        TextClassification(train=str(file), owner="bank").load(0)


def test_unlabelled_texts_are_those_of_no_split_and_labels_stay_what_they_are(tmp_path):
    labelled = write_csv(tmp_path, "a.csv", rows(60))
    others = [("new 1",), ("text 3",), ("new 2",), ("new 1",), (" ",)]
    pool = write_csv(tmp_path, "pool.csv", others, header=("text",))
    data = TextClassification(train=labelled, unlabelled=pool).load(seed=0)
    assert data.unlabelled.texts == [("new 1",), ("new 2",)]
    assert "1 texts of task.unlabelled are in the other files, and are left out of it" in data.notes
    alone = TextClassification(train=labelled).load(seed=0)
    assert alone.unlabelled is None
    assert data.fingerprint == alone.fingerprint, "the baseline that teaches is the same"


def test_an_unlabelled_file_that_adds_nothing_is_refused(tmp_path):
    labelled = write_csv(tmp_path, "a.csv", rows(60))
    with pytest.raises(DataError, match="no text that is not in the other files"):
        TextClassification(train=labelled, unlabelled=labelled).load(seed=0)
    with pytest.raises(DataError, match="task.unlabelled"):
        TextClassification(train=labelled, unlabelled=str(tmp_path / "none.csv")).load(seed=0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nobody says what is learned from a text without a label"),
        (["compression=[prune]"], "instead  compression=[distill]"),
        (["compression=[distill]", "privacy=dpsgd"], "accounted for the records of task.train"),
        (["compression=[distill]", "strategy=federated"], "these texts are nobody's"),
    ],
)
def test_unlabelled_texts_need_a_teacher_and_no_protection(words, said):
    task = ["task=text_classification", "task.train=a.csv", "task.unlabelled=b.csv"]
    with pytest.raises(PlanError) as refused:
        decide(compose([*task, *words]))
    assert said in str(refused.value)
    assert decide(compose([*task, "compression=[distill]"])).learns_without_labels
