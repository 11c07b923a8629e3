"""What a docstring says of arguments, in the three styles that people write."""

from __future__ import annotations

import pytest

from dragoman.types.docstrings import read_docstring

GOOGLE = """
Drive.

Far away.

Args:
    distance (float, km): How far,
        as the road goes.
    speed (int | None): In km/h: not more.
    mode ({'car', 'bus'}): By what.
    stops (list[str], optional): Where between.
    *rest: Ignored.

Returns:
    float: minutes.
"""

NUMPY = """
Drive.

Far away.

Parameters
----------
distance : float, km
    How far,
    as the road goes.
speed : int or None
    In km/h: not more.
mode : {'car', 'bus'}
    By what.
stops : list of str, optional
    Where between.
*rest
    Ignored.

Returns
-------
float
    minutes.
"""

SPHINX = """
Drive.

Far away.

:param distance: How far,
    as the road goes. (km)
:type distance: float
:param int speed: In km/h: not more.
:param mode: By what. ({'car', 'bus'})
:param list stops: Where between.
:param rest: Ignored.
:returns: minutes.
:rtype: float
"""

EXPECTED = {
    "distance": "How far, as the road goes. (km)",
    "speed": "In km/h: not more.",
    "mode": "By what. ({'car', 'bus'})",
    "stops": "Where between.",
    "rest": "Ignored.",
}


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_every_style_says_the_same(text: str) -> None:
    """Names, texts over several lines, units and choices are read; types are not repeated."""
    assert ("Drive.\n\nFar away.", EXPECTED) == read_docstring(text.strip())


def test_numpy_names_may_share_a_line() -> None:
    """`x, y : float` describes both."""
    text = "Go.\n\nParameters\n----------\nx, y : float, degrees\n    Where to."

    assert {"x": "Where to. (degrees)", "y": "Where to. (degrees)"} == read_docstring(text)[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ("", {}), id="nothing"),
        pytest.param("Just text: with a colon.", ("Just text: with a colon.", {}), id="a colon"),
        pytest.param("Go.\n\nArgs:", ("Go.", {}), id="an empty section"),
        pytest.param("Go.\n\nArgs:\n    x:", ("Go.", {}), id="an argument without text"),
        pytest.param("Go.\n\nNote:\n    x: not an argument.", ("Go.", {}), id="another section"),
        pytest.param("Args:\n    x: One.", ("", {"x": "One."}), id="no description"),
        pytest.param("Go.\n\nArgs:\n    x: One\n    y: Two", ("Go.", {"x": "One", "y": "Two"}), id="two"),
        pytest.param(
            "Go.\n\nArgs:\n    x: One of\n        a: this\n        b: that\n    y: Two",
            ("Go.", {"x": "One of a: this b: that", "y": "Two"}),
            id="a list inside",
        ),
    ],
)
def test_edges(text: str, expected: tuple[str, dict[str, str]]) -> None:
    """Half a docstring is half a description, and never an error."""
    assert expected == read_docstring(text)
