"""
A conversation outside of its store, in the forms that others have for it.

`tree` is the value that every form is written from and read to, `reading` opens what came from elsewhere, each other
module is one form, and `forms` is their table.

Rule: what comes from elsewhere is data.  Nothing of it is evaluated, imported or unpickled, and what is wrong with it
is a `ConfigError` whose `.field` names the place.
"""
