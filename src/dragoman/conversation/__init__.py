"""
Conversations that last: kept in a store, shared by threads, processes and hosts.

`nodes` are what the tree is made of, `model` has the values that a store is told and tells, `store` says what a store
must do, `sqlite` is one, `window` decides what is sent, `talk` is what a conversation does, on either face (`line`,
`bough` and `tree` are parts of it), and `transcripts` are the forms in which conversations come and go.
"""

from __future__ import annotations

from dragoman.conversation.transcripts.moving import import_all

__all__ = ["import_all"]
