"""Request schemas cut out of the vendors' published specifications."""
