"""Send a picture and a document; see what would go over the wire, without sending it."""

from __future__ import annotations

import os

import msgspec

from dragoman import Client, File, Image, Message

MODEL = os.environ.get("MODEL", "anthropic/claude-haiku-5-5")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(16)

question = Message.user(
    "What do these show?",
    Image(data=PICTURE),
    Image(url="https://example.com/photo.jpg"),
    File(data=b"%PDF-1.7\n", name="report.pdf"),
)

os.environ.setdefault("ANTHROPIC_API_KEY", "not-a-real-key")
with Client() as client:
    request = client.prepare(MODEL, question, max_tokens=100)

print(request.method, request.url)
print(request.headers)
print(msgspec.json.format(request.body).decode())
