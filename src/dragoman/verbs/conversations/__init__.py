"""A conversation as its caller has it: what the capability gives, and the two faces of it."""
