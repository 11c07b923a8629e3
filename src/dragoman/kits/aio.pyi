"""The kits' functions to await, as type checkers see them."""

from dragoman.kits.composing.code import code as _code
from dragoman.kits.composing.mail import mail as _mail
from dragoman.kits.composing.report import report as _report
from dragoman.kits.faces import awaited as _awaited
from dragoman.kits.polishing.polish import estimate_polishing as _estimate_polishing
from dragoman.kits.polishing.polish import polish as _polish
from dragoman.kits.support.faces import AsyncSupport as Support
from dragoman.kits.translation.translate import estimate_translation as _estimate_translation
from dragoman.kits.translation.translate import translate as _translate

__all__ = ["Support", "code", "estimate_polishing", "estimate_translation", "mail", "polish", "report", "translate"]

translate = _awaited(_translate)
estimate_translation = _awaited(_estimate_translation)
polish = _awaited(_polish)
estimate_polishing = _awaited(_estimate_polishing)
mail = _awaited(_mail)
report = _awaited(_report)
code = _awaited(_code)
