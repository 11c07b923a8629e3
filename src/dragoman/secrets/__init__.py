"""
Where credentials come from, and how they are held.

Nothing here reads the process's environment by itself: whoever asks passes the variables in.
"""

from __future__ import annotations

from dragoman.secrets.address import address_variables, find_address, find_base_url
from dragoman.secrets.authorize import authorize, finds_its_own
from dragoman.secrets.dotenv import load_dotenv, parse_dotenv, read_dotenv
from dragoman.secrets.env import find_key, found_in, key_variables, read_key
from dragoman.secrets.keys import Keys
from dragoman.secrets.reference import Reference, parse_reference
from dragoman.secrets.secret import Secret, check_key
from dragoman.secrets.source import KeySource
from dragoman.secrets.stored import StoredKeys, find_stored, stored_keys
from dragoman.secrets.variables import Variables, veiled

__all__ = [
    "KeySource",
    "Keys",
    "Reference",
    "Secret",
    "StoredKeys",
    "Variables",
    "address_variables",
    "authorize",
    "check_key",
    "find_address",
    "find_base_url",
    "find_key",
    "find_stored",
    "finds_its_own",
    "found_in",
    "key_variables",
    "load_dotenv",
    "parse_dotenv",
    "parse_reference",
    "read_dotenv",
    "read_key",
    "stored_keys",
    "veiled",
]
