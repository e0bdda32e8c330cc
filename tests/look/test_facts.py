from accel.data.read_table import read_table
from accel.look.columns import columns_of
from accel.look.facts import facts_of
from accel.look.reading import Wish, read
from tests.look.files import write


def facts(tmp_path, content):
    table = read_table(write(tmp_path, "a.csv", content), "FILE")
    columns = columns_of(table)
    return facts_of(table, columns, read(columns, Wish.of(["task.text=text", "task.label=label"]), "a.csv"))


def rows(*pairs):
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in pairs)


def test_repeats_contradictions_and_balance_are_counted(tmp_path):
    many = [(f"the text {n} is good", "yes") for n in range(90)]
    found = facts(
        tmp_path, rows(*many, ("same", "yes"), ("same", "yes"), ("other", "yes"), ("other", "no"), ("x", "no"))
    )
    assert (found.duplicates, found.contradictory) == (2, 1)
    assert found.labels == {"yes": 93, "no": 2}
    notes = found.notes()
    assert notes[0] == "Always guessing 'yes' is right in 98% of the rows; 'no' has only 2 rows"
    assert notes[1] == "2 rows repeat texts that stood before"
    assert notes[2] == "1 text has different labels, and is left out"


def test_the_length_is_counted_in_letters_of_the_script(tmp_path):
    english = facts(tmp_path, rows(*((f"{'word ' * 40}{n}", n % 2) for n in range(40))))
    chinese = facts(tmp_path, rows(*((f"{'房间很干净' * 40}{n}", n % 2) for n in range(40))))
    assert (english.max_length, chinese.max_length) == (64, 256)
    huge = facts(tmp_path, rows(*((f"{'word ' * 2000}{n}", n % 2) for n in range(40))))
    assert huge.max_length == 512
    assert "5 % of the texts have more than 512 tokens, and are cut" in huge.notes()


def test_rows_without_a_text_are_no_repeats_and_no_contradictions(tmp_path):
    found = facts(tmp_path, rows(*[("", "a"), ("", "b"), ("one day", "a"), ("one day", ""), ("two days", "b")] * 2))
    assert (found.empty, found.contradictory) == (4, 0)
    assert "4 rows have no text, and are left out" in found.notes()
