"""A long conversation of which only some is sent: the first turn, a summary, and the last turns."""

from dragoman import Client, Pin, Summarise

with Client() as client:
    talk = client.conversation(
        "windows",
        model="sim/echo",
        system="You are brief.",
        window=[Pin(first=1), Summarise("sim/lorem", keep=2, high=300)],
    )
    for number in range(15):
        talk.say(f"Question {number}: what is there to be said about the number {number}?", f"turn-{number}")
    talk.settle()
    print(talk.explain("And in the end?"))
    print(len(talk.view()), "of", len(talk.history), "messages are sent")
