"""The built site as a reader meets it, in a real browser."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from .conftest import SITE, weight

pytestmark = pytest.mark.site
CHAPTER = "chapters/01-hello.html"
CHAPTERS = sorted(
    f"chapters/{path.stem}.html"
    for path in (Path(__file__).parents[2] / "chapters").glob("[0-9]*.ipynb")
)
FRAMEWORKS = ["NumPy", "Keras", "PyTorch"]


def shown(page):
    """The names of the tabs that are open on a page, one for each set of all three."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".sd-tab-set")]
          .filter(set => set.querySelectorAll(":scope > label").length === 3)
          .map(set => [...set.querySelectorAll(":scope > label")]
            .filter(label => getComputedStyle(label.nextElementSibling).display !== "none")
            .map(label => label.textContent.trim()).join())"""
    )


def choose(page, framework):
    page.locator(".sd-tab-set > label", has_text=framework).first.click()


def test_numpy_is_open_at_first(visit):
    assert set(shown(visit(CHAPTER))) == {"NumPy"}


def test_a_click_changes_every_set_here_and_on_the_next_page(visit):
    page = visit(CHAPTER)
    choose(page, "PyTorch")
    assert len(shown(page)) > 3
    assert set(shown(page)) == {"PyTorch"}
    assert set(shown(visit("index.html"))) == {"PyTorch"}


def test_the_clicked_tab_stays_where_it_was(visit):
    page = visit(CHAPTER)
    label = page.locator(".sd-tab-set > label", has_text="Keras").nth(4)
    label.scroll_into_view_if_needed()
    before = label.bounding_box()["y"]
    label.click()
    page.wait_for_timeout(100)
    assert abs(label.bounding_box()["y"] - before) < 3


def test_a_reload_keeps_the_choice(visit):
    page = visit(CHAPTER)
    choose(page, "Keras")
    page.reload()
    assert set(shown(page)) == {"Keras"}


@pytest.mark.parametrize("key, name", [("keras", "Keras"), ("pytorch", "PyTorch")])
def test_the_address_chooses_a_framework(visit, key, name):
    assert set(shown(visit(f"{CHAPTER}?framework={key}"))) == {name}
    assert set(shown(visit("index.html"))) == {name}


def test_the_keyboard_alone_changes_tabs_and_shows_where_it_is(visit):
    page = visit("index.html")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.sd-tab-set > input')"):
            break
    else:
        pytest.fail("60 presses of Tab did not reach the tabs")
    page.keyboard.press("ArrowRight")
    assert set(shown(page)) == {"Keras"}
    outline = page.evaluate(
        """() => { const style = getComputedStyle(document.activeElement.nextElementSibling);
          return [style.outlineStyle, parseFloat(style.outlineWidth)] }"""
    )
    assert outline[0] == "solid" and outline[1] >= 2, outline


def test_everything_that_takes_the_focus_shows_it(visit):
    page = visit("index.html")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name, style, width = page.evaluate(
            """() => { let at = document.activeElement;
              const name = at.outerHTML.slice(0, 120);
              if (at.matches(".sd-tab-set > input")) at = at.nextElementSibling;
              const style = getComputedStyle(at);
              return [name, style.outlineStyle, parseFloat(style.outlineWidth)] }"""
        )
        if name.startswith("<body"):
            break
        assert style != "none" and width >= 2, f"no visible focus: {name}"
        seen.add(name)
    assert len(seen) > 15


def test_without_javascript_tabs_switch_and_formulas_stand(visit):
    page = visit(CHAPTER, java_script_enabled=False)
    first = page.locator(".sd-tab-set").first
    first.locator("label", has_text="PyTorch").click()
    contents = first.locator(":scope > .sd-tab-content")
    assert [contents.nth(k).is_visible() for k in range(3)] == [False, False, True]
    assert page.locator(".katex-html").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_search_finds_a_word_of_the_chapter(visit, width):
    page = visit("index.html", viewport={"width": width, "height": 900})
    page.locator(".search-button:visible, .search-button-field:visible").first.click()
    page.keyboard.type("namaskar")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=namaskar*")
    hit = page.locator("#search-results a", has_text="Hello").first
    hit.wait_for(timeout=10_000)
    hit.click()
    page.wait_for_url(f"**/{CHAPTER}*")


def test_search_leads_to_the_front_page(visit):
    page = visit("search.html?q=teach")
    page.locator("#search-results a", has_text="Unrolled").first.click()
    page.wait_for_url("**/index.html*")
    assert page.locator("article h1").inner_text().startswith("Unrolled")


def test_dark_mode_can_be_chosen_and_is_kept(visit):
    page = visit("index.html")
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        page.locator(".theme-switch-button:visible").first.click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in dark.strip("rgb()").split(",")) < 60, dark
    assert visit(CHAPTER).evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_wide_window_and_a_phone_do_not_scroll_sideways(visit, pages):
    page = visit("index.html", viewport={"width": 390, "height": 844})
    for address in pages:
        page.goto(page.url.split("/", 3)[0] + "//" + urlsplit(page.url).netloc + "/" + address)
        for width in (390, 1400):
            page.set_viewport_size({"width": width, "height": 844})
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{address} is {over} px too wide for {width} px"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_violation(visit, pages, theme, width):
    found = []
    for address in pages:
        page = visit(address, color_scheme=theme, viewport={"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        for rule in Axe().run(page).response["violations"]:
            nodes = [node["html"][:120] for node in rule["nodes"]][:5]
            found.append(f"{address}: {rule['id']}: {nodes}")
        page.close()
    assert found == []


def test_print_shows_every_framework_under_its_name(visit):
    page = visit(CHAPTER)
    page.emulate_media(media="print")
    assert set(shown(page)) == {",".join(FRAMEWORKS)}
    labels = page.locator(".sd-tab-set").first.locator(":scope > label")
    assert [labels.nth(k).is_visible() for k in range(3)] == [True] * 3


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_weighs_at_most_one_megabyte(visit, site, chapter):
    page = visit("search.html")  # the profile's first page; what it fetched is not counted
    requests = set()
    page.on("request", lambda request: requests.add(request.url))
    page.goto(site + chapter, wait_until="load")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(300)
    paths = {urlsplit(url).path.lstrip("/") for url in requests if url.startswith(site)}
    assert chapter in paths
    sizes = {path: weight(SITE / path) for path in paths}
    worst = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) <= 1_000_000, worst


def test_every_page_says_what_it_is(pages):
    for address in set(pages) - {"search.html"}:
        page = BeautifulSoup((SITE / address).read_text(encoding="utf-8"), "html.parser")
        assert page.title and page.title.get_text(strip=True), address
        for selector in (
            "meta[name=description][content]",
            "link[rel=canonical][href^='https://']",
            "meta[property='og:title'][content]",
            "meta[property='og:description'][content]",
        ):
            assert page.select_one(selector), f"{address} lacks {selector}"


def test_the_front_page_is_the_root_of_the_site():
    page = (SITE / "index.html").read_text(encoding="utf-8")
    assert "http-equiv" not in page.lower(), "the front page redirects"
    assert not (SITE / "chapters/index.html").exists()
    canonical = BeautifulSoup(page, "html.parser").select_one("link[rel=canonical]")["href"]
    sitemap = (SITE / "sitemap.xml").read_text(encoding="utf-8")
    assert canonical.endswith("/") and f"<loc>{canonical}</loc>" in sitemap
    assert f"<loc>{canonical}{CHAPTER}</loc>" in sitemap


def test_links_between_pages_lead_somewhere(pages):
    for address in pages:
        page = BeautifulSoup((SITE / address).read_text(encoding="utf-8"), "html.parser")
        for link in page.select("a[href], link[href], script[src], img[src]"):
            target = link.get("href") or link.get("src")
            parts = urlsplit(target)
            if parts.scheme or not parts.path:
                continue
            path = (SITE / address).parent / parts.path
            assert path.exists(), f"{address} points at {target}"


def test_a_chapter_has_its_buttons_and_its_foot(pages):
    page = BeautifulSoup((SITE / CHAPTER).read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in page.select("a[href]")]
    assert any("colab.research.google.com/github/" in link for link in links)
    assert any(link.endswith("/edit/main/chapters/01-hello.ipynb") for link in links)
    download = next(link for link in links if link.endswith("_sources/chapters/01-hello.ipynb"))
    notebook = json.loads((SITE / "chapters" / download).resolve().read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "the download has outputs"
    assert page.select_one(".unrolled-executed time[datetime]")
    assert page.select_one(".next-page, .right-next")
