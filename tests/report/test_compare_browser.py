"""The page of ``accel compare`` as a browser shows it; without Chromium there is nothing to look with."""

from contextlib import contextmanager
from urllib.parse import unquote

import pytest

from accel.report.compare import main
from tests.chromium import browser, needs_chromium  # noqa: F401 - a fixture
from tests.report.conftest import one_run

pytestmark = [needs_chromium, pytest.mark.slow]
HOSTILE = ("<img src=x onerror=\"document.title='hacked'\">", "</script><script>document.title='hacked'</script>")


@contextmanager
def looking(browser, file):  # noqa: F811
    """``look(folder, *flags) -> page``; nothing may go wrong in it and nothing may be fetched by it."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    wrong = []

    def opened(folder, *flags):
        assert main([str(folder), "--html", str(file), *flags]) == 0
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
        page.goto(file.as_uri(), timeout=120_000)  # a busy machine takes its time
        return page

    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def look(browser, tmp_path):  # noqa: F811
    with looking(browser, tmp_path / "compare.html") as look:
        yield look


@pytest.fixture(scope="module")
def one_page(browser, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("sweep")
    for number in range(30):
        one_run(folder / "runs" / str(number), number)
    with looking(browser, folder / "compare.html") as look:
        yield look(folder / "runs")


@pytest.fixture
def page(one_page):
    """Of 30 runs, opened once for the tests that look at such a one; left as it was found, but for its order."""
    yield one_page
    one_page.fill("#filter", "")
    settle(one_page)


def column(page, key):
    """The texts of a column, from top to bottom."""
    place = page.eval_on_selector_all("#runs th", "(heads, key) => heads.findIndex(h => h.title === key)", key)
    return page.eval_on_selector_all("#runs tbody tr", "(rows, i) => rows.map(r => r.cells[i].innerText)", place)


def hover(page, chart):
    """What a chart says about its first point."""
    point = page.locator(f"{chart} .scatterlayer .point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] - 30, box["y"] - 30)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    return page.locator(f"{chart} .hoverlayer .hovertext").text_content(timeout=60_000)


def settle(page):
    """The filter waits for a pause in typing."""
    page.wait_for_timeout(250)


def test_a_click_on_a_head_sorts_the_best_first_and_then_the_other_way(page):
    page.click("#runs th[title=accuracy]")
    best_first = [float(text) for text in column(page, "accuracy")]
    assert best_first == sorted(best_first, reverse=True)
    page.click("#runs th[title=accuracy]")
    assert [float(text) for text in column(page, "accuracy")] == best_first[::-1]
    page.click("#runs th[title=size_bytes]")
    sizes = [float(text.split()[0]) for text in column(page, "size_bytes")]
    assert sizes == sorted(sizes)


def test_the_filter_holds_for_table_and_charts(page):
    drawn = "() => document.querySelector('#over_size_bytes').data.slice(1).reduce((n, t) => n + t.x.length, 0)"
    assert page.evaluate(drawn) == 30
    page.fill("#filter", "compression=prune* sparsity=0.5")
    settle(page)
    assert column(page, "compression"), "a key of another column is taken as letters"
    page.fill("#filter", "compression=prune* compression.prune.sparsity>=0.5")
    settle(page)
    assert set(column(page, "compression")) == {"prune", "prune+qat"}
    assert set(column(page, "compression.prune.sparsity")) == {"0.5", "0.7"}
    assert page.inner_text("#shown") == "9 of 30 shown"
    assert page.evaluate(drawn) == 9
    page.fill("#filter", "no such words anywhere")
    settle(page)
    assert page.inner_text("#shown") == "0 of 30 shown"
    assert page.query_selector(".chart") is None


def test_hovering_over_a_point_tells_which_run_it_is(page):
    text = hover(page, "#over_latency_ms_p50")
    assert "compression" in text
    assert "accuracy" in text


def test_runs_link_to_their_reports(look, runs_of_a_sweep, tmp_path):
    folder = runs_of_a_sweep(4)
    folder = folder.rename(tmp_path / "runs with blanks, 中文 & #1")
    page = look(folder)
    links = page.eval_on_selector_all("#runs a", "links => links.map(a => a.getAttribute('href'))")
    assert sorted(map(unquote, links)) == [f"{folder.name}/{i}/report.html" for i in range(4)]
    page.click("#runs a >> nth=0")
    assert page.title() == "the report"


@pytest.mark.slow
def test_means_over_seeds(look, runs_of_a_sweep):
    page = look(runs_of_a_sweep(72))
    page.check("#means")
    assert page.inner_text("#shown") == "16 of 16 shown", "what has no sparsity does not differ in it"
    assert all(" ± " in text for text in column(page, "accuracy"))
    assert set(column(page, "runs")) == {"3", "9"}


def test_what_a_run_is_called_does_nothing(look, write_run, tmp_path):
    for number, name in enumerate(HOSTILE):
        write_run(tmp_path / "runs" / str(number), number, name=name, error=name, choices={"model": name})
    page = look(tmp_path / "runs")
    assert page.title() == "accel compare"
    assert HOSTILE[0] in column(page, "name")
    assert page.query_selector("main img") is None
    assert "hacked" in hover(page, "#over_latency_ms_p50"), "as text"
    assert page.title() == "accel compare"
    assert page.query_selector("main img") is None


def test_parallel_coordinates_and_curves_are_drawn(page, tmp_path):
    assert page.evaluate("() => document.querySelector('#parallel').layout.xaxis.ticktext") == [
        "seed", "compression", "trainer.learning_rate", "compression.prune.sparsity",
        "accuracy", "bytes to ship", "latency p50", "epsilon",
    ]  # fmt: skip
    assert page.locator("#curve_train_loss .scatterlayer .trace").count() == 5
    assert page.locator("#curve_validation_accuracy .scatterlayer .trace").count() == 5
    assert len(page.screenshot(path=tmp_path / "page.png", full_page=True)) > 50_000


@pytest.mark.slow
def test_flips_are_drawn_over_size_where_runs_have_them(look, write_run, tmp_path):
    for number in range(4):
        found = {"right_to_wrong": 10 + number, "wrong_to_right": number} if number else None
        write_run(tmp_path / "runs" / str(number), number, behaviour=found)
    page = look(tmp_path / "runs")
    drawn = page.evaluate("() => document.querySelector('#flips').data.map(t => [t.name, [...t.y].sort()])")
    assert drawn == [["right to wrong", [11, 12, 13]], ["wrong to right", [1, 2, 3]]]
    assert page.query_selector("#over_size_bytes") is not None
    page.fill("#filter", "right_to_wrong>=12.5")
    page.wait_for_function("() => document.querySelector('#flips') === null")


def test_a_single_run_has_a_table_and_no_charts(look, runs_of_a_sweep):
    page = look(runs_of_a_sweep(1))
    assert page.inner_text("#shown") == "1 of 1 shown"
    assert page.query_selector("#charts:empty") is not None


def test_refused_runs_are_shown_when_asked_for(look, write_run, tmp_path):
    for number in range(3):
        write_run(tmp_path / "runs" / str(number), number, status="finished" if number else "refused")
    page = look(tmp_path / "runs")
    assert page.inner_text("#shown") == "2 of 3 shown"
    page.check("#all")
    assert page.inner_text("#shown") == "3 of 3 shown"
    page.uncheck("#all")
    page.fill("#filter", "status=refused")
    settle(page)
    assert column(page, "status") == ["refused"]


def test_a_legend_is_drawn_once_and_names_each_colour_once(page):
    legends = page.eval_on_selector_all(".chart .legendtext", "texts => texts.map(t => t.textContent)")
    assert len(legends) == len(set(legends)) >= 8


def test_equal_values_have_an_axis_close_around_them(look, write_run, tmp_path):
    for number in range(4):
        cost = {"latency_ms_p50": 1.0 + number, "size_bytes": 1e6, "engine": "eager", "dtype": "int8"}
        write_run(tmp_path / "runs" / str(number), number, after={"metrics": {"accuracy": 0.845}, "cost": cost})
    page = look(tmp_path / "runs")
    low, high = page.evaluate("() => document.querySelector('#over_latency_ms_p50').layout.yaxis.range")
    assert 0.7 < low < 0.845 < high < 1
    bands = page.evaluate("() => document.querySelector('#curve_train_loss').data.map(t => t.name)")
    assert bands == ["accuracy 0.8450"]


def test_each_machine_has_a_front_of_its_own(look, write_run, tmp_path):
    for number in range(8):
        write_run(tmp_path / "runs" / str(number), number, machine={"processor": "EPYC" if number % 2 else "Xeon"})
    page = look(tmp_path / "runs")
    fronts = page.evaluate("() => document.querySelector('#over_size_bytes').data[0].x")
    assert fronts.count(None) == 2
    assert "A: airline; EPYC" in page.inner_text(".meta")
