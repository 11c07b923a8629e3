"""
Answers that were given before, given again.

A call is known by everything that decides what is sent, in one scope; its answer is kept only if it is proved
complete, and is given again as a plain answer or as a stream.

Rule: a wrong hit is worse than a miss, and a store that fails is a miss.

Read in this order: `key` and `known` (what a call is known by), `rules` (what is kept), `entry` (its stored form),
`replay` (how it is given again), `flights` (several who ask the same), `store` and its three kinds, `similar` and
`likeness` (questions that are nearly the same), `cache` (the public value), `visit` (one call), `caching` (the
middleware).
"""
