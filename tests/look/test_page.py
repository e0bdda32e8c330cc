from accel.look.look import look
from accel.look.page import page
from tests.look.files import ENGLISH, write


def test_a_page_says_what_the_terminal_says_and_a_hostile_name_is_text(tmp_path):
    evil = "<script>x</script>"
    content = f"text,{evil}\n" + "".join(f"{ENGLISH[n % 6]} {n},{'<b>' if n % 2 else 'ok'}\n" for n in range(60))
    html = page(look(write(tmp_path, "a.csv", content), ["model=minilm"]))
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "task=text_classification" in html
    assert "50.0%" in html
