"""Figures of gated cells: what they are given is what they show."""

import re

import pytest

from unrolled import plots

TEXTS = dict(caption="What one sees.", alt="What is drawn.")


def every_figure():
    """One of each picture that the chapters on gated cells call for."""
    return {"lstm_cell": plots.lstm_cell(**TEXTS)}


@pytest.fixture(scope="module")
def figures():
    return every_figure()


def test_rebuilding_gives_the_same_bytes(figures):
    for name, picture in every_figure().items():
        assert picture._repr_html_() == figures[name]._repr_html_(), name


def test_text_is_legible_on_a_phone(figures):
    for name, picture in figures.items():
        html = picture._repr_html_()
        assert max(map(int, re.findall(r'<svg width="(\d+)"', html))) <= 560, name
        assert min(map(float, re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", html))) >= 11, name


def texts(picture):
    return re.findall(r">([^<>]+)</text>", picture._repr_html_())


def test_lstm_cell_names_gates_states_and_the_three_acts(figures):
    shown = texts(figures["lstm_cell"])
    assert sorted(shown) == sorted(
        ["cut", "write", "read", "×", "×", "×", "+", "tanh", "tanh", "σ", "σ", "σ"]
        + [*"figo", "c", "t−1", "c", "t", "h", "t−1", "h", "t", "x", "t"]
    )
