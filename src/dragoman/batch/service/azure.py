"""
Azure OpenAI's batch API: OpenAI's, by another clock.

A file must be processed before a batch can be made of it, and batches do not expire: they end when they end, or when
they are cancelled.  A model is the name of a deployment of the kind "global batch" or "data zone batch".

Source: learn.microsoft.com, "Getting started with Azure OpenAI batch deployments", and the v1 reference.
"""

from __future__ import annotations

from typing import Final

from dragoman.batch.service.files import FileMade
from dragoman.batch.service.openai import OpenAIBatches
from dragoman.errors import BadRequestError, ServerError
from dragoman.wire.base import decode_json

_BUSY: Final = frozenset({"pending", "running", "uploaded", "notRunning"})
# Seconds before the first look, and between two later ones at the most; and how often: an hour.
_FIRST: Final = 0.1
_MOST: Final = 5.0
_LOOKS: Final = 720


class AzureBatches(OpenAIBatches):
    """The batch API of Azure OpenAI; see `base.Service`."""

    async def _ready(self, file: FileMade) -> None:
        pause = _FIRST
        for _ in range(_LOOKS):
            if file.status not in _BUSY:
                break
            await self._calls.sleep(pause)
            pause = min(_MOST, pause * 2)
            raw = await self._calls.ask(self._calls.request("GET", f"files/{file.id}"))
            file = decode_json(raw.body, FileMade, "the file")
        else:
            raise ServerError(f"the file {file.id} was not processed in time", provider=self._calls.provider.name)
        if file.status == "error":
            raise BadRequestError(f"the file {file.id} cannot be processed", provider=self._calls.provider.name)


SERVICE = AzureBatches
