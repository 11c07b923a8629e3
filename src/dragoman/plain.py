"""
One plain exchange: for the endpoints that are not chat.

    authorize -> transport.open -> the whole body -> read

`send` makes exactly one request, follows nothing, and turns whatever the network and the provider do into a value or a
typed error, as `call` does for chat; `ask` sends again by the same policy, and with the same key, as chat does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dragoman.call import Sender, authorized
from dragoman.errors import DragomanError
from dragoman.ledger import Entry
from dragoman.policy.base import Context
from dragoman.policy.limit.pacing import Pacing
from dragoman.policy.retry import Repeater
from dragoman.routes import Route, Routes
from dragoman.transfer import Transfer
from dragoman.transport.base import Transport
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.requests import ChatRequest, Settings

if TYPE_CHECKING:
    from dragoman.client import Messages

T = TypeVar("T")


class Plain:
    """
    What the verbs that are not chat need of their client.

    Attributes:
        routes: All providers, and the way to each.
        sender: Encodes chat requests, for those verbs that are about one.
        context: Makes the context of a call, from its `timeout=`.
        chat: Makes a chat request of model, messages, settings and keywords, as `Client.chat` does.
    """

    def __init__(
        self,
        routes: Routes,
        sender: Sender,
        transport: Callable[[Route], Transport],
        context: Callable[[float | None], Context],
        chat: Callable[[str, Messages, Settings | None, Mapping[str, Any]], ChatRequest],
        repeater: Repeater,
        pacing: Pacing | None,
    ) -> None:
        self.routes = routes
        self.sender = sender
        self.context = context
        self.chat = chat
        self._transport = transport
        self._repeater = repeater
        self._pacing = pacing

    async def ask(
        self, route: Route, request: HttpRequest, context: Context, read: Callable[[RawResponse], T], chars: int = 0
    ) -> T:
        """Like `send`, but in its turn, and what failed for now is sent again, as the client's policies say."""
        keyed = msgspec.structs.replace(request, headers={**request.headers, "idempotency-key": context.key})
        once = partial(self.send, route, keyed, context, read)
        if self._pacing is None:
            return await self._repeater(once, context)
        ref = f"{route.provider.name}/{route.model}"
        return await self._repeater(partial(self._pacing.plain, once, ref, chars, context), context)

    async def send(self, route: Route, request: HttpRequest, context: Context, read: Callable[[RawResponse], T]) -> T:
        """
        Send `request` and return what `read` makes of its answer.

        Raises:
            TransportError: The network failed, or a clock ran out.
            DragomanError: Whatever `read` raises, completed with provider, request id and ledger.
        """
        ready = await authorized(route, request, context)
        transfer = Transfer(context)
        entry = Entry(context, transfer, route.provider.name, route.model)
        try:
            await transfer.open(self._transport(route), ready)
            body = await transfer.body()
            assert transfer.status is not None  # it is open
            value = read(RawResponse(status=transfer.status, headers=transfer.headers, body=body))
        except DragomanError as error:
            transfer.abort()
            entry.complete(error)
            raise
        except BaseException:
            transfer.abort()
            raise
        entry.write("ok")
        return value
