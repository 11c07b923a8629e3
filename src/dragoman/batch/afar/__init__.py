"""
What an engine has whose rows are asked by workers elsewhere, wherever that is.

    Crew      in the driver: hands rows to workers, takes back what came of them, and replaces who is lost
    Asker     at the other end: many rows at a time; a subclass knows what a row is and how it travels

`batch/ray` places workers on a cluster, `batch/processes` on this machine.

Rule: a row is bytes here.  What is in them is between the two ends of an engine.
"""
