"""
Conversations that last: kept in a store, shared by threads, processes and hosts.

`model` has the values, `store` says what a store must do, `sqlite` is one, `window` decides what is sent, and `talk` is
what a conversation does, on either face.
"""
