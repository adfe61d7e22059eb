"""Simulated providers, a receiver that verifies, and `tracker demo`, which puts them to work. The tests use them too."""
