"""
`conversation` as the two clients have it.

What a conversation does is a capability and lives above the clients (`dragoman.conversation`), so it is loaded by its
name, when a client first has one.

Rule: here stand signatures and words, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Unpack, cast

import msgspec

from dragoman.plain import Plain
from dragoman.policy.base import Opened
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, Settings, SettingsDict, settings_from
from dragoman.types.responses import ChatResponse
from dragoman.verbs.run import Rounds

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

from dragoman.verbs.conversations import AsyncConversation, Conversation, OnBusy, Talk, Window


class Voice(msgspec.Struct, frozen=True):
    """
    What a conversation has of its client.

    Attributes:
        plain: Runtime, routes and clocks.
        asked: Makes a request of a verb's arguments.
        send: Asks for a whole answer.
        open: Asks for an answer whose first content has arrived.
        rounds: Makes a run of a verb's arguments.
    """

    plain: Plain
    asked: Callable[..., tuple[ChatRequest, Way | None]]
    send: Callable[..., Awaitable[ChatResponse]]
    open: Callable[..., Awaitable[Opened]]
    rounds: Callable[..., Rounds]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation was made with; see `Client.conversation`."""

    conversation: str
    model: str | Plan
    store: Any
    tenant: str
    branch: str
    system: str | Message | None
    settings: Settings
    window: Window | Literal["default"] | None
    on_busy: OnBusy
    lease: float
    user: str = ""
    ttl: float | None = None


class _Capability(Protocol):
    def talk(self, voice: Voice, options: Options) -> Talk: ...


MAIN: Final = "main"


# --- the verb ---------------------------------------------------------------------------------------------------------


class _Talking:
    """What both faces have for it."""

    _plain: Plain
    _stores: dict[str, Any]

    if TYPE_CHECKING:  # the client's own

        def _asked(
            self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
        ) -> tuple[ChatRequest, Way | None]: ...

        async def _send(self, request: ChatRequest, way: Way | None = None) -> ChatResponse: ...

        async def _open(self, request: ChatRequest, way: Way | None = None) -> Opened: ...

        def _rounds(
            self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
        ) -> Rounds: ...

    def _talk(self, options: Options) -> Talk:
        voice = Voice(self._plain, self._asked, self._send, self._open, self._rounds)
        capability = cast("_Capability", import_module("dragoman.conversation.talk"))
        if isinstance(options.store, str):
            # setdefault is atomic: of two threads that both made one, both use the first.
            stores: dict[str, Any] = self.__dict__.setdefault("_stores", {})
            opened = stores.get(options.store)
            if opened is None:
                make = import_module("dragoman.conversation.store").open_store
                opened = stores.setdefault(options.store, make(options.store))
            options = msgspec.structs.replace(options, store=opened)
        return capability.talk(voice, options)


class BlockingTalks(_Talking):
    """Conversations of `Client`."""

    def conversation(
        self,
        conversation: str,
        *,
        model: str | Plan,
        store: Any = "memory://",
        system: str | Message | None = None,
        window: Window | Literal["default"] | None = "default",
        on_busy: OnBusy = "wait",
        tenant: str = "default",
        user: str = "",
        ttl: float | None = None,
        branch: str = MAIN,
        lease: float = 30.0,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> Conversation:
        """
        Return a conversation that is kept in a store.  Does no I/O by itself; it begins with its first turn.

        Args:
            conversation: Its name, yours; the same name in the same store is the same conversation, in any process.
            model: `provider/model`, or a plan; each turn may have another.
            store: `sqlite:///path.db`, `memory://` (gone with this client), or a store of your own.
            system: The instructions, which hold from the next turn on; None for those that the conversation has.
            window: How much is sent: `TokenBudget()` by default, `LastTurns(20)`, your own, or None for everything.
            on_busy: What a turn does while another runs: `"wait"` in line until its deadline, `"reject"` with a
                `BusyError`, `"fork"` (go on beside it, on a branch that is called as the turn's id), or `"interrupt"`
                it.
            tenant: Whose it is: part of every key of the store.
            user: Whose within the tenant: users have names of their own, and are listed and erased together.
            ttl: Seconds after its last change that the conversation is kept; 0 for ever, None for what holds now.
            branch: The branch to go on with.
            lease: Seconds after which a turn whose process stopped may be taken over; it is renewed while one runs.
            settings: For every turn; the keywords win.
            **keywords: As `Settings` describes them.

        Raises:
            ConfigError: A value that cannot be; `.field` names it.
        """
        values = (settings or Settings()).override(settings_from(keywords))
        return Conversation(
            self._talk(
                Options(
                    conversation=conversation,
                    model=model,
                    store=store,
                    tenant=tenant,
                    branch=branch,
                    system=system,
                    settings=values,
                    window=window,
                    on_busy=on_busy,
                    lease=lease,
                    user=user,
                    ttl=ttl,
                )
            )
        )


class AsyncTalks(_Talking):
    """Conversations of `AsyncClient`."""

    def conversation(
        self,
        conversation: str,
        *,
        model: str | Plan,
        store: Any = "memory://",
        system: str | Message | None = None,
        window: Window | Literal["default"] | None = "default",
        on_busy: OnBusy = "wait",
        tenant: str = "default",
        user: str = "",
        ttl: float | None = None,
        branch: str = MAIN,
        lease: float = 30.0,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> AsyncConversation:
        """Return a conversation that is kept in a store; it is not awaited.  As `Client.conversation`."""
        values = (settings or Settings()).override(settings_from(keywords))
        return AsyncConversation(
            self._talk(
                Options(
                    conversation=conversation,
                    model=model,
                    store=store,
                    tenant=tenant,
                    branch=branch,
                    system=system,
                    settings=values,
                    window=window,
                    on_busy=on_busy,
                    lease=lease,
                    user=user,
                    ttl=ttl,
                )
            )
        )
