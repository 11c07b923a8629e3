"""
Answers as values: a type is asked for, and a value of that type comes back, or an error that says why not.

    types/shapes    the type, as a JSON Schema
    compilers       that schema, as each dialect can carry it
    fitting         a request with the schema that its provider takes
    reading         the model's text as a value of the type, or what is wrong with it
    parsing         asking, reading, and asking again with the errors
    reader, partial a value that is still being written

Rule: what does not satisfy the type as it was given never comes out, whatever the provider was able to enforce.
"""
