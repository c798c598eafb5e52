"""Sizes of the web process."""

THREADS = 8
"""Turns worked at once; each holds one database connection."""
