"""
What holds Dragoman to its word.

Property tests judge values, not speed: on a loaded machine a deadline per example would fail at random.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("dragoman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dragoman")
