"""
The verbs that are not chat: vectors, model lists, token counts, raw requests.

Each has a module with its one coroutine; `faces` gives them to the two clients.
"""
