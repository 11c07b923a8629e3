"""
What `Conversation.export` and `import_` do, and `import_all` for files of many conversations.

Rule: whoever imports into a conversation that has turns adds the messages of one branch to its end; a whole tree comes
only to where nothing is.
"""

from __future__ import annotations

from dragoman.conversation.model import MAIN, Locked, Path, Ref
from dragoman.conversation.nodes import ROOT
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.transcripts.forms import check_written, read_form, write_form
from dragoman.conversation.transcripts.planting import encrypted, harvest, opened, plant, taken
from dragoman.conversation.transcripts.reading import Given
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.conversation.view import history, nodes_of
from dragoman.errors import BusyError, ConfigError, ConversationError
from dragoman.runtime import BlockingRuntime, Runtime, drive


async def exported(store: Store, runtime: Runtime, ref: Ref, form: str) -> str:
    """
    Write a conversation: all of it in `json`, one branch in the other forms.

    Raises:
        ConfigError: There is no such form, or it is only read.
    """
    check_written(form)
    if form == "json":
        return write_form(await harvest(store, runtime, ref), form)
    path = opened(ref, await store.read(runtime, ref))
    return write_form(line_of(history(path.nodes if path else ()), ref.conversation), form)


async def imported(store: Store, runtime: Runtime, ref: Ref, data: Given, form: str, keep: float | None = None) -> int:
    """
    Add a conversation from elsewhere to a branch; a conversation that has nothing yet takes its branches, too.

    Returns:
        How many nodes were added.

    Raises:
        ConfigError: It is not of that form, or holds several; nothing was added.
        BusyError: The branch was changed meanwhile, or a turn runs.
    """
    tree = only(read_form(data, form))
    if ref.branch == MAIN and not await store.branches(runtime, ref):
        try:
            await plant(store, runtime, ref, tree, keep)
        except ConversationError as error:
            raise _changed(ref) from error
        return len(tree.twigs)
    nodes = nodes_of(tree.messages())
    path = opened(ref, await store.read(runtime, ref)) or Path(0, 0, ROOT, ())
    leaf = await store.append(runtime, ref, path.version, path.leaf, nodes, keep=keep) if nodes else path.leaf
    if isinstance(leaf, Locked):
        raise encrypted(ref)
    if leaf is None:
        raise _changed(ref)
    return len(nodes)


def only(trees: list[Tree]) -> Tree:
    """
    Return the one conversation of a file.

    Raises:
        ConfigError: There is none, or there are several.
    """
    if len(trees) != 1:
        raise ConfigError(f"data holds {len(trees)} conversations: use import_all for such a file", field="data")
    return trees[0]


def _changed(ref: Ref) -> BusyError:
    return BusyError(
        f"the conversation {ref.conversation!r} was changed meanwhile, or a turn runs: try again", retryable=True
    )


# --- many -------------------------------------------------------------------------------------------------------------


def import_all(
    store: str | Store,
    data: Given,
    form: str,
    *,
    tenant: str = "default",
    user: str = "",
    prefix: str = "",
    dry_run: bool = False,
) -> list[str]:
    """
    Begin a conversation for each that a file holds.

    Args:
        store: Its URL, or the store itself.
        data: The path of the file (a `pathlib.Path`; of an SQLite file also its name as text), or what is in it.
        form: `json`, `openai`, `responses`, `anthropic`, `sharegpt`, `markdown`, `langgraph`, `pydantic-ai`,
            `openai-agents`, `chatgpt` or `llm`.
        tenant: Whose they become.
        user: And which user's.
        prefix: What their names begin with.
        dry_run: Whether only to read the file and look for names that are taken.

    Returns:
        Their names: those that they had, numbered where two were alike.

    Raises:
        ConfigError: It is not of that form; `.field` says where, and nothing was written.
        ConversationError: A name is taken; nothing was written.
        StoreError: The store failed; the conversations before are there.

    >>> import_all("memory://", '[{"role": "user", "content": "Hi"}]', "openai", prefix="old-")
    ['old-openai-1']
    """
    trees = read_form(data, form)
    names = _names(trees, prefix, form)
    kept = open_store(store) if isinstance(store, str) else store
    try:
        drive(_all(kept, trees, [Ref(tenant, name, user=user) for name in names], dry_run))
    finally:
        if isinstance(store, str):
            kept.close()
    return names


async def _all(store: Store, trees: list[Tree], refs: list[Ref], dry_run: bool) -> None:
    runtime = BlockingRuntime()
    for ref in refs:
        if await store.branches(runtime, ref):
            raise taken(ref)
    for ref, tree in zip(refs, trees, strict=True):
        if not dry_run:
            await plant(store, runtime, ref, tree)


def _names(trees: list[Tree], prefix: str, form: str) -> list[str]:
    """A name for each, none twice."""
    names: dict[str, None] = {}
    for number, tree in enumerate(trees, 1):
        wanted = prefix + (tree.name.replace("\0", "") or f"{form}-{number}")
        name, again = wanted, 1
        while name in names:
            again += 1
            name = f"{wanted}-{again}"
        names[name] = None
    return list(names)
