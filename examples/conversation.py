"""A conversation that several processes may go on with, and that no retry says twice."""

from dragoman import Client, LastTurns

with Client() as client:
    talk = client.conversation(
        "ticket-42",
        model="sim/echo",
        store="sqlite:///talk.db",
        system="You are brief.",
        window=LastTurns(20),
    )
    print(talk.say("My name is Ada.", "message-1").text)
    print(talk.say("My name is Ada.", "message-1").text)  # again: the stored answer, no model is asked
    with talk.stream("What is my name?", "message-2") as stream:
        for text in stream.text:
            print(text, end="")
    print()

    other = talk.fork("what-if", at="message-1")
    other.say("Call me Grace.")
    print(len(talk.history), "and", len(other.history), "messages")
    print(talk.export("markdown"))
