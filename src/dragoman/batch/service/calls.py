"""
Requests to a provider's batch API, by the client's own keys, clocks, retries and limits.

Rule: memory does not grow with a file.  What is uploaded is read from its file as it leaves (`HttpRequest.upload`), and
what is downloaded is given line by line.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dragoman.call import authorized
from dragoman.errors import DragomanError, WireError
from dragoman.ledger import Entry
from dragoman.transfer import Transfer
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.beside import asking
from dragoman.wire.refusal import check_status

if TYPE_CHECKING:
    from dragoman.plain import Plain
    from dragoman.policy.base import Context
    from dragoman.routes import Route

# A line of results holds one answer; the transport's own limit of a plain answer.
LONGEST: Final = 256 << 20


class Calls:
    """
    What a service sends its requests by.

    Args:
        plain: The client's.
        provider: Name of the provider's row.

    Attributes:
        provider: Its row.
        plain: The client's, for what needs more than these methods.
    """

    def __init__(self, plain: Plain, provider: str) -> None:
        self.plain = plain
        self.provider: Provider = plain.routes.provider(provider)

    @property
    def route(self) -> Route:
        """
        The way to the provider, with its key.

        Raises:
            MissingKeyError: It needs a key and none was found.
        """
        return self.plain.routes.to_provider(self.provider.name)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        """
        Write a request to a path below the base URL, without its credential.

        For another address below the same host, or an upload, take `HttpRequest` itself.
        """
        made = asking(self.provider, path, method=method, body=json, params=params)
        return msgspec.structs.replace(made, headers={**made.headers, **(headers or {})}) if headers else made

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.plain.context(None).runtime.sleep(seconds)

    async def ask(self, request: HttpRequest, *, again: bool = True) -> RawResponse:
        """
        Send a request, and return its answer, whole.

        Args:
            request: Without its credential, which goes to whatever address it names: see that it is the provider's.
            again: Whether it is sent again as the client's policies say; False for what must not be done twice.

        Raises:
            DragomanError: No answer, or one of 400 and above.
        """
        route, context = self.route, self.plain.context(None)
        read = partial(check_status, provider=self.provider)
        if again:
            return await self.plain.ask(route, request, context, read)
        if route.source is not None:
            context.credential = route.source.take()
        return await self.plain.send(route, request, context, read)

    async def lines(self, request: HttpRequest) -> AsyncGenerator[bytes, None]:
        """
        Send a request, and give its answer line by line, without line feeds; empty lines are left out.

        It is sent once.  Close the iterator if it is not read to its end (`contextlib.aclosing`).

        Raises:
            DragomanError: No answer, one of 400 and above, or one that was cut.
        """
        route, context = self.route, self.plain.context(None)
        if route.source is not None:
            context.credential = route.source.take()
        large = msgspec.structs.replace(request, large=True)
        ready = await authorized(route.keyed(context.credential), large, context)
        transfer = Transfer(context)
        entry = Entry(context, transfer, route.provider.name, "")
        try:
            await transfer.open(self.plain.transport(route), ready)
            await self._refused(transfer)
            async with aclosing(_split(transfer, context)) as lines:
                async for line in lines:
                    yield line
        except DragomanError as error:
            entry.complete(error)
            raise
        except BaseException as error:
            entry.cancelled(error)
            raise
        else:
            transfer.release()
            entry.write("ok")
        finally:
            transfer.abort()

    async def _refused(self, transfer: Transfer) -> None:
        assert transfer.status is not None  # it is open
        if transfer.status >= 300:
            raw = RawResponse(status=transfer.status, headers=transfer.headers, body=await transfer.body())
            check_status(raw, self.provider)


async def _split(transfer: Transfer, context: Context) -> AsyncGenerator[bytes, None]:
    rest, length = list[bytes](), 0
    while piece := await transfer.read():
        transfer.progress(content=True)
        first, *others = piece.split(b"\n")
        rest.append(first)
        length += len(first)
        if length > LONGEST:
            raise WireError(f"a line of a batch's results is longer than {LONGEST:,} bytes")
        if others:
            yielded = (b"".join(rest), *others[:-1])
            rest, length = [others[-1]], len(others[-1])
            for line in yielded:
                if line.strip():
                    yield line.rstrip(b"\r")
    if (last := b"".join(rest)).strip():
        yield last.rstrip(b"\r")
