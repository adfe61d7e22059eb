"""Hypothesis for the rules: no deadline, since a slow machine is not a failure."""

from hypothesis import settings

settings.register_profile("rules", deadline=None, max_examples=40)
settings.load_profile("rules")
