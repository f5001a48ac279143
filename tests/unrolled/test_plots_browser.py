"""Figures and player in a real browser, on a page of their own: no site, no network."""

import re
from pathlib import Path

import numpy as np
import pydata_sphinx_theme
import pytest
from axe_playwright_python.sync_playwright import Axe

from unrolled import plots

pytestmark = pytest.mark.site

TEXTS = dict(caption="What the figure shows.", alt="What is drawn.")
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/styles"
STYLES = (THEME / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
# What is around a figure: this site, Colab's frame, JupyterLab, or nothing at all.
HOSTS = {
    "site light": ('data-theme="light"', "", "light"),
    "site dark": ('data-theme="dark"', "", "dark"),
    "Colab dark": ('theme="dark"', "", "dark"),
    "Jupyter light": ("", 'data-jp-theme-light="true"', "light"),
    "Jupyter dark": ("", 'data-jp-theme-light="false"', "dark"),
}


@pytest.fixture(scope="module")
def figures():
    states = np.tanh(np.linspace(-2, 2, 12)).reshape(4, 3)
    losses = np.exp(-np.arange(50) / 10)
    names = ("NumPy", "Keras", "PyTorch")
    shown = [
        plots.unrolled_player(states, "hell", "ello", **TEXTS),
        plots.logit_bars(np.eye(7, 6), "namskr", "namaska", "amaskar", **TEXTS),
        plots.loss_curves(dict.fromkeys(names, losses), floor=0.3466, **TEXTS),
        plots.state_space(states, "hell", **TEXTS),
        plots.unrolled("hell", "ello", **TEXTS),
        plots.sequence_shapes(**TEXTS),
    ]
    return "".join(picture._repr_html_() for picture in shown)


@pytest.fixture(scope="module")
def more():
    """What chapters 2 and 3 show, with a player of its own."""
    lags, surprise = np.arange(1, 30), np.linspace(0, 9, 60)
    steps, uses = np.mgrid[:24, :24]
    text = "A line, a\ttab.\n\n" * 4
    bets = np.full((40, 12), 0.02) + 0.76 * np.eye(12)[np.arange(40) % 12]
    curves = {f"radius {r}": r**lags for r in (0.5, 0.9, 1.1)}
    floors = {"unigram": 4.5, "bigram": 3.5, "6-gram": 2.3, "bz2": 2.3, "HMM, 131 states": 2.9}
    shown = [
        plots.gradient_player(np.eye(4), np.eye(4), -np.eye(4), "hell", "ello", **TEXTS),
        plots.contribution_map([0.3 ** np.abs(steps - uses)] * 2, titles=["a", "b"], **TEXTS),
        plots.lag_curves(lags, curves, bounds=curves, ylabel="norm", **TEXTS),
        plots.learning_curves({"NumPy": (lags, 5 / lags)}, xlabel="s", floors=floors, **TEXTS),
        plots.cut_and_steps(lags, lags**2, {"a": ([3, 40], [9, 1600])}, xlabel="w", **TEXTS),
        plots.colored_text(text[:60], surprise, high=8, unit="bits", caption="Surprise."),
        plots.colored_text(text[:60], np.sin(surprise), low=-1, high=1, caption="A cell."),
        plots.top_predictions("abcdefgh \n\tw" * 3 + "abcd", bets, "abcdefgh \n\tw", caption="c"),
    ]
    return "".join(picture._repr_html_() for picture in shown)


@pytest.fixture(scope="module")
def gated():
    """What chapters 4 and 5 show, with a player of its own."""
    rng = np.random.default_rng(0)
    shapes = (1, 3), (1, 4), (1, 4), (3, 16), (4, 16), (16,)
    x, curves = np.arange(1, 30), {"LSTM": [0.9, 0.8, 0.7], "GRU": [1, 1, 0.5]}
    values = {"forget f": rng.random((30, 16)), "cell c": rng.normal(0, 2, (30, 16))}
    shown = [
        plots.gates_player(*(rng.normal(0, 1, shape) for shape in shapes), **TEXTS),
        plots.lstm_cell(**TEXTS),
        plots.family(**TEXTS),
        plots.gate_traces("embedded Reber grammar, BTXSE.", values, **TEXTS),
        plots.gate_traces(
            ["begin", "mark", "end"] * 5, {"forget f": values["cell c"][:15]}, **TEXTS
        ),
        plots.compare_runs(
            {"one": (curves.items(), 0.1, "share"), "two": (curves.items(), None, "share")},
            x_label=None,
            better="higher",
            **TEXTS,
        ),
        plots.time_curves({"LSTM": (x, 3 / x)}, x_label="s", y_label="y", **TEXTS),
        plots.lag_curves([5, 50, 500], curves, ylabel="y", log=False, log_x=True, **TEXTS),
    ]
    return "".join(picture._repr_html_() for picture in shown)


@pytest.fixture
def open_page(browser, figures, tmp_path):
    """Open the figures as a file; whatever the page asks for or complains about fails the test."""
    opened, troubles = [], []

    def open_one(html="", body="", scheme="light", width=800, figures=figures, **settings):
        dark = scheme == "dark"
        colors = "background:#14181e;color:#ced6dd" if dark else "background:#fff;color:#222832"
        path = tmp_path / f"{len(opened)}.html"
        path.write_text(
            f'<!doctype html><html lang="en" {html}><head><meta charset="utf-8"><title>t</title>'
            '<meta name="viewport" content="width=device-width">'
            f"<style>{STYLES if 'data-theme' in html else ''}</style>"
            f'<body {body} style="{colors}"><main class="bd-content"><h1>Figures</h1>'
            f'<div class="cell_output"><div class="text_html">{figures}</div></div></main></body>',
            encoding="utf-8",
        )
        page = browser.new_page(viewport=dict(width=width, height=800), **settings)
        page.on("request", lambda r: r.url == path.as_uri() or troubles.append(r.url))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(path.as_uri())
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.close()
    assert not troubles


def shown(page):
    """The number of the frame that is seen, counted from 1."""
    frames = page.locator(".frame").all()
    (number,) = [k for k, frame in enumerate(frames, start=1) if frame.is_visible()]
    return number


@pytest.mark.parametrize("host", HOSTS)
def test_axe_finds_no_violation(open_page, host):
    html, body, scheme = HOSTS[host]
    results = Axe().run(open_page(html, body, scheme))
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("host", HOSTS)
def test_axe_finds_no_violation_in_gated_figures(open_page, gated, host):
    html, body, scheme = HOSTS[host]
    results = Axe().run(open_page(html, body, scheme, figures=gated))
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("host", HOSTS)
def test_axe_finds_no_violation_in_later_figures(open_page, more, host):
    html, body, scheme = HOSTS[host]
    page = open_page(html, body, scheme, figures=more)
    page.locator("details").first.evaluate("node => node.open = true")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("host", [*HOSTS, "bare"])
def test_colors_follow_the_host_and_else_the_system(open_page, host, system):
    html, body, scheme = HOSTS.get(host, ("", "", system))
    page = open_page(html, body, scheme, color_scheme=system)
    color = page.locator(".unrolled-figure").first.evaluate(
        "node => getComputedStyle(node).getPropertyValue('--u-keras')"
    )
    assert color == plots.theme.PALETTE["keras"][scheme == "dark"]
    text, around = [
        page.locator(selector).first.evaluate(f"node => getComputedStyle(node).{value}")
        for selector, value in ((".unrolled-figure svg text", "fill"), ("main", "color"))
    ]
    assert text == around
    sheet = page.locator(".text_html").evaluate("node => getComputedStyle(node).backgroundColor")
    assert sheet == "rgba(0, 0, 0, 0)"


def test_buttons_and_slider_step(open_page):
    page = open_page()
    assert shown(page) == 1
    page.get_by_role("button", name="Next step").click()
    assert shown(page) == 2
    assert page.locator(".now").inner_text().startswith("Step 1: the cell reads h")
    assert page.locator(".now").get_attribute("aria-live") == "polite"
    page.get_by_role("button", name="Previous step").click()
    assert shown(page) == 1
    page.get_by_role("slider", name="Step").fill("4")
    assert shown(page) == 4
    assert page.locator(".count").inner_text() == "4 / 5"


def test_keys_alone_step_and_the_focus_is_seen(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    for key, frame in [("ArrowRight", 2), ("End", 5), ("ArrowRight", 5), ("ArrowLeft", 4)]:
        page.keyboard.press(key)
        assert shown(page) == frame
    for name in ("Previous step", "Play", "Next step", "Step"):
        focused = page.locator(":focus")
        assert focused.get_attribute("aria-label") == name
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
        page.keyboard.press("Tab")
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("Home")
    assert shown(page) == 1
    page.keyboard.press("ArrowRight")
    assert shown(page) == 2


def test_keys_alone_step_through_the_gates(open_page, gated):
    page = open_page(figures=gated)
    page.get_by_role("slider", name="Step").focus()
    for key, frame in [("ArrowRight", 2), ("End", 6), ("ArrowLeft", 5), ("Home", 1)]:
        page.keyboard.press(key)
        assert shown(page) == frame
    page.keyboard.press("End")
    assert page.locator(".now").inner_text().startswith("Read: o times tanh")
    page.emulate_media(media="print")
    assert shown(page) == 6 and page.locator("li:visible").count() == 6


def test_no_two_texts_of_a_gated_figure_overlap(open_page, gated):
    page = open_page(figures=gated)
    page.get_by_role("slider", name="Step").fill("6")
    overlaps = page.evaluate(
        """() => [...document.querySelectorAll("svg")].flatMap(svg => {
          const texts = [...svg.querySelectorAll("text")].map(node => {
            const box = node.getBoundingClientRect(), room = box.height / 4;
            const sides = [box.left + 1, box.right - 1, box.top + room, box.bottom - room];
            return [node.textContent, ...sides];
          }).filter(text => text[1] < text[2]);
          return texts.flatMap((a, k) => texts.slice(k + 1)
            .filter(b => a[1] < b[2] && b[1] < a[2] && a[3] < b[4] && b[3] < a[4])
            .map(b => a[0] + " | " + b[0]));
        })"""
    )
    assert overlaps == []


@pytest.mark.parametrize("focus", ["Play", "Step"])
def test_space_plays_to_the_end_and_nothing_moves_before(open_page, focus):
    page = open_page()
    page.clock.install()
    page.reload()
    page.clock.run_for(20_000)
    assert shown(page) == 1
    page.locator(f"[aria-label='{focus}']").focus()
    page.keyboard.press("Space")
    assert page.locator(".play").get_attribute("aria-label") == "Pause"
    page.clock.run_for(1900)
    assert shown(page) == 3
    page.clock.run_for(20_000)
    assert shown(page) == 5
    assert page.locator(".play").get_attribute("aria-label") == "Play"


def test_stepping_by_hand_stops_playing(open_page):
    page = open_page()
    page.clock.install()
    page.reload()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Previous step").click()
    page.clock.run_for(20_000)
    assert shown(page) == 1


def test_reduced_motion_shows_the_still_without_a_play_button(open_page):
    page = open_page(reduced_motion="reduce")
    assert shown(page) == 5
    assert not page.locator(".play").is_visible()
    page.get_by_role("button", name="Previous step").click()
    assert shown(page) == 4
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("Space")
    assert page.locator(".play").get_attribute("aria-label") == "Play"


def test_print_has_the_still_and_every_sentence(open_page):
    page = open_page()
    page.emulate_media(media="print")
    assert shown(page) == 5
    assert not page.locator(".controls").is_visible()
    assert not page.locator(".now").is_visible()
    assert page.locator("li:visible").count() == 5


def test_without_javascript_there_is_the_still_and_every_sentence(open_page):
    page = open_page(java_script_enabled=False)
    assert shown(page) == 5
    assert not page.locator(".controls").is_visible()
    assert page.locator("li:visible").count() == 5


@pytest.mark.parametrize("which", ["figures", "more", "gated"])
def test_a_phone_shows_all_without_scrolling_sideways(open_page, request, which):
    page = open_page(width=390, figures=request.getfixturevalue(which))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for shape in page.locator("figure > svg, .text span, td, tbody th").all():
        box = shape.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg text, small, .text span')].map(text => "
        "(text.getScreenCTM ? text.getScreenCTM().a : 1) * "
        "parseFloat(getComputedStyle(text).fontSize)).filter(Boolean))"
    )
    assert smallest >= 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_grounds_grow_with_the_values_and_text_keeps_its_contrast(open_page, more, scheme):
    page = open_page(f'data-theme="{scheme}"', "", scheme, figures=more)
    for side in "pn":
        grounds = page.evaluate(
            """side => [1, 2, 3, 4, 5, 6, 7, 8].map(k => {
              const context = document.createElement("canvas").getContext("2d");
              const node = document.querySelector(`.scale .${side}${k}`);
              context.fillStyle = getComputedStyle(node).backgroundColor;
              context.fillRect(0, 0, 1, 1);
              return [...context.getImageData(0, 0, 1, 1).data];
            })""",
            side,
        )
        brightness = [sum(ground[:3]) for ground in grounds]
        assert brightness == sorted(brightness, reverse=scheme == "light")
        assert len(set(brightness)) == 8 and all(ground[3] == 255 for ground in grounds)


def test_numbers_of_a_colored_text_are_reached_by_keyboard(open_page, more):
    page = open_page(figures=more)
    summary = page.locator("summary").first
    assert not page.locator("details li").first.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details li").first.is_visible()


def test_spaces_lines_and_tabs_of_a_colored_text_stay(open_page, more):
    page = open_page(figures=more)
    said = page.locator(".text").first.evaluate("node => node.textContent")
    assert said == ("A line, a\ttab.\n\n" * 4)[:60]
    first = page.locator(".text").first.evaluate("node => node.innerText.split('\\n')[0]")
    assert first == "A line, a\ttab."


def test_two_copies_of_one_player_step_apart(open_page):
    page = open_page()
    page.evaluate(
        "() => { const one = document.querySelector('.unrolled-player'), two = one.cloneNode(true);"
        "two.removeAttribute('data-ready'); one.after(two);"
        "const script = document.createElement('script');"
        "script.textContent = two.querySelector('script').textContent; two.append(script); }"
    )
    page.get_by_role("button", name="Next step").nth(1).click()
    counts = page.locator(".count").all_inner_texts()
    assert re.findall(r"\d+ / 5", " ".join(counts)) == ["1 / 5", "2 / 5"]
