"""Tracker's nouns and every line of its SQL."""
