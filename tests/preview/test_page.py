"""The page: self-contained, escaped, and drawn by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from istio_observability.cli.main import main
from istio_observability.cli.preview_jobs import jobs_of_metrics
from istio_observability.istio.catalogue import Target
from istio_observability.istio.views import View
from istio_observability.model.metrics_spec import MetricsSpec
from istio_observability.preview.page import render_page
from istio_observability.preview.preview import look_at, preview
from istio_observability.preview.result import Choice
from tests.preview.conftest import synthetic

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EVIL = '"><script>alert(1)</script><img src=http://198.51.100.1/x>&'
_VOID = frozenset({"meta", "br", "wbr"})


def page(body: str, name: str = "exposition.txt", notes=()) -> str:
    """Return the page about one exposition under profile Standard."""
    choice = Choice("profile Standard", jobs_of_metrics(MetricsSpec()))
    return render_page(preview([look_at(name, body.encode())], [choice], tuple(View), 3, notes))


def whole() -> str:
    """Return the page about a proxy of a new release."""
    return page(synthetic(Target.SIDECAR, (1, 24)))


class Reading(HTMLParser):
    """Collects what is opened, and complains about what is closed in another order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        """Remember a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Remember a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Remember the text."""
        self.text += data


def read(html: str) -> Reading:
    """Return everything of a page."""
    reading = Reading()
    reading.feed(html)
    assert reading.open == []
    return reading


def test_the_page_asks_nobody_for_anything():
    """No script, no address, nothing that a browser would fetch."""
    found = read(whole())
    names = {tag for tag, _ in found.tags}
    attributes = {name for _, attributes in found.tags for name in attributes}

    assert names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"} == set()
    assert attributes & {"src", "href", "xlink:href", "onload", "onclick", "action"} == set()
    assert re.findall(r"url\(|@import|https?://", whole()) == []


def test_equal_previews_give_equal_pages():
    """Byte for byte."""
    assert whole() == whole()


def test_foreign_text_stays_text():
    """Names, labels and values of an exposition and of a resource do nothing in a browser."""
    label = EVIL.replace("\\", "").replace('"', '\\"')
    body = f'# TYPE istio_requests_total counter\nistio_requests_total{{x="{label}"}} 1\n' * 2
    found = read(page(body, name=f"http://host/{EVIL}", notes=[EVIL]))

    assert {tag for tag, _ in found.tags} & {"script", "img"} == set()
    assert found.text.count(EVIL) >= 2


def test_only_the_name_of_a_file_is_passed_around():
    """Not the folders above it."""
    html = page("a 1\n", name="/srv/secret-customer/exposition.txt")

    assert "exposition.txt" in html
    assert "secret-customer" not in html


def test_every_panel_stands_on_the_page():
    """With a mark each."""
    found = read(whole())
    marks = [a for tag, a in found.tags if tag == "span" and "mark" in str(a.get("class"))]

    assert len(marks) == whole().count("<li>") > 40


@pytest.fixture(scope="session")
def browser():
    """Return a browser that draws pages without a screen; skips where none is installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture
def draw(browser, tmp_path):
    """Return a function that loads an address in the browser and returns what it says of it."""

    def run(address: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={tmp_path / 'profile'}",
                *options,
                address,
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def colours(path) -> set[bytes]:
    """Return the colours of the corners of a PNG, by drawing nothing: its raw palette of pixels."""
    import struct
    import zlib

    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) in {(8, 2), (8, 6)}
    size = 3 if kind == 2 else 4
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    raw = zlib.decompress(packed)
    row = width * size + 1
    assert len(raw) == row * height
    # The first pixel of a picture is never predicted from others.
    return {raw[1 : 1 + 3]}


def test_a_browser_draws_it_light_and_dark(draw, tmp_path):
    """The same page follows what the reader prefers."""
    path = tmp_path / "page.html"
    path.write_text(whole(), encoding="utf-8")
    pictures = {}
    for name, options in (("light", []), ("dark", ["--force-dark-mode"])):
        picture = tmp_path / f"{name}.png"
        draw(f"file://{path}", "--window-size=1200,900", f"--screenshot={picture}", *options)
        pictures[name] = colours(picture)

    assert pictures == {"light": {b"\xf6\xf7\xf9"}, "dark": {b"\x11\x15\x1b"}}


def test_a_browser_fetches_the_page_and_nothing_else(draw):
    """Served from a web server, the page is one request, and an icon if the browser wants one."""
    asked: list[str] = []
    html = whole().encode()

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html if self.path == "/" else b"")

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            said = draw(f"http://127.0.0.1:{server.server_port}/", "--dump-dom")
        finally:
            server.shutdown()
            thread.join()

    assert set(asked) <= {"/", "/favicon.ico"}
    assert "Content Security Policy" not in said.stderr
    assert "What profile Standard would collect" in said.stdout


def test_nothing_is_wider_than_a_phone(draw, tmp_path):
    """Tables that are wider scroll by themselves; the page does not."""
    script = (
        "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth;"
        "</script></body>"
    )
    html = re.sub(r"<meta http-equiv=[^>]*>", "", whole()).replace("</body>", script)
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    said = draw(f"file://{path}", "--window-size=500,900", "--dump-dom")
    title = re.search(r"<title>(\d+) of (\d+)</title>", said.stdout)

    assert title is not None
    assert int(title[1]) <= int(title[2])


def test_the_command_writes_the_page(tmp_path, capsys):
    """Also where its reader takes only data."""
    source, path = tmp_path / "exposition.txt", tmp_path / "page.html"
    source.write_text(synthetic(Target.ISTIOD, (1, 31)))

    assert main(["preview", str(source), "--html", str(path), "-o", "json"]) == 0
    assert capsys.readouterr().err == f"{path} written\n"
    assert read(path.read_text(encoding="utf-8")).text.startswith("\n")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    """With the path and the reason."""
    source = tmp_path / "exposition.txt"
    source.write_text("a 1\n")
    path = tmp_path / "missing" / "page.html"

    assert main(["preview", str(source), "--html", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"error: {path} could not be written (No such file or directory)\n"
    )
