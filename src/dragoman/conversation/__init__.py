"""
Conversations that last: kept in a store, shared by threads, processes and hosts.

`model` has the values, `store` says what a store must do, `sqlite` is one, `window` decides what is sent, `talk` is
what a conversation does, on either face, and `transcripts` are the forms in which conversations come and go.
"""

from __future__ import annotations

from dragoman.conversation.transcripts.moving import import_all

__all__ = ["import_all"]
