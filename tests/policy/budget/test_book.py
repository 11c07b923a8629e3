"""The book of a budget: whatever happens in whatever order, its sums are those of a list of all that happened."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dragoman.policy.budget.book import KEEP, Ask, Book

IDS = st.sampled_from([f"call-{n}" for n in range(12)])
AMOUNTS = st.integers(0, 400)
LIMIT = 1_000


class Books(RuleBasedStateMachine):
    """Reserves, settlements in any order and number, calls that die, time that passes and jumps back."""

    @initialize(seconds=st.sampled_from([None, 10, 86_400]))
    def begin(self, seconds: int | None) -> None:
        self.seconds = seconds
        self.book = Book(seconds)
        self.now = 1_000_000.0
        self.open: dict[str, tuple[int, int, float]] = {}  # most, least, when it runs out
        self.late: dict[str, tuple[int, float]] = {}  # what was charged, when it is forgotten
        self.booked: list[int] = []
        self.over = 0  # what settlements were more than their reservations
        self.window = self._window()

    def _window(self) -> int:
        return int(self.now // self.seconds) if self.seconds else 0

    def _turn(self) -> None:
        """What the book should do by itself when it is asked."""
        if self._window() > self.window:
            self.window = self._window()
            self.open, self.late, self.booked, self.over = {}, {}, [], 0
        for id, (_, least, due) in list(self.open.items()):
            if due <= self.now:
                del self.open[id]
                self.late[id] = least, due + KEEP
                self.booked.append(least)
        self.late = {id: (charged, due) for id, (charged, due) in self.late.items() if due > self.now}

    @rule(id=IDS, most=AMOUNTS, part=st.integers(0, 4), ttl=st.sampled_from([1, 30, 1e9]))
    def reserve(self, id: str, most: int, part: int, ttl: float) -> None:
        self._turn()
        known = id in self.open or id in self.late
        fits = sum(self.booked) + sum(held for held, _, _ in self.open.values()) + most <= LIMIT
        least = most * part // 4

        reading = self.book.reserve(Ask(id, most, least, LIMIT, ttl), self.now)

        assert (known or fits) == reading.granted
        if fits and not known:
            self.open[id] = most, least, self.now + ttl

    @rule(id=IDS, part=st.integers(0, 5))
    def settle(self, id: str, part: int) -> None:
        """Now and then a call costs more than was reserved: the estimate was short."""
        self.book.read(self.now)
        self._turn()
        if id in self.open:
            most = self.open.pop(id)[0]
            self.booked.append(most * part // 4)
            self.over += max(0, most * part // 4 - most)
            self.book.settle(id, most * part // 4)
        elif id in self.late:
            self.booked.append(100 - self.late.pop(id)[0])
            self.over += 100
            self.book.settle(id, 100)
        else:
            self.book.settle(id, 100)

    @rule(id=IDS)
    def void(self, id: str) -> None:
        self._turn()
        self.open.pop(id, None)
        if id in self.late:
            self.booked.append(-self.late[id][0])
        self.late[id] = 0, self.now + KEEP
        self.book.void(id, self.now)

    @rule(seconds=st.floats(-5, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reset(self) -> None:
        self._turn()
        self.booked, self.late, self.over = [], {}, 0
        self.book.reset(self.now)

    @invariant()
    def the_sums_are_right(self) -> None:
        """Nothing leaks, nothing is counted twice, and only short estimates spend more than the limit."""
        if not hasattr(self, "book"):
            return
        reading = self.book.read(self.now)
        self._turn()

        assert sum(self.booked) == reading.spent
        assert sum(held for held, _, _ in self.open.values()) == reading.reserved
        assert reading.spent + reading.reserved <= LIMIT + self.over


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def ask(id: str, most: int, least: int = 0, limit: int | None = LIMIT, ttl: float = 60) -> Ask:
    return Ask(id, most, least, limit, ttl)


def test_the_same_call_reserves_once() -> None:
    """A reservation that is told twice counts once, and is granted again however little is left."""
    book = Book(None)

    assert book.reserve(ask("a", 900), 0).granted
    assert book.reserve(ask("a", 900), 0).granted
    assert 900 == book.reserved


def test_the_same_call_settles_once() -> None:
    """A settlement that is told twice counts once; one of a call that nobody knows counts nothing."""
    book = Book(None)
    book.reserve(ask("a", 900), 0)
    book.settle("a", 100)
    book.settle("a", 100)
    book.settle("b", 100)

    assert (100, 0) == (book.spent, book.reserved)


def test_a_new_window_begins_at_a_multiple_of_its_length() -> None:
    """Windows are counted from 1970, so hosts agree: a day begins at midnight UTC."""
    book = Book(86_400)
    midnight = 20_000 * 86_400.0

    book.reserve(ask("a", 900), midnight - 1)
    assert 1.0 == book.read(midnight - 1).renews_in
    assert not book.reserve(ask("b", 900), midnight - 0.5).granted
    assert book.reserve(ask("c", 900), midnight).granted
    assert 86_400.0 == book.read(midnight).renews_in


def test_a_call_belongs_to_the_window_in_which_it_began() -> None:
    """What settles after its window is over takes nothing from the next."""
    book = Book(60)
    book.reserve(ask("a", 900), 59)
    assert book.reserve(ask("b", 900), 61).granted
    book.settle("a", 800)

    assert (0, 900) == (book.spent, book.reserved)


def test_a_clock_that_is_set_back_gives_no_second_window() -> None:
    """The old window stays until the clock is past it again."""
    book = Book(60)
    book.reserve(ask("a", 900), 120)
    book.settle("a", 900)

    assert not book.reserve(ask("b", 900), 10).granted
    assert 170 == book.read(10).renews_in


def test_who_dies_is_charged_the_least() -> None:
    """What is never settled is free again after its time, but for what it must have cost."""
    book = Book(None)
    book.reserve(ask("a", 900, least=30, ttl=60), 0)

    assert not book.reserve(ask("b", 900), 59).granted
    assert book.reserve(ask("c", 900), 60).granted
    assert (30, 900) == (book.spent, book.reserved)


def test_who_only_seemed_dead_settles_in_full() -> None:
    """The difference is booked, once, for a week."""
    book = Book(None)
    book.reserve(ask("a", 900, least=30, ttl=60), 0)
    book.read(100)
    book.settle("a", 500)
    book.settle("a", 500)

    assert (500, 0) == (book.spent, book.reserved)


def test_a_reservation_that_comes_after_it_was_voided_counts_nothing() -> None:
    """Who gave up may be overtaken by its own reservation, or overtake it."""
    book = Book(None)
    book.reserve(ask("a", 900), 0)
    book.void("a", 0)
    book.void("b", 0)
    book.reserve(ask("b", 900), 0)

    assert (0, 0) == (book.spent, book.reserved)


def test_a_reset_keeps_what_is_under_way() -> None:
    """What was spent is forgotten; a call that is under way settles into the new count."""
    book = Book(None)
    for id in ("a", "b"):
        book.reserve(ask(id, 400), 0)
    book.settle("a", 300)
    book.reset(0)

    assert (0, 400) == (book.spent, book.reserved)
    book.settle("b", 70)
    assert (70, 0) == (book.spent, book.reserved)


@pytest.mark.parametrize(("limit", "granted"), [(900, True), (899, False), (None, True)])
def test_the_limit_may_be_reached_and_not_passed(limit: int | None, granted: bool) -> None:
    """The last nano-dollar may be reserved; without a limit everything may."""
    assert granted == Book(None).reserve(ask("a", 900, limit=limit), 0).granted
