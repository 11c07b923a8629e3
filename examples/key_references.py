"""Where keys may be: variables, files, files encrypted with age.  No network; the simulator would take any key."""

import os
import tempfile
from pathlib import Path

from dragoman import Client, ConfigError, Secret

folder = Path(tempfile.mkdtemp())

# A secret of Docker or Kubernetes is a file with a line feed at its end.
(folder / "openai").write_text("sk-of-no-one-1234567890\n")
os.environ["TEAM_KEY"] = "gsk-of-no-one-1234567890"

places = {"openai": f"file:{folder}/openai", "groq": "env:TEAM_KEY"}
try:
    import pyrage
except ImportError:
    print("age: pip install dragoman[age]")
else:
    identity = pyrage.x25519.Identity.generate()
    os.environ["DRAGOMAN_AGE_IDENTITY"] = str(identity)
    (folder / "keys.age").write_bytes(pyrage.encrypt(b'{"mistral": "of-no-one-1234"}', [identity.to_public()]))
    places["mistral"] = f"age:{folder}/keys.age#mistral"

with Client(providers={name: {"api_key": place} for name, place in places.items()}) as client:
    for name in places:
        request = client.prepare(f"{name}/some-model", "Hello", max_tokens=100)
        header = next(header for header in ("authorization", "x-api-key") if header in request.headers)
        print(f"{name}: {header} is {request.headers[header]}")

# What cannot be looked up is an error before anything is sent; several keys are used in turn.
with Client(providers={"openai": {"api_key": ["file:/nowhere/at/all", Secret("sk-of-no-one")]}}) as client:
    try:
        client.chat("openai/some-model", "Hello")
    except ConfigError as error:
        print(f"not sent: {error}")
