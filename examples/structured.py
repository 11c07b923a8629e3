"""Values instead of text: a type is asked for, watched while it is written, and mended when it does not fit."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dragoman import Client, SchemaError
from dragoman.testing import Server, says


class Review(msgspec.Struct):
    """What a customer thinks."""

    product: str
    stars: Annotated[int, msgspec.Meta(ge=1, le=5)]
    mood: Literal["happy", "angry", "neutral"]


WRONG = '{"product": "kettle", "stars": 9, "mood": "delighted"}'
RIGHT = '{"product": "kettle", "stars": 5, "mood": "happy"}'

# A provider on this machine that first gets it wrong.  A real one is asked in the same way.
with Server(says(WRONG), says(RIGHT), says(f'{{"value": [{RIGHT}, {RIGHT}]}}', chunk=8), default=says(WRONG)) as server:
    client = Client(providers={"fake": {"base_url": server.base_url(), "api_key": "none"}})

    answer = client.parse("fake/any", "I love this kettle!", output=Review)
    print(f"{answer.output} after {len(answer.attempts)} answers")

    with client.stream("fake/any", "All reviews, please.", output=list[Review]) as stream:
        for review in stream.items:
            print("came:", review)

    try:
        client.parse("fake/any", "Once more.", output=Review, attempts=1)
    except SchemaError as error:
        print("no value:", *error.errors, sep="\n  ")
    client.close()
