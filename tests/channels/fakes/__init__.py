"""Fake providers: each speaks its own format on 127.0.0.1, faults included."""
