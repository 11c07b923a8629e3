"""
The support kit as its callers have it, on either face.

Rule: here stand signatures and words, and nothing else; what is done is a coroutine that both share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError
from dragoman.kits.arguments import texts_of
from dragoman.kits.prompts import Prompts
from dragoman.kits.support.desk import Desk, Rules
from dragoman.kits.support.files import Persona, Policy, read_persona, read_policy
from dragoman.kits.support.scenarios import Scenario, Simulation, read_scenario, simulated
from dragoman.kits.support.values import Knowledge, SupportReply
from dragoman.runtime import drive
from dragoman.types.messages import Message
from dragoman.types.requests import Settings
from dragoman.verbs.conversations.capability import OnBusy, Windows

if TYPE_CHECKING:
    from dragoman.policy.route.plans import Plan


def _check(knowledge: Knowledge | None, **counts: object) -> None:
    if knowledge is not None and not callable(getattr(knowledge, "search", None)):
        raise ConfigError(
            f"knowledge is {type(knowledge).__name__}: give an object with search(query, k)", field="knowledge"
        )
    for field, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{field} is {value!r}: give a whole number, 1 or more", field=field)


def _persona(
    given: str | Path | Persona | None, files: Prompts, tone: str | None, languages: Sequence[str] | None
) -> Persona:
    """Who answers, with what is said beside the file in place of what it says."""
    persona = read_persona(given, files)
    if tone is not None:
        persona = msgspec.structs.replace(persona, tone=tone)
    if languages is not None:
        persona = msgspec.structs.replace(persona, languages=texts_of(languages, "languages", "codes"))
    return persona


class Session:
    """A ticket on the blocking face.  Made by `Support.open`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ticket!r}>"

    @property
    def ticket(self) -> str:
        """Its name."""
        return self._desk.ticket

    def reply(self, text: str, message_id: str | None = None) -> SupportReply:
        """
        Answer what the customer says.

        Args:
            text: Their words.
            message_id: Yours of this message.  The same again, in any process, gives the kept reply; no model is asked.

        Raises:
            ConfigError: The text is empty.
            BusyError: Another message of this ticket is answered, and did not end in time.
            TurnIdReusedError: The id was used with other words.
            StoreError: The store failed.
            DragomanError: The model could not be asked; nothing joins the history, and the same id may come again.
        """
        return drive(self._desk.reply(text, message_id))

    @property
    def history(self) -> list[Message]:
        """What was said, masked, as it is kept."""
        return drive(self._desk.history(restored=False))

    def transcript(self) -> list[Message]:
        """What was said, with what is known of the masked values put back: for people who take over."""
        return drive(self._desk.history(restored=True))

    def erase(self) -> tuple[int, int]:
        """Delete the ticket and what is known of its customer.  Returns the numbers of messages and turns."""
        return drive(self._desk.erase())


class AsyncSession:
    """A ticket on the async face.  Made by `aio.Support.open`; as `Session`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ticket!r}>"

    @property
    def ticket(self) -> str:
        """Its name."""
        return self._desk.ticket

    async def reply(self, text: str, message_id: str | None = None) -> SupportReply:
        """Answer what the customer says.  As `Session.reply`."""
        return await self._desk.reply(text, message_id)

    async def history(self) -> list[Message]:
        """What was said, masked, as it is kept."""
        return await self._desk.history(restored=False)

    async def transcript(self) -> list[Message]:
        """What was said, with what is known of the masked values put back."""
        return await self._desk.history(restored=True)

    async def erase(self) -> tuple[int, int]:
        """Delete the ticket and what is known of its customer."""
        return await self._desk.erase()


class _Support(ABC):
    """What both faces take."""

    def __init__(
        self,
        *,
        model: str | Plan,
        persona: str | Path | Persona | None = None,
        policy: str | Path | Policy | None = None,
        knowledge: Knowledge | None = None,
        store: Any = "memory://",
        tone: str | None = None,
        languages: Sequence[str] | None = None,
        names: Sequence[str] = (),
        secret: str | bytes | None = None,
        keep_personal: bool = False,
        passages: int = 5,
        attempts: int = 3,
        prompts: str | Path | None = None,
        tenant: str = "default",
        owner: str = "",
        ttl: float | None = None,
        encryption: Any = None,
        window: Windows = "default",
        on_busy: OnBusy = "wait",
        lease: float = 30.0,
        settings: Settings | None = None,
        client: Any = None,
    ) -> None:
        """
        Args:
            model: `provider/model`, or a plan.
            persona: Path of the file that says who answers, its text, or a `Persona`; the shipped one by default.
            policy: Path of the file that says what is allowed, its text, or a `Policy`.
            knowledge: What answers are grounded in: a `KnowledgeBase`, or any object with `search(query, k)` that
                gives passages with `.text` and `.source`.  Without one, no number and no link may be said but those
                of the policy and of the customer.
            store: Where tickets are kept, as for `Client.conversation`.
            tone: Instead of the persona's.
            languages: Codes, instead of the persona's.
            names: Names to mask in every ticket; `open` takes those of one.
            secret: Key of the placeholders: with it, a value has the same one in all messages of a ticket.
            keep_personal: Keep the masked values, too, so that another process can put them back.  Better with
                `encryption`.
            passages: How many are searched for each message.
            attempts: How often the model may write a reply until the checks pass it.
            prompts: Folder of edited prompts (`dragoman kit eject support`).
            tenant: As for `Client.conversation`, and so are the next ones.
            owner: Whose within the tenant.
            ttl: Seconds that a ticket is kept after its last change.
            encryption: Key that tickets are encrypted with.
            window: How much of a ticket is sent.
            on_busy: What a message does while another of its ticket is answered.
            lease: Seconds after which a turn whose process stopped may be taken over.
            settings: For every request.
            client: Who asks; one with nothing but defaults, if none is given.

        Raises:
            ConfigError: A value that cannot be, or a file that cannot be read; `.field` names it.
        """
        self._own = client is None
        self._client = self._made(client)
        _check(knowledge, passages=passages, attempts=attempts)
        files = Prompts("support", prompts)
        self._rules = Rules(
            model=model,
            persona=_persona(persona, files, tone, languages),
            policy=read_policy(policy, files),
            prompts=files,
            knowledge=knowledge,
            passages=passages,
            attempts=attempts,
            names=texts_of(names, "names", "names"),
            secret=secret,
            keep_personal=keep_personal,
            settings=settings,
            talk={
                "store": store,
                "tenant": tenant,
                "owner": owner,
                "ttl": ttl,
                "encryption": encryption,
                "window": window,
                "on_busy": on_busy,
                "lease": lease,
            },
        )

    @abstractmethod
    def _made(self, client: Any) -> Any:
        """The client to ask by: the one that was given, or one of this face."""

    @property
    def persona(self) -> Persona:
        """Who answers."""
        return self._rules.persona

    @property
    def policy(self) -> Policy:
        """What is allowed."""
        return self._rules.policy

    def _desk(self, ticket: str, names: Sequence[str]) -> Desk:
        return Desk(self._client, self._rules, ticket, texts_of(names, "names", "names"))


class Support(_Support):
    """
    A desk that answers customers, on the blocking face.  Used from any number of threads.

    >>> from dragoman.kits import Support
    >>> Support(model="sim/echo").open("ticket-42")
    <Session 'ticket-42'>
    """

    def _made(self, client: Any) -> Client:
        if client is not None and not isinstance(client, Client):
            raise ConfigError(f"client is {type(client).__name__}: give a Client", field="client")
        return Client() if client is None else client

    def open(self, ticket: str, *, names: Sequence[str] = ()) -> Session:
        """Open a ticket, new or known; does no I/O.  `names` are masked in it: those of its customer."""
        return Session(self._desk(ticket, names))

    def simulate(self, scenario: Scenario | str | Path | Mapping[str, Any]) -> Simulation:
        """
        Have a customer of a scenario talk to this desk, and say whether all went as expected.

        Args:
            scenario: A `Scenario`, its values, or the path of a TOML file with them.
        """
        return drive(simulated(self._client, self._rules, read_scenario(scenario)))

    def close(self) -> None:
        """Close the client, if it was made here.  Idempotent."""
        if self._own:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSupport(_Support):
    """A desk that answers customers, on the async face: `dragoman.kits.aio.Support`.  As `Support`."""

    def _made(self, client: Any) -> AsyncClient:
        if client is not None and not isinstance(client, AsyncClient):
            raise ConfigError(f"client is {type(client).__name__}: give an AsyncClient", field="client")
        return AsyncClient() if client is None else client

    def open(self, ticket: str, *, names: Sequence[str] = ()) -> AsyncSession:
        """Open a ticket; it is not awaited.  As `Support.open`."""
        return AsyncSession(self._desk(ticket, names))

    async def simulate(self, scenario: Scenario | str | Path | Mapping[str, Any]) -> Simulation:
        """Have a customer of a scenario talk to this desk.  As `Support.simulate`."""
        return await simulated(self._client, self._rules, read_scenario(scenario))

    async def aclose(self) -> None:
        """Close the client, if it was made here.  Idempotent."""
        if self._own:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
