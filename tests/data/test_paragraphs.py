from accel.data.paragraphs import read_paragraphs


def test_blank_lines_set_paragraphs_apart_and_each_stands_where_it_begins(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("one\ntwo\n\n\n  \nthree\n", "utf8")
    table = read_paragraphs(file)
    assert (table.columns, table.column("text", "task.text")) == (["text"], ["one\ntwo", "three"])
    assert table.lines == [1, 6]
    assert read_paragraphs(file, ["text"], 1).lines == [1]
