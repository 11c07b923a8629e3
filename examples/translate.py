"""Translate a document with a glossary, and polish a text; without a MODEL it is pseudo-translated."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dragoman import Client, kits

MODEL = os.environ.get("MODEL", "")
TO = os.environ.get("TO", "German") if MODEL else "pseudo"
SOURCE = """\
# The pump

Switch off the **pump** before you change the filter, see [the guide](https://plant.example/guide?id=7).
It holds 1,200.5 litres, and `pump.stop()` returns {seconds}.

| part | price |
|------|------:|
| the filter | 49.90 |

```python
pump.stop()  # stays as it is
```
"""

folder = Path(tempfile.mkdtemp())
(folder / "pump.md").write_text(SOURCE, "utf-8")

with Client() as client:
    result = kits.translate(
        folder / "pump.md",
        to=TO,
        model=MODEL,
        output=folder / "pump.out.md",
        glossary={"pump": "Pumpe", "filter": "Filter"},
        client=client,
    )
    print(result.text)
    print(f"- {len(result.segments)} segments, {result.requests} requests, ok: {result.ok}")
    for finding in result.findings:
        print(f"- {finding}")

    if MODEL:
        polished = kits.polish("The filter are full, we has to change it.\n", model=MODEL, level="light", client=client)
        print(polished.diff)
