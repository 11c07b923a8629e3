"""
Places where keys are kept, one module for each family.

Each has functions of a reference and the variables that return a text; `dragoman.secrets.schemes` is their table.
"""
