"""LangGraph with its checkpointers: one graph of one node, one thread."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from talk_model import Model

LABEL = "LangGraph checkpointer"
ENVIRONMENT = "langgraph"


class _State(TypedDict):
    messages: Annotated[list[Any], add_messages]


class Talk:
    """One thread; `place` is the path of a file, or the URL of Postgres."""

    def __init__(self, place: str, model_url: str) -> None:
        self._model = Model(model_url) if model_url else None
        self._ready: str | None = None
        self._stack = ExitStack()
        graph = StateGraph(_State)
        graph.add_node("model", self._node)
        graph.add_edge(START, "model")
        self._graph = graph.compile(checkpointer=self._saver(place))
        self._config: Any = {"configurable": {"thread_id": "bench"}}

    def _saver(self, place: str) -> Any:
        if place.startswith("postgres"):
            from langgraph.checkpoint.postgres import PostgresSaver

            saver: Any = self._stack.enter_context(PostgresSaver.from_conn_string(place))
        else:
            from langgraph.checkpoint.sqlite import SqliteSaver

            saver = self._stack.enter_context(SqliteSaver.from_conn_string(place))
            saver.conn.execute("PRAGMA busy_timeout = 30000")
        saver.setup()
        return saver

    def _node(self, state: _State) -> dict[str, Any]:
        if self._ready is not None or self._model is None:
            return {"messages": [AIMessage(self._ready or "")]}
        return {"messages": [AIMessage(self._model.ask([message.content for message in state["messages"]]))]}

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        self._graph.invoke({"messages": [HumanMessage(text)]}, self._config)

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there."""
        self._ready = answer
        self._graph.invoke({"messages": [HumanMessage(asked)]}, self._config)

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        return [message.content for message in self._graph.get_state(self._config).values.get("messages", [])]

    def close(self) -> None:
        """Give back what it has."""
        self._stack.close()
