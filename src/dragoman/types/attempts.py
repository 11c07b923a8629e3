"""The ledger of what was sent for a call."""

from __future__ import annotations

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One request on the wire.

    Attributes:
        provider: Name of the provider row.
        model: Model name as sent.
        outcome: `"ok"`, or the name of the error class; of what stopped the caller, for a request that was cancelled;
            `"hedged"` for one that was left because the content of another came first.
        status: HTTP status, or None if there was no answer.
        code: The provider's error code, if any.
        request_id: The provider's id of the request.
        waited: Seconds spent before this request was sent (pacing and back-off).
        paced: The part of them that was spent in the line of a limit.
        seconds: From sending to the first content event, or to the failure.
        maybe_billed: Whether the provider may charge for it although no answer was delivered.
    """

    provider: str
    model: str
    outcome: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    waited: float = 0.0
    paced: float = 0.0
    seconds: float = 0.0
    maybe_billed: bool = False
