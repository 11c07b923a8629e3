"""
One plain exchange: for the endpoints that are not chat.

    authorize -> transport.open -> the whole body -> read

`send` makes exactly one request, follows nothing, and turns whatever the network and the provider do into a value or a
typed error, as `call` does for chat; `ask` sends again by the same policy, and with the same key, as chat does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dragoman.call import Sender, authorized
from dragoman.errors import DragomanError
from dragoman.ledger import Entry
from dragoman.observe.watch import Watch
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.policy.credentials import under
from dragoman.policy.limit.pacing import Pacing
from dragoman.policy.retry import Repeater
from dragoman.routes import Route, Routes
from dragoman.transfer import Transfer
from dragoman.transport.base import Transport
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.requests import ChatRequest, Settings
from dragoman.types.usage import Usage

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.budget.budgeting import Budgeting

T = TypeVar("T")


class Plain:
    """
    What the verbs that are not chat need of their client.

    Attributes:
        routes: All providers, and the way to each.
        sender: Encodes chat requests, for those verbs that are about one.
        context: Makes the context of a call, from its `timeout=`.
        chat: Makes a chat request of model, messages, settings and keywords, as `Client.chat` does.
        watch: Shows calls to the client's observers.
        budgeting: Holds calls to the client's budgets; None if it has none.
        transport: Finds what sends a request on its way.
        handler: What a chat request goes through; the client sets it when it is made.
    """

    handler: Handler

    def __init__(
        self,
        routes: Routes,
        sender: Sender,
        transport: Callable[[Route], Transport],
        context: Callable[[float | None], Context],
        chat: Callable[[str, Messages, Settings | None, Mapping[str, Any]], ChatRequest],
        repeater: Repeater,
        pacing: Pacing | None,
        watch: Watch | None = None,
        budgeting: Budgeting | None = None,
    ) -> None:
        self.routes = routes
        self.sender = sender
        self.context = context
        self.chat = chat
        self.transport = transport
        self._repeater = repeater
        self._pacing = pacing
        self.watch = watch or Watch()
        self.budgeting = budgeting

    def rate(self, model: str, unit: str) -> float | None:
        """How many of a unit (`tokens`) each second the provider allows for this model; None if that is not known."""
        return None if self._pacing is None else self._pacing.rate(model, unit, self.context(None))

    async def ask(
        self, route: Route, request: HttpRequest, context: Context, read: Callable[[RawResponse], T], chars: int = 0
    ) -> T:
        """Like `send`, but in its turn, and what failed for now is sent again, as the client's policies say."""
        keyed = msgspec.structs.replace(request, headers={**request.headers, "idempotency-key": context.key})
        return await self.again(partial(self.send, route, keyed, context, read), route, context, chars)

    async def again(self, once: Callable[[], Awaitable[T]], route: Route | None, context: Context, chars: int = 0) -> T:
        """
        Do what makes one request, as the client's policies say: in its turn, with the right key, and again.

        Args:
            once: What makes it.
            route: Where to; None for an address that is no provider's, which has neither limits nor keys.
            context: The call.
            chars: Length of its texts.
        """
        if route is not None and self._pacing is not None:
            once = partial(self._pacing.plain, once, f"{route.provider.name}/{route.model}", chars, context)
        if route is not None and route.source is not None and context.credential is None:
            once = partial(under, route.source, once, context)
        return await self._repeater(once, context)

    async def answered(self, request: ChatRequest, context: Context) -> Opened:
        """Have a chat request handled; a call that fails before it has an answer ends here."""
        try:
            return await self.handler(request, context)
        except DragomanError as error:
            context.end(Ending(usage=error.partial.usage if error.partial else Usage(), error=error))
            raise
        except BaseException:
            context.end(Ending())
            raise

    async def send(self, route: Route, request: HttpRequest, context: Context, read: Callable[[RawResponse], T]) -> T:
        """
        Send `request` and return what `read` makes of its answer.

        Raises:
            TransportError: The network failed, or a clock ran out.
            DragomanError: Whatever `read` raises, completed with provider, request id and ledger.
        """
        if context.extra_headers:
            request = msgspec.structs.replace(request, headers={**request.headers, **context.extra_headers})
        ready = await authorized(route.keyed(context.credential), request, context)
        transfer = Transfer(context)
        entry = Entry(context, transfer, route.provider.name, route.model)
        try:
            await transfer.open(self.transport(route), ready)
            body = await transfer.body()
            assert transfer.status is not None  # it is open
            value = read(RawResponse(status=transfer.status, headers=transfer.headers, body=body))
        except DragomanError as error:
            transfer.abort()
            entry.complete(error)
            raise
        except BaseException as error:
            transfer.abort()
            entry.cancelled(error)
            raise
        entry.write("ok")
        return value
