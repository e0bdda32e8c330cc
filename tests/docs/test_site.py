"""The documentation as a site, as a browser shows it: built by ``make docs``, searched and read without network."""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from accel.docs.topics import pages
from tests.chromium import browser, needs_chromium  # noqa: F401 - a fixture

ROOT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.slow, needs_chromium]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([*build, "--config-file", ROOT / ".github" / "mkdocs.yml"], check=True, env=environment)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_page_opens_and_the_search_finds_an_option(browser, site):  # noqa: F811
    page, wrong = browser.new_page(), []
    page.set_default_timeout(120_000)  # a busy machine builds the index of the search for a while
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(site) else None)
    for name in pages():
        page.goto(f"{site}/{name}.html")
        assert page.locator("article h1").count() == 1
    page.goto(f"{site}/index.html")
    page.keyboard.press("/")
    page.locator(".md-search__input").press_sequentially("bitfit")
    page.locator(".md-search-result__link").first.wait_for()
    assert "bitfit" in page.locator(".md-search-result__list").inner_text().lower()
    page.locator(".md-search-result__link[href*=techniques]").first.click()
    page.wait_for_url("**/techniques.html*")
    page.close()
    assert wrong == []
