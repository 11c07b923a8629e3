"""
What of a long conversation is sent, and what that does to the provider's prompt cache.

    path -> outline (what holds) -> View -> policies, in order -> decisions (nodes) -> messages -> cache marks

`outline` reads a path, `deciding` asks the policies, each policy has a file, `caching` places marks, `explaining` says
it all in words, and `aside` has summaries written while nobody waits.

Rule: whatever a policy decides is a node of the tree, so all processes send the same, also after a restart.
"""
