"""
The kits' prompts: files that a user can copy and edit.

A prompt is Markdown with places for values: `{text}`; `{{` and `}}` are braces.  What is put into a place is never read
as a template again, so what a document says cannot reach another value.

Rule: a library call reads the prompts of the package, or those of the folder that it was given; only the command line
looks into the user's folder by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError
from dragoman.kits.arguments import folder_of

_PLACE: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|\{|\}")


class Prompts:
    """
    The prompts of one kit.

    Args:
        kit: Name of its package below `dragoman.kits`.
        folder: Where edited ones are; a file that is not there is the package's.
    """

    def __init__(self, kit: str, folder: str | Path | None = None) -> None:
        """
        Raises:
            ConfigError: The folder is none.
        """
        self.kit = kit
        self._folder = folder_of(folder, "prompts") if folder is not None else None

    @property
    def names(self) -> list[str]:
        """Names of the prompts, in order."""
        return sorted(entry.name[:-3] for entry in _package(self.kit) if entry.name.endswith(".md"))

    def text(self, name: str) -> str:
        """
        The prompt as it is written.

        Raises:
            ConfigError: There is none of that name.
        """
        if self._folder is not None and (edited := self._folder / f"{name}.md").is_file():
            try:
                return edited.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"the prompt {str(edited)!r} cannot be read: {getattr(error, 'strerror', None) or error}",
                    field="prompts",
                ) from error
        for entry in _package(self.kit):
            if entry.name == f"{name}.md":
                return entry.read_text(encoding="utf-8")
        raise ConfigError(f"the kit {self.kit!r} has no prompt {name!r}: it has {', '.join(self.names)}", field="name")

    def fill(self, name: str, values: Mapping[str, str]) -> str:
        """
        The prompt with its places filled.

        Raises:
            ConfigError: It has a place for which there is no value, or a single brace.
        """
        return fill(self.text(name).strip(), values, f"the prompt {name!r} of the kit {self.kit!r}")


def fill(text: str, values: Mapping[str, str], what: str = "the template") -> str:
    """
    Fill the places of a template.

    >>> fill("Say {word} in {{braces}}.", {"word": "hello"})
    'Say hello in {braces}.'
    """

    def filled(found: re.Match[str]) -> str:
        name, whole = found[1], found[0]
        if name is None:
            if len(whole) == 1:
                raise ConfigError(f"{what} has a single {whole!r}: write {whole * 2!r}", field="prompts")
            return whole[0]
        if name not in values:
            known = ", ".join(values)
            raise ConfigError(f"{what} has a place {{{name}}}, and there are only {known}", field="prompts")
        return values[name]

    return _PLACE.sub(filled, text)


def _package(kit: str) -> list[Path]:
    folder = files("dragoman.kits").joinpath(kit, "prompts")
    if not folder.is_dir():
        raise ConfigError(f"there is no kit {kit!r}", field="kit")
    return [Path(str(entry)) for entry in folder.iterdir()]
