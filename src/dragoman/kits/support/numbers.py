"""
Numbers that carry their own proof: cards, accounts, identity cards.

Each function takes what a pattern found and says how many of its characters, from its start, are such a number.

Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN, registry of lengths), GB 11643-1999 (China).
"""

from __future__ import annotations

from typing import Final

# Lengths of the countries' IBANs, from the registry of ISO 13616.
_IBAN: Final = {
    **dict.fromkeys(["NO"], 15),
    **dict.fromkeys(["BE"], 16),
    **dict.fromkeys(["DK", "FI", "FO", "GL", "NL"], 18),
    **dict.fromkeys(["MK", "SI"], 19),
    **dict.fromkeys(["AT", "BA", "EE", "KZ", "LT", "LU", "XK"], 20),
    **dict.fromkeys(["CH", "HR", "LI", "LV"], 21),
    **dict.fromkeys(["BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS"], 22),
    **dict.fromkeys(["AE", "GI", "IL", "IQ", "TL"], 23),
    **dict.fromkeys(["AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"], 24),
    **dict.fromkeys(["LY", "PT", "ST"], 25),
    **dict.fromkeys(["IS", "TR"], 26),
    **dict.fromkeys(["FR", "GR", "IT", "MC", "MR", "SM"], 27),
    **dict.fromkeys(["AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "NI", "PL", "SV"], 28),
    **dict.fromkeys(["BR", "EG", "PS", "QA", "UA"], 29),
    **dict.fromkeys(["JO", "KW", "MU"], 30),
    **dict.fromkeys(["MT", "SC"], 31),
    "LC": 32,
}
_CHINA: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TAIWAN: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def card(text: str) -> int:
    """
    A payment card, by Luhn's sum.

    >>> card("4111 1111 1111 1111"), card("4111 1111 1111 1112")
    (19, 0)
    """
    ends = [at for at in range(len(text), 12, -1) if text[at - 1].isdigit() and not text[at : at + 1].isdigit()]
    return next((end for end in ends if _luhn(text[:end])), 0)


def _luhn(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) >= 13 and any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def bank_account(text: str) -> int:
    """
    An IBAN, by its remainder; words that follow it are no part of it.

    >>> bank_account("DE89 3704 0044 0532 0130 00 please")
    27
    """
    signs = [(at, sign.upper()) for at, sign in enumerate(text) if sign.isalnum()]
    length = _IBAN.get(text[:2].upper(), 0)
    if not length or len(signs) < length:
        return 0
    iban = "".join(sign for _, sign in signs[:length])
    number = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
    return signs[length - 1][0] + 1 if int(number) % 97 == 1 else 0


def chinese_id(text: str) -> int:
    """A Chinese identity number, by its last sign."""
    total = sum(int(sign) * weight for sign, weight in zip(text, _CHINA, strict=False))
    return len(text) if "10X98765432"[total % 11] == text[-1].upper() else 0


def taiwan_id(text: str) -> int:
    """A Taiwanese identity number, by its last digit."""
    first = _TAIWAN.index(text[0].upper()) + 10
    digits = [first // 10, first % 10, *map(int, text[1:])]
    return (
        len(text) if sum(d * w for d, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0 else 0
    )
