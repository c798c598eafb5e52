"""The conversation engine, pure: no I/O, no clock, no randomness, no settings.

It may import the standard library, `app.text`, `app.words`, `app.errors` and itself.
"""
