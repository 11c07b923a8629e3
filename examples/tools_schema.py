"""Offer functions as tools: their schemas come from signature and docstring; run what the model asks for."""

from __future__ import annotations

import json
import os
from typing import Literal

from dragoman import Client, Message, ToolCall, tool

MODEL = os.environ.get("MODEL", "sim/echo")


@tool
def weather(city: str, days: int = 1, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """
    Forecast for a city.

    Args:
        city: Its name, in English.
        days: How many days ahead.
        unit: Unit of the temperatures.
    """
    return f"{city or 'Nowhere'}: 21 degrees {unit} for {days} day(s)"


TOOLS = {"weather": weather}


def run(call: ToolCall) -> Message:
    """Run one call; what is wrong with it goes back to the model as an error."""
    if call.name not in TOOLS or not isinstance(call.arguments, dict):
        return Message.tool(call, f"cannot call {call.name} with {call.arguments_json}", is_error=True)
    return Message.tool(call, TOOLS[call.name](**call.arguments))


print(json.dumps(weather.declaration.parameters, indent=2))

with Client() as client:
    history = [Message.user("What will the weather be in Paris?")]
    # The simulator calls a tool where one must be called; a real model decides by itself.
    answer = client.chat(MODEL, history, tools=[weather], tool_choice="required")
    history += [answer.message, *(run(call) for call in answer.tool_calls)]
    for message in history:
        print(f"{message.role}: {message.text or list(message.parts)}")
    print("model:", client.chat(MODEL, history, tools=[weather]).text)
