"""
Texts that are written to a brief: mail, report, code.

    brief -> prompt -> model -> read -> checked (and asked again) -> result

Rule: what can be checked without a model is checked; what is wrong in the end is in `findings`, and never put right in
silence.
"""
