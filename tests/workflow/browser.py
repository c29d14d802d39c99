"""A report in a real browser: what a reader sees on a desk, on a phone and on paper."""

import base64
import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, sync_playwright

INSTALL = "apt-get install chromium"
#: Without a sandbox (tests run as root), without services that call home, and drawing without a
#: graphics card.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
DESK, PHONE = 1280, 390


class Opened:
    """A page and what happened while it was open.

    Attributes
    ----------
    said : errors on the console, and exceptions.
    asked : addresses that were asked for.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda m: self.said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))


@contextmanager
def open_page(path: Path, width: int) -> Iterator[Opened]:
    """A file in a window of this width; the test is skipped where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip(f"no Chromium here: {INSTALL}")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        opened = Opened(browser.new_page(viewport={"width": width, "height": 900}))
        opened.page.goto(path.resolve().as_uri())
        yield opened
        browser.close()


def read_as_a_reader(report: Path, shots: Path, widths: tuple[int, ...] = (DESK, PHONE)) -> None:
    """Open a report at these widths, move through all of it, and use what can be used.

    Asserts that it is quiet, whole, sortable, downloadable, accessible and printable; leaves
    screenshots in `shots`.
    """
    for width in widths:
        with open_page(report, width) as opened:
            page = opened.page
            _look_at_all(page, shots, width)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"the page is {wide} px wide in a window of {width}"
            broken = page.evaluate(
                "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.alt)"
            )
            assert broken == []
            if width == DESK:
                for table in page.locator("table.sortable").all()[:4]:
                    _sorts(table)
                _downloads(page)
                _links_resolve(page, report)
                found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
                assert found.violations_count == 0, found.generate_report()
            kinds = {button.inner_text(): button for button in page.locator("[data-pieces]").all()}
            for button in kinds.values():  # one of slices, one of a cortex
                _view_answers(page, button, shots, f"{width}")
            assert opened.said == [], opened.said
            outside = [u for u in opened.asked if not u.startswith(("data:", "blob:", "about:"))]
            assert outside == [report.resolve().as_uri()]
            if width == DESK:
                pdf = page.pdf(format="A4")
                assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") > 2


def _look_at_all(page: Page, shots: Path, width: int) -> None:
    """Every figure is drawn, also those that wait to be scrolled to; a screenshot a section."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(
        "Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode(); }))"
    )
    for number, section in enumerate(page.locator("h2").all()):
        section.scroll_into_view_if_needed()
        page.screenshot(path=shots / f"report_{width}_{number:02d}.png")


def _sorts(table: Locator) -> None:
    """By each column, up and down, with the keyboard."""
    for column, head in enumerate(table.locator("thead button").all()):
        for direction in ("ascending", "descending"):
            head.focus()
            head.press("Enter")
            assert table.locator("thead th").nth(column).get_attribute("aria-sort") == direction
            values = table.locator("tbody tr").evaluate_all(
                f"rows => rows.map(row => row.cells[{column}].dataset.value)"
            )
            known = [value for value in values if value != ""]
            try:
                keys = [float(value) for value in known]
            except ValueError:
                keys = known
            assert keys == sorted(keys, reverse=direction == "descending")


def _downloads(page: Page) -> None:
    """Each link holds a whole table; some are taken (a browser refuses more than ten at once)."""
    links = page.locator("a[download]").all()
    assert links
    for number, link in enumerate(links):
        content = base64.b64decode(link.get_attribute("href").split(",", 1)[1])
        rows = list(csv.reader(content.decode().splitlines(), delimiter="\t"))
        assert len(rows) > 1 and len({len(row) for row in rows}) == 1, link.inner_text()
        if number < 3:
            with page.expect_download() as started:
                link.click()
            assert started.value.suggested_filename == link.get_attribute("download")
            assert Path(started.value.path()).read_bytes() == content


def _links_resolve(page: Page, report: Path) -> None:
    """Each subject's own page is there, with all of its figures, and is quiet."""
    links = page.locator(".gallery a").evaluate_all("a => a.map(x => x.getAttribute('href'))")
    for link in links:
        assert (report.parent / unquote(link)).is_file(), link
    for link in links[:1]:
        with page.context.expect_page() as opened:
            page.evaluate(f"window.open({(report.parent / unquote(link)).resolve().as_uri()!r})")
        own = opened.value
        own.wait_for_load_state()
        own.evaluate("document.querySelectorAll('img').forEach(i => { i.loading = 'eager'; })")
        own.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth)")
        assert own.evaluate("document.images.length") > 1
        own.close()


def _view_answers(page: Page, button: Locator, shots: Path, name: str) -> None:
    """The view is drawn, and another one after the mouse was dragged over it."""
    button.scroll_into_view_if_needed()
    button.click()
    frame = page.locator(".view iframe").last
    frame.wait_for()
    canvas = frame.content_frame.locator("canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1000)
    before = frame.screenshot(path=shots / f"view_{name}_{button.inner_text()[-7:].strip()}.png")
    assert len(set(before)) > 64, "an empty view"
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] + 30, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert frame.screenshot() != before, "the view does not answer"
    page.evaluate("document.querySelectorAll('.view iframe').forEach(f => f.remove())")
