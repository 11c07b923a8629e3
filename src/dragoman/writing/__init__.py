"""
Answers longer than one reply: going on past the output cap until the text is finished.

    writes       what the verbs ask for
    writer       the loop: ask, join, look at how it ended, ask for the rest
    asking       how a model is asked for the rest, by its dialect
    joint        two pieces as one text, while the second one still comes
    repeats      what of the second piece the first one ends with
    fences, whole_json   where in Markdown or JSON a text stands
    draft        what is written so far
    checkpoint   the same in a file, so that a killed run goes on
    outline, report, headings   a plan, its sections one by one, and one document of them

Rule: the text is the model's.  At a seam what is there twice is taken out, and the wrapping of a piece; nothing is
added.
"""
