"""
Money as whole nano-dollars.

A token costs from some nano-dollars up (USD 0.005 per million is 5), so rounding up loses nothing that matters, and
sums are exact in every store.

Rule: no amount is ever a float.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Final

from dragoman.errors import ConfigError

NANO: Final = 1_000_000_000
# What Redis' scripts compare exactly: 2 ** 53 nano-dollars are a little more.
MOST: Final = 9_000_000 * NANO
_EXACT: Final = Decimal(NANO)


def nano(usd: Decimal) -> int:
    """
    US dollars as nano-dollars, rounded up.

    >>> nano(Decimal("0.0000000001"))
    1
    """
    return int((usd * _EXACT).to_integral_value(ROUND_CEILING))


def dollars(amount: int) -> Decimal:
    """
    Nano-dollars as US dollars, exact.

    >>> dollars(100_000_000_000), dollars(1_500_000_000)
    (Decimal('100'), Decimal('1.5'))
    """
    whole, rest = divmod(amount, NANO)
    return Decimal(whole) if rest == 0 else Decimal(amount).scaleb(-9).normalize()


def shown(amount: int) -> str:
    """
    An amount for people.

    >>> shown(1_920_000_000), shown(5_000_000_000), shown(12_345), shown(0)
    ('$1.92', '$5', '$0.000012345', '$0')
    """
    usd = dollars(amount)
    rounded = round(usd, 4) if abs(usd) >= 1 else usd
    text = f"{rounded:f}"
    return "$" + (text.rstrip("0").rstrip(".") if "." in text else text)


def parse_usd(value: object) -> int:
    """
    An amount that a caller gave, as nano-dollars.

    Raises:
        ConfigError: It is no amount of money, negative, or more than nine millions.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ConfigError(f"usd is {value!r}: give US dollars, such as 5 or '0.25'", field="usd")
    try:
        usd = Decimal(str(value))
    except InvalidOperation as error:
        raise ConfigError(f"usd is {value!r}: give US dollars, such as 5 or '0.25'", field="usd") from error
    if not usd.is_finite() or usd < 0 or usd * NANO > MOST:
        raise ConfigError(f"usd is {value!r}: give US dollars from 0 to {MOST // NANO:,}", field="usd")
    return nano(usd)
