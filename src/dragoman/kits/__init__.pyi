"""
The kits' functions, as type checkers see them; `dragoman.kits.aio` has the same to await.

Rule: what a function takes, gives and says stands at its coroutine alone.
"""

from dragoman.kits.composing.code import code as _code
from dragoman.kits.composing.mail import mail as _mail
from dragoman.kits.composing.report import report as _report
from dragoman.kits.composing.values import CodeResult as CodeResult
from dragoman.kits.composing.values import MailResult as MailResult
from dragoman.kits.composing.values import ReportResult as ReportResult
from dragoman.kits.faces import blocking as _blocking
from dragoman.kits.findings import Finding as Finding
from dragoman.kits.findings import KitResult as KitResult
from dragoman.kits.polishing.polish import PolishResult as PolishResult
from dragoman.kits.polishing.polish import estimate_polishing as _estimate_polishing
from dragoman.kits.polishing.polish import polish as _polish
from dragoman.kits.rewriting.values import RewriteEstimate as RewriteEstimate
from dragoman.kits.rewriting.values import RewriteProgress as RewriteProgress
from dragoman.kits.rewriting.values import RewrittenSegment as RewrittenSegment
from dragoman.kits.support.faces import Support as Support
from dragoman.kits.support.scenarios import Scenario as Scenario
from dragoman.kits.support.scenarios import Simulation as Simulation
from dragoman.kits.support.values import Escalation as Escalation
from dragoman.kits.support.values import SupportReply as SupportReply
from dragoman.kits.translation.translate import TranslateResult as TranslateResult
from dragoman.kits.translation.translate import estimate_translation as _estimate_translation
from dragoman.kits.translation.translate import translate as _translate

translate = _blocking(_translate)
estimate_translation = _blocking(_estimate_translation)
polish = _blocking(_polish)
estimate_polishing = _blocking(_estimate_polishing)
mail = _blocking(_mail)
report = _blocking(_report)
code = _blocking(_code)
