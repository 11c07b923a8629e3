"""
Documents with other words: what translating and polishing share.

    files     the source, and the output in one step
    glossary  terms and their translations
    groups    segments that are asked together
    asking    one request
    journal   what is paid, beside the output
    engine    all groups in parallel, joined in order
"""
