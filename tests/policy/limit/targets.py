"""What the limiter must reach on each simulated provider: parts of the possible rate and of 429s, with fixed seeds."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.policy.limit.bucket import Limit
from dragoman.testing.quota import Kind, Quota
from dragoman.testing.virtual import Load, Report, drive

KNOWN = (Limit(dimension="requests", amount=3000), Limit(dimension="tokens", amount=1_500_000))

# kind -> share at 1,500 calls, share at 10,000 calls, 429s per answered call
TARGETS: dict[Kind, tuple[float, float, float]] = {
    "strict": (0.98, 0.995, 0.001),
    "announced": (0.98, 0.995, 0.001),
    "lenient": (0.98, 0.98, 0.001),
    "neighbour": (0.95, 0.95, 0.01),
    "halved": (0.97, 0.97, 0.01),
    "anthropic": (0.97, 0.97, 0.001),
    "azure": (0.97, 0.99, 0.005),
    "windows": (0.80, 0.80, 0.02),
    "silent": (0.60, 0.90, 0.06),
}
SEEDS = (1, 2, 3)


def cases() -> Iterator[tuple[Kind, bool]]:
    """Each kind with limits learned, and with limits known beforehand where those are its own."""
    for kind in TARGETS:
        yield kind, False
        if kind not in ("anthropic", "windows"):
            yield kind, True


def run(kind: Kind, known: bool, count: int, seed: int) -> Report:
    """One run."""
    return drive(Quota(kind, seed), [Load(count=count)], limits=KNOWN if known else (), seed=seed)


def missed(kind: Kind, report: Report, count: int) -> list[str]:
    """Which targets were not reached."""
    at_1500, at_10000, refused = TARGETS[kind]
    found = [] if report.answered == count else [f"{kind}: {report.answered} of {count} answered"]
    share = at_10000 if count >= 10_000 else at_1500
    if count >= 1500 and report.share < share:
        found.append(f"{kind}: {report.share:.2%} of the possible rate, not {share:.1%}")
    if count >= 1500 and report.refused_part > refused:
        found.append(f"{kind}: {report.refused_part:.2%} refused, not {refused:.1%}")
    return found
