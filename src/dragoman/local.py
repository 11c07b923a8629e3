"""
Models in this process: what is in memory, and how to free it.

Loading is not here: the first call to `local/path/to/model.gguf` does it.
"""

from __future__ import annotations

import sys


def loaded() -> list[str]:
    """Files (or `hf:` names) of the models in memory, in the order in which they were asked last."""
    if _MODELS not in sys.modules:
        return []
    from dragoman.transport import local_models

    return local_models.loaded()


def unload() -> None:
    """
    Free the memory of all models; one that is answering goes when its answers are out.  The next call loads it again.

    Raises:
        ConfigError: This process was forked from one that had models, so llama.cpp can free nothing.
    """
    if _MODELS in sys.modules:
        from dragoman.transport import local_models

        local_models.unload()


_MODELS = "dragoman.transport.local_models"  # not there: no model was ever asked
