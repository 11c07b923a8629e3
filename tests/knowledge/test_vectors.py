"""The nearest vectors are the same with numpy and without it."""

from __future__ import annotations

import random

import pytest

from dragoman.knowledge.hashing import DIMENSIONS, document_vector, packed, question_vector, unit
from dragoman.knowledge.vectors import Vectors


def rows_of(rng: random.Random, count: int, width: int) -> list[tuple[int, int, bytes]]:
    return [(number, number % 7, packed([rng.gauss(0, 1) for _ in range(width)])) for number in range(1, count + 1)]


@pytest.mark.parametrize("dense", [True, False])
def test_without_numpy_the_same_is_found(dense):
    """Full questions by their signs, sparse ones by columns: the ten nearest are those that numpy finds."""
    rng = random.Random(3)
    rows = rows_of(rng, 600, 64)
    for _ in range(20):
        numbers = [rng.gauss(0, 1) if dense or rng.random() < 0.05 else 0.0 for _ in range(64)]
        question = unit(numbers)
        with_numpy = Vectors(rows).nearest(question, 10)
        without = Vectors(rows, numpy=False).nearest(question, 10)
        assert dict(with_numpy) == pytest.approx(dict(without), abs=1e-5)
        assert {2, 5} >= {chunk % 7 for chunk, _ in Vectors(rows, numpy=False).nearest(question, 10, {2, 5})}


def test_a_base_without_vectors():
    """Nothing is near in an empty base, and to a question of nothing."""
    assert [] == Vectors([]).nearest([1.0], 5)
    assert [] == Vectors([], numpy=False).nearest([1.0], 5)
    assert [] == Vectors([(1, 1, packed([1.0, 0.0]))]).nearest([0.0, 0.0], 5)


def test_hashed_vectors():
    """A misspelt word is near its like, another is not; the same text always gives the same bytes."""
    text = "The warranty of the Bakerin ends after two years."
    vectors = Vectors(
        [(1, 1, document_vector(text)), (2, 2, document_vector("Green tea grows on hills in the south."))]
    )

    assert 4 * DIMENSIONS == len(document_vector(text))
    assert document_vector(text) == document_vector(text)
    assert 1 == vectors.nearest(question_vector(["bakerni", "waranty"], {}, 2), 2)[0][0]
    assert [] == vectors.nearest(question_vector([], {}, 2), 2)
